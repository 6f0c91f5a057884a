"""Files of a study's figures: which, whether the same again, and what is left out."""

import json
import subprocess
import sys

import pytest
from helpers import made_up_study
from PIL import Image

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.study import distances
from kerastransfer.study.figures import save

pytest.importorskip("matplotlib")

FIGURES = [f"figure{n}.{kind}" for n in (1, 2, 3) for kind in ("png", "svg")]
TABLES = [f"table{n}.{kind}" for n in (2, 3) for kind in ("csv", "md")]
TWO = ("digits", "stamps")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "study"
    rows = made_up_study.make_rows(TWO, numbers=(1, 10))
    return made_up_study.write(folder, rows, made_up_study.make_distances(TWO))


@pytest.fixture(scope="module")
def drawn(study):
    return kt.study_figures(study)


def test_every_figure_is_png_and_svg_and_every_table_markdown_and_csv(drawn, study):
    names = sorted(path.name for path in (study / "figures").iterdir())
    assert names == sorted([*FIGURES, *TABLES])
    assert str(drawn).splitlines() == [str(path) for path in drawn.paths]
    assert sorted(path.name for path in drawn.paths) == names
    assert drawn.left_out == {}
    for name in names:
        path = study / "figures" / name
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert min(picture.size) > 600
        assert path.stat().st_size > 300


def test_the_same_study_gives_the_same_files(drawn, study, tmp_path, capsys):
    command = ["study", "figures", str(study), "--out", str(tmp_path / "again")]
    assert cli.main(command) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == [str(tmp_path / "again" / path.name) for path in drawn.paths]
    for path in drawn.paths:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert b"<dc:date>" not in (study / "figures" / "figure1.svg").read_bytes()


def test_frozen_recipes_are_in_one_figure_and_tuned_ones_in_the_other(
    study, tmp_path, monkeypatch
):
    labels = {}

    def keep(stem, figure):
        texts = [t.get_text() for each in figure.legends for t in each.get_texts()]
        labels[stem.name] = {text.split(",")[0] for text in texts}
        return []

    monkeypatch.setattr(save, "_write_figure", keep)
    kt.study_figures(study, out=tmp_path)
    assert labels["figure2"] == {"F1-7R8", "F1-5R6-8", "R1-8"}
    assert labels["figure1"] == {"F1-7R8", "FT1-7R8", "F1-5FT6-7R8"}


def test_the_margin_reaches_table_3(study, tmp_path):
    strict, lax = (
        kt.study_figures(study, out=tmp_path, margin=margin) for margin in (None, 0.5)
    )
    assert str(strict.table3) != str(lax.table3)


def test_what_a_study_does_not_have_is_left_out_with_its_reason(tmp_path, capsys):
    rows = made_up_study.make_rows(("digits",), ("F1-7R8",), numbers=(1,))
    folder = made_up_study.write(tmp_path / "study", rows)
    assert cli.main(["study", "figures", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["left_out"]) == ["figure1", "figure3"]
    assert "no tuned recipe" in shown["left_out"]["figure1"]
    assert "measures distances" in shown["left_out"]["figure3"]
    assert "no figure1: no tuned recipe" in str(kt.study_figures(folder))
    nothing = made_up_study.write(tmp_path / "nothing", [])
    assert len(kt.study_figures(nothing).left_out) == 3


def test_a_study_that_is_not_there_or_damaged_is_refused(study, tmp_path):
    with pytest.raises(MissingError, match=r"results\.csv"):
        kt.study_figures(tmp_path)
    rows = made_up_study.make_rows(("digits",), numbers=(1,))
    folder = made_up_study.write(tmp_path / "study", rows)
    (folder / distances.DISTANCES).write_text("[]")
    with pytest.raises(DataError, match="delete that file"):
        kt.study_figures(folder)
    assert not (folder / "figures").exists()


def test_without_matplotlib_one_line_says_what_to_install(study, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'kerastransfer\[plot\]'"):
        kt.study_figures(study)
    assert cli.main(["study", "figures", str(study)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "'study figures' needs matplotlib" in line


def test_neither_help_nor_a_refusal_waits_for_matplotlib_or_tensorflow(tmp_path):
    code = (
        "import contextlib, sys\n"
        "from kerastransfer import cli\n"
        "with contextlib.suppress(SystemExit):\n"
        "    cli.main(['study', 'figures', '--help'])\n"
        f"cli.main(['study', 'figures', {str(tmp_path)!r}])\n"
        "print({'matplotlib', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "set()"
    assert "results.csv" in ended.stderr
