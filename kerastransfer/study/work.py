"""One run of a study: trained, or read where it is finished, in any process."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.backbones.default import default_backbone
from kerastransfer.config.run_options import RunOptions
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import KerasTransferError, Terminated
from kerastransfer.export.seals import RESULT
from kerastransfer.foundation import report
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.sizes import Sizes
from kerastransfer.runs import sources, start
from kerastransfer.study import distances, results
from kerastransfer.study.grid import Cell, frozen_blocks

RUNS, LOGS = "runs", "logs"
RunRow = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What all runs of a study share.

    Parameters
    ----------
    settings : mapping
        Fields of `TrainConfig`, beside those that the grid varies.
    archives, records, weights, mean_image : Path, optional
        As for one run.
    options : RunOptions
        Without a time limit: that is the study's.
    distances : bool
        Whether the datasets' distances from the source are measured.
    source : Dataset, optional
        What the backbone was pretrained on, where its images are at hand: all four
        distances are measured from it.
    """

    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    archives: Path | None = None
    records: Path | None = None
    weights: Path | None = None
    mean_image: Path | None = None
    options: RunOptions = dataclasses.field(
        default_factory=lambda: RunOptions(export=False)
    )
    distances: bool = True
    source: Dataset | None = None

    def backbone(self, cell: Cell) -> str:
        """Return the backbone of a run."""
        named = self.settings.get("backbone")
        return str(named or default_backbone(cell.dataset.name))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Trains the runs of a study, each when it is called with it.

    Parameters
    ----------
    folder : Path
        The study's; gets ``runs/`` and ``logs/``.
    cells : sequence of Cell
        All runs, of which some share a cache.
    before : mapping of str to dict
        Rows of the table as it was, by their cells.
    """

    folder: Path
    common: Common
    cells: Sequence[Cell]
    before: Mapping[str, RunRow] = dataclasses.field(default_factory=dict)

    def __call__(self, cell: Cell) -> RunRow:
        """Train one run, or read it where it is finished; return its row.

        A row in the table stands for a run whose folder is gone, as long as it would be
        trained on the same images with the same settings, or that cannot be found out.
        """
        row = self._row_alone(cell)
        try:
            inputs = sources.find(
                {**self.common.settings, **cell.settings()},
                dataset=cell.dataset,
                archives=self.common.archives,
                weights=self.common.weights,
                mean_image=self.common.mean_image,
            )
            with self._logged(str(cell)):
                if row is not None and self._is_of(row, inputs):
                    return row
                trained = start.train(
                    inputs,
                    self.folder / RUNS,
                    records_folder=self.common.records,
                    options=self.common.options,
                    sharing_runs=_sharing(cell, self.cells),
                )
            return results.row_of(cell, trained, self.folder)
        except Terminated:
            raise
        except (KerasTransferError, OSError) as error:
            if row is not None:
                report.warn(f"{cell} could not be held against its row: {error}")
                return row
            return self.failed(cell, str(error))

    def _row_alone(self, cell: Cell) -> RunRow | None:
        """Return the row of a finished run whose folder is not here any more."""
        row = self.before.get(str(cell))
        if row is None or row["status"] != "finished":
            return None
        return None if (self.folder / row["run"] / RESULT).exists() else row

    def _is_of(self, row: RunRow, inputs: sources.Sources) -> bool:
        """Whether a row is of the run that would be trained."""
        records = find_or_convert(inputs.dataset, self.common.records)
        config = inputs.config(Sizes.of_records(records))
        return bool(row["config_hash"] == config.hash)

    def failed(self, cell: Cell, reason: str) -> RunRow:
        """Return the row of a run that failed."""
        return results.failed_row(cell, self.common.backbone(cell), reason)

    def measure_distances(self) -> None:
        """Measure each dataset's distance from the source, once."""
        common = self.common
        datasets = {
            cell.dataset.name: (cell.dataset, common.backbone(cell))
            for cell in self.cells
        }
        measuring = distances.Measuring(
            source=common.source,
            fit=common.settings.get("fit", "crop"),
            weights=common.weights,
            records=common.records,
        )
        distances.keep(self.folder, datasets.values(), measuring, self._logged)

    @contextlib.contextmanager
    def _logged(self, what: str) -> Iterator[None]:
        """Keep what a run says in ``logs/``: a study has a line for each run."""
        name = re.sub(r"[^A-Za-z0-9.+@-]+", "_", what)
        path = self.folder / LOGS / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        with (
            path.open("a", encoding="utf-8", errors="backslashreplace") as log,
            contextlib.redirect_stderr(log),
        ):
            yield


def _sharing(cell: Cell, cells: Sequence[Cell]) -> int:
    """Count the runs that see the same images through the same frozen blocks."""
    return sum(shared_by(other) == shared_by(cell) for other in cells)


def shared_by(cell: Cell) -> tuple[Any, ...]:
    """Return what runs that can share a cache of frozen blocks have in common."""
    return (
        *(cell.dataset.name, cell.images_per_class, cell.draw),
        frozen_blocks(cell.recipe),
    )
