"""What long work says of itself, on a terminal and without one."""

import builtins
import contextlib
import importlib.machinery
import os
import subprocess
import sys
import time
import types

import pytest

from kerastransfer.foundation.progress import stages


def test_stages_are_told_one_after_the_other(capsys):
    with stages() as stage:
        reading = stage("Reading", "MB", scale=10**6)
        writing = stage("Writing")
        assert capsys.readouterr().err == ""  # nothing has begun
        for done in range(0, 50_000_001, 1_000_000):
            reading(done, 50_000_000)
        for done in range(1, 4):
            writing(done, 3)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        *(f"Reading: {n} of 50" for n in range(5, 51, 5)),
        *(f"Writing: {n} of 3" for n in range(1, 4)),
    ]
    assert " MB/s" in lines[0] and " images/s" in lines[-1]
    assert " left)" in lines[0] and "left" not in lines[-1]


def test_steps_of_any_size_are_told(capsys):
    with stages() as stage:
        show = stage("Reading", "MB", scale=10**6)
        show(0, 30_000_000)
        show(17_000_000, 30_000_000)  # over several tenths at once
        show(30_000_000, 30_000_000)
        stage("Nothing")(0, 0)
    lines = [line.split(" (")[0] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["Reading: 17 of 30", "Reading: 30 of 30"]


def test_short_work_need_not_be_told(capsys):
    with stages() as stage:
        show = stage("Writing", after=60.0)
        for done in range(101):
            show(done, 100)
    assert capsys.readouterr().err == ""


BARS = """
from kerastransfer.foundation.progress import stages
with stages() as stage:
    reading, encoding = stage("Reading", "MB", scale=10**6), stage("Encoding")
    stage("Never begun")
    for done in range(11):
        reading(done * 10**6, 10**7)
    for done in range(1, 8):
        encoding(done, 7)
"""


def test_a_terminal_shows_bars_of_the_work_that_has_begun():
    pty = pytest.importorskip("pty", reason="needs a terminal of POSIX")
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", BARS]
    with subprocess.Popen(command, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            seen += data
    os.close(ours)
    assert process.returncode == 0
    assert b"Reading" in seen and b"10/10" in seen
    assert b"Encoding" in seen and b"7/7" in seen
    assert b"Never begun" not in seen


class ZMQInteractiveShell:
    """By this class name a notebook is recognised."""


@pytest.fixture
def notebook(monkeypatch):
    """Pretend to be in a notebook; return what is displayed."""
    displayed = []

    class Output:
        outputs = ()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def clear_output(self, wait=False):
            pass

        def close(self):
            pass

    def module(name, **members):
        made = types.ModuleType(name)
        made.__spec__ = importlib.machinery.ModuleSpec(name, None)
        for key, value in members.items():
            setattr(made, key, value)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    def display(*shown, **options):
        displayed.extend(shown)

    inner = module("IPython.display", display=display)
    module("IPython", display=inner)
    module("ipywidgets", Output=Output)
    shell = ZMQInteractiveShell()
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    return displayed


def work():
    with stages() as stage:
        show = stage("Encoding")
        for done in range(1, 8):
            show(done, 7)
            time.sleep(0.15)  # ten pictures a second are drawn


def test_a_notebook_shows_bars(notebook, capsys):
    work()
    texts = [
        item._repr_mimebundle_([], [])["text/plain"]
        for item in notebook
        if hasattr(item, "_repr_mimebundle_")
    ]
    assert any("Encoding" in text and "/7" in text for text in texts)
    assert "Encoding: " not in capsys.readouterr().err


def test_a_notebook_that_cannot_draw_gets_lines(notebook, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipywidgets")
    with contextlib.suppress(ImportError):
        import ipywidgets  # noqa: F401

        pytest.skip("ipywidgets are installed")
    work()
    assert not notebook
    assert "Encoding: 7 of 7" in capsys.readouterr().err
