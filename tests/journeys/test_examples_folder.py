"""The examples run as they stand, and the notebook shows tables."""

from pathlib import Path

import nbclient
import nbformat
import pytest
from helpers.warm import WarmProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def test_there_are_three_scripts_and_a_notebook():
    assert len(SCRIPTS) == 3
    assert [path.name for path in EXAMPLES.glob("*.ipynb")] == ["freeze_or_tune.ipynb"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Records and features, shared by the examples as by those who try them."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs(script, home, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(home))
    process = WarmProcess(script, cwd=tmp_path)
    out, told = process.communicate()
    assert process.returncode == 0, told
    assert "%" in out or "cosine" in out
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_notebook_runs_and_its_results_are_shown(home, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(home))
    notebook = nbformat.read(EXAMPLES / "freeze_or_tune.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    results = [
        output["data"]
        for cell in code
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    assert len(results) == 5
    assert all("text/html" in data for data in results)
    assert "<table>" in results[-1]["text/html"]
    printed = "".join(output.get("text", "") for output in code[-2].outputs)
    assert printed.count("n = 500") == 4
