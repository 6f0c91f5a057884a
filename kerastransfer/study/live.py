"""A study's runs while they are carried out: a table on a terminal, else lines."""

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from kerastransfer.evaluation import wording
from kerastransfer.foundation.progress import duration
from kerastransfer.foundation.report import say
from kerastransfer.study.grid import Cell
from kerastransfer.study.statistics import mean_over_draws, step_of
from kerastransfer.study.work import RunRow

if TYPE_CHECKING:
    from rich.table import Table


class Show(Protocol):
    """Is told of runs as they begin and end."""

    def begin(self, cell: Cell) -> None:
        """Take note of a run that begins."""

    def end(self, cell: Cell, row: RunRow) -> None:
        """Take note of a run's row."""


class Lines:
    """Says a line when a run begins, and one when it ends."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._numbers = {str(cell): n for n, cell in enumerate(cells, start=1)}

    def begin(self, cell: Cell) -> None:
        """See `Show`."""
        say(f"{self._name(cell)}: {cell}")

    def end(self, cell: Cell, row: RunRow) -> None:
        """See `Show`."""
        outcome = str(row["error"])
        if not outcome:
            took = duration(row["seconds"])
            outcome = f"accuracy {_percent(row)}, trained in {took}"
        say(f"{self._name(cell)}: {outcome}")

    def _name(self, cell: Cell) -> str:
        return f"Run {self._numbers[str(cell)]} of {len(self._numbers)}"


class Board:
    """The state of every run, as a table: a row for each number of images.

    Parameters
    ----------
    cells : sequence of Cell
        All runs.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = cells
        self._begun: set[str] = set()
        self._rows: dict[str, RunRow] = {}

    def begin(self, cell: Cell) -> None:
        """See `Show`."""
        self._begun.add(str(cell))

    def end(self, cell: Cell, row: RunRow) -> None:
        """See `Show`."""
        self._rows[str(cell)] = row

    def table(self) -> "Table":
        """Draw the table: mean accuracies, and how many runs they are of."""
        from rich.table import Table

        recipes = list(dict.fromkeys(map(_column, self._cells)))
        done = len(self._rows)
        table = Table(title=f"{done:,} of {len(self._cells):,} runs", box=None)
        for heading in ("dataset", "images a class", *recipes):
            table.add_column(heading, overflow="fold")
        for name, images in dict.fromkeys(map(_line, self._cells)):
            own = [cell for cell in self._cells if _line(cell) == (name, images)]
            states = [
                self._state([cell for cell in own if _column(cell) == recipe])
                for recipe in recipes
            ]
            table.add_row(name, images, *states)
        return table

    def __rich__(self) -> "Table":
        return self.table()

    def _state(self, cells: Sequence[Cell]) -> str:
        """Sum up the runs of a place in the table."""
        names = [str(cell) for cell in cells]
        rows = [self._rows[name] for name in names if name in self._rows]
        good = [row for row in rows if not row["error"]]
        parts = [_percent(good[0])] if len(good) == 1 else []
        if len(good) > 1:
            accuracies = [row["accuracy"] for row in good]
            mean = mean_over_draws(accuracies, least=0.0, step=step_of(good))
            parts = [wording.percent(dataclasses.asdict(mean))]
        if names and len(good) < len(names):
            parts.append(f"{len(good)} of {len(names)}")
        if len(rows) > len(good):
            parts.append(f"{len(rows) - len(good)} failed")
        if any(name in self._begun and name not in self._rows for name in names):
            parts.append("training")
        return ", ".join(parts)


@contextlib.contextmanager
def showing(cells: Sequence[Cell]) -> Iterator[Show]:
    """Show how far a study is, for as long as it is carried out."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield Lines(cells)
        return
    from rich.console import Console
    from rich.live import Live

    board = Board(cells)
    # What runs say goes to their logs; nothing else is to be caught.
    caught: dict[str, Any] = {"redirect_stdout": False, "redirect_stderr": False}
    with Live(board, console=Console(file=stream), refresh_per_second=2, **caught):
        yield board


def _percent(row: RunRow) -> str:
    """Write a run's accuracy, with its interval over images."""
    ends = {"value": "accuracy", "low": "accuracy_low", "high": "accuracy_high"}
    return wording.percent({name: row[column] for name, column in ends.items()})


def _line(cell: Cell) -> tuple[str, str]:
    images = cell.images_per_class
    return cell.dataset.name, "all" if images is None else f"{images:,}"


def _column(cell: Cell) -> str:
    rate = "" if cell.rate is None else f" at {cell.rate:g}"
    return f"{cell.recipe}{rate}"
