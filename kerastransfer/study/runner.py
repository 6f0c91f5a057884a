"""Carrying a study out: each run once, whatever becomes of the others."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kerastransfer.foundation import locks
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.study import identity, live, results
from kerastransfer.study.grid import Cell, Grid
from kerastransfer.study.work import Common, RunRow, Work

LOCK = "study.lock"
# Asked before a run is begun, whether it may be.
Begin = Callable[[Cell], bool]
# Carries runs out, in any order and anywhere, and yields each when it has ended.
CarryOut = Callable[[Sequence[Cell], Work, Begin], Iterator[tuple[Cell, RunRow]]]


def in_turn(
    cells: Sequence[Cell], work: Work, begin: Begin
) -> Iterator[tuple[Cell, RunRow]]:
    """Carry runs out one after another, in this process."""
    for cell in cells:
        if not begin(cell):
            return
        yield cell, work(cell)


def run(
    grid: Grid,
    folder: Path,
    common: Common | None = None,
    *,
    time_limit: float | None = None,
    carry_out: CarryOut = in_turn,
) -> list[RunRow]:
    """Train what of a grid is not finished, and write the table after every run.

    What the table holds is not trained again where the run's folder is gone. A run that
    fails is listed with its reason, and the others go on.

    Parameters
    ----------
    folder : Path
        The study's; gets ``study.json``, ``runs/``, ``logs/``, the table, and
        ``distances.json``.
    time_limit : float, optional
        Seconds after which no other run is begun.
    carry_out : callable
        Where runs are carried out; by default here, one after another.

    Returns
    -------
    list of dict
        The table's rows, in the order of the grid.

    Raises
    ------
    InputError
        If the folder holds another study, or another process works in it.
    Terminated
        If the process was told to end; the same study goes on from there.
    """
    common = common or Common()
    folder.mkdir(parents=True, exist_ok=True)
    refusal = f"Another process works on the study in {quoted(folder)}; wait for it."
    with locks.held(folder / LOCK, refusal=refusal):
        cells = grid.cells()
        identity.hold(folder, common.settings, cells)
        table = _Table(folder, cells)
        work = Work(folder=folder, common=common, cells=cells, before=table.before)
        rows = table.fill(work, carry_out, time_limit)
        if common.distances and len(rows) == len(cells):  # the time is not up
            work.measure_distances()
        return rows


class _Table:
    """A study's table, which grows run by run.

    Parameters
    ----------
    folder : Path
        The study's.
    cells : sequence of Cell
        The runs that are to be in it, in their order.
    """

    def __init__(self, folder: Path, cells: Sequence[Cell]) -> None:
        self._folder = folder
        self._cells = cells
        self._before = results.read(folder) if (folder / results.CSV).is_file() else []
        self._rows: dict[str, RunRow] = {}

    @property
    def before(self) -> dict[str, RunRow]:
        """The rows that were there, by their cells."""
        return {row["cell"]: row for row in self._before}

    def fill(
        self, work: Work, carry_out: CarryOut, time_limit: float | None
    ) -> list[RunRow]:
        """Have the runs carried out, and write each when it has ended."""
        began = time.monotonic()

        with live.showing(self._cells) as show:

            def begin(cell: Cell) -> bool:
                if time_limit is not None and time.monotonic() - began > time_limit:
                    return False
                show.begin(cell)
                return True

            self._write()
            for cell, row in carry_out(self._cells, work, begin):
                self._rows[str(cell)] = row
                self._write()
                show.end(cell, row)
        if len(self._rows) < len(self._cells):
            say(
                f"The time is up after {len(self._rows)} of {len(self._cells)} runs; "
                "the same command goes on."
            )
        return self._ordered()

    def _ordered(self) -> list[RunRow]:
        names = map(str, self._cells)
        return [self._rows[name] for name in names if name in self._rows]

    def _write(self) -> None:
        # What was there before stays in the table until its turn comes.
        others = [row for row in self._before if row["cell"] not in self._rows]
        results.write(self._folder, [*self._ordered(), *others])
