"""How far a study is: runs that are planned, done, failed or still to come."""

import dataclasses
from pathlib import Path
from typing import Any

from kerastransfer.foundation.report import Preformatted
from kerastransfer.study import identity, results
from kerastransfer.study.grid import Grid, names_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Preformatted):
    """Counts of a study's runs, by dataset; ``str`` gives a line of each."""

    planned: dict[str, int]
    finished: dict[str, int] = dataclasses.field(default_factory=dict)
    failed: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{name:<16} {self.finished.get(name, 0):>5} of {number:,} runs"
            for name, number in self.planned.items()
        ]
        done, all_runs = sum(self.finished.values()), sum(self.planned.values())
        lines.append(f"{'all':<16} {done:>5} of {all_runs:,} runs")
        return "\n".join([*lines, *(f"failed: {reason}" for reason in self.failed)])

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        return dataclasses.asdict(self)


def planned(grid: Grid) -> Progress:
    """Count the runs of a grid, of which none is looked for."""
    planned_cells = names_of(grid.cells())
    return Progress(planned={name: len(each) for name, each in planned_cells.items()})


def of(folder: Path) -> Progress:
    """Say how far the study in a folder is.

    Raises
    ------
    MissingError
        If there is none.
    """
    held = identity.read(folder)
    rows = results.read(folder) if (folder / results.CSV).is_file() else []
    done = {row["cell"] for row in rows if row["status"] == "finished"}
    return Progress(
        planned={name: len(cells) for name, cells in held["cells"].items()},
        finished={
            name: len(done.intersection(cells)) for name, cells in held["cells"].items()
        },
        failed=tuple(results.failures(rows)),
    )
