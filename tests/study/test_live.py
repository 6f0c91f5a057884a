"""What a terminal shows of a study, and what a file is told."""

import io
import sys

import pytest
from rich.console import Console

from kerastransfer.datasets.table import resolve
from kerastransfer.recipe import Recipe
from kerastransfer.study import live
from kerastransfer.study.grid import Grid

CELLS = Grid(
    datasets=(resolve("digits"),),
    recipes=(Recipe.parse("F1-7R8"), Recipe.parse("FT1-7R8")),
    images_per_class=(2, 5),
    draws=2,
    rates=(1e-4,),
).cells()


def row(accuracy=None, error=""):
    low, high = (None, None) if accuracy is None else (accuracy - 0.1, accuracy + 0.1)
    ends = {"accuracy_low": low, "accuracy_high": high}
    about = {"error": error, "seconds": 65.0, "test_images": 100}
    return {"accuracy": accuracy, **ends, **about}


def drawn(board):
    console = Console(file=io.StringIO(), width=100)
    console.print(board)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def test_a_table_has_a_row_for_each_number_of_images_and_a_column_for_each_recipe():
    board = live.Board(CELLS)
    assert drawn(board)[0] == "0 of 8 runs"
    nothing = ["0", "of", "2"]
    assert drawn(board)[2].split() == ["digits", "5", *nothing, *nothing]
    frozen = [c for c in CELLS if c.images_per_class == 5 and str(c.recipe) == "F1-7R8"]
    tuned = [c for c in CELLS if c.images_per_class == 2 and str(c.recipe) == "FT1-7R8"]
    for cell, accuracy in zip(frozen, (0.8, 0.9), strict=True):
        board.begin(cell)
        board.end(cell, row(accuracy))
    board.begin(tuned[0])
    board.end(tuned[0], row(error="no weights"))
    board.begin(tuned[1])
    title, heading, five, two = drawn(board)
    assert title == "3 of 8 runs"
    assert "F1-7R8" in heading and "FT1-7R8 at 0.0001" in heading
    assert two.endswith("0 of 2, 1 failed, training")
    assert "85.0 % (21.5 to 100.0)" in five and five.endswith("0 of 2")


def test_without_a_terminal_there_are_lines(capsys):
    with live.showing(CELLS) as show:
        show.begin(CELLS[0])
        show.end(CELLS[0], row(0.5))
        show.begin(CELLS[1])
        show.end(CELLS[1], row(error="no weights"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"Run 1 of 8: {CELLS[0]}",
        "Run 1 of 8: accuracy 50.0 % (40.0 to 60.0), trained in 1 min 5 s",
        f"Run 2 of 8: {CELLS[1]}",
        "Run 2 of 8: no weights",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_is_shown_the_table(monkeypatch, term):
    stream = Terminal()
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", stream)
    with live.showing(CELLS) as show:
        show.begin(CELLS[0])
        show.end(CELLS[0], row(0.5))
    assert "1 of 8 runs" in stream.getvalue()
    assert "50.0 %" in stream.getvalue()
