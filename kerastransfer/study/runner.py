"""Carrying a study out: run after run, each once, whatever becomes of the others."""

import contextlib
import dataclasses
import functools
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.backbones.default import default_backbone
from kerastransfer.config.run_options import RunOptions
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import (
    InputError,
    KerasTransferError,
    MissingError,
    Terminated,
)
from kerastransfer.foundation import atomic, json_file, locks
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.runs import sources, start
from kerastransfer.study import distances, results
from kerastransfer.study.grid import Cell, Grid, frozen_blocks, names_of

STUDY, LOCK, RUNS, LOGS = "study.json", "study.lock", "runs", "logs"


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


def run(
    grid: Grid,
    folder: Path,
    common: Common | None = None,
    *,
    time_limit: float | None = None,
) -> list[dict[str, Any]]:
    """Train what of a grid is not finished, and write the table after every run.

    A run that fails is listed with its reason, and the others go on.

    Parameters
    ----------
    folder : Path
        The study's; gets ``study.json``, ``runs/``, ``logs/``, the table, and
        ``distances.json``.
    time_limit : float, optional
        Seconds after which no other run is begun.

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
        _hold(folder, common, cells)
        rows = _run_all(cells, folder, common, time_limit)
        if common.distances and len(rows) == len(cells):  # the time is not up
            _measure_distances(cells, folder, common)
        return rows


def _run_all(
    cells: Sequence[Cell],
    folder: Path,
    common: Common,
    time_limit: float | None,
) -> list[dict[str, Any]]:
    began, rows = time.monotonic(), list[dict[str, Any]]()
    before = results.read(folder) if (folder / results.CSV).is_file() else []
    results.write(folder, before)
    for number, cell in enumerate(cells, start=1):
        if time_limit is not None and time.monotonic() - began > time_limit:
            say(
                f"The time is up after {number - 1} of {len(cells)} runs; the same "
                "command goes on."
            )
            break
        say(f"Run {number} of {len(cells)}: {cell}")
        row = _train(cell, folder, common, sharing=_sharing(cell, cells))
        said = row["error"] or f"accuracy {100 * row['accuracy']:.1f} %"
        say(f"Run {number} of {len(cells)}: {said}")
        rows.append(row)
        # What was there before stays in the table until its turn comes.
        visited = {row["cell"] for row in rows}
        others = [row for row in before if row["cell"] not in visited]
        results.write(folder, [*rows, *others])
    return rows


def _train(cell: Cell, folder: Path, common: Common, sharing: int) -> dict[str, Any]:
    """Train one cell, or read it where it is finished; return its row."""
    try:
        found_sources = sources.find(
            {**common.settings, **cell.settings()},
            dataset=cell.dataset,
            archives=common.archives,
            weights=common.weights,
            mean_image=common.mean_image,
        )
        with _logged(folder, str(cell)):
            trained = start.train(
                found_sources,
                folder / RUNS,
                records_folder=common.records,
                options=common.options,
                sharing_runs=sharing,
            )
        return results.row_of(cell, trained, folder)
    except Terminated:
        raise
    except (KerasTransferError, OSError) as error:
        return results.failed_row(cell, common.backbone(cell), str(error))


@contextlib.contextmanager
def _logged(folder: Path, work: str) -> Iterator[None]:
    """Keep what a run says in ``logs/``: a study has a line for each run."""
    path = folder / LOGS / f"{re.sub(r'[^A-Za-z0-9.+@-]+', '_', work)}.log"
    path.parent.mkdir(exist_ok=True)
    with (
        path.open("a", encoding="utf-8", errors="backslashreplace") as log,
        contextlib.redirect_stderr(log),
    ):
        yield


def _measure_distances(cells: Sequence[Cell], folder: Path, common: Common) -> None:
    """Measure each dataset's distance from the source, once."""
    datasets = {
        cell.dataset.name: (cell.dataset, common.backbone(cell)) for cell in cells
    }
    measuring = distances.Measuring(
        source=common.source,
        fit=common.settings.get("fit", "crop"),
        weights=common.weights,
        records=common.records,
    )
    logged = functools.partial(_logged, folder)
    distances.keep(folder, datasets.values(), measuring, logged)


def _sharing(cell: Cell, cells: Sequence[Cell]) -> int:
    """Count the runs that see the same images through the same frozen blocks."""
    prefix = frozen_blocks(cell.recipe)
    return sum(
        other.dataset.name == cell.dataset.name
        and other.images_per_class == cell.images_per_class
        and other.draw == cell.draw
        and frozen_blocks(other.recipe) == prefix
        for other in cells
    )


def _hold(folder: Path, common: Common, cells: Sequence[Cell]) -> None:
    """Note which study a folder holds, or refuse one whose runs share other settings.

    More datasets, recipes, numbers, draws or seeds make the same study larger.
    """
    settings = json.loads(json.dumps(dict(common.settings)))  # lists for tuples
    planned: dict[str, list[str]] = {}
    if (folder / STUDY).exists():
        there = read_identity(folder)
        planned = there["cells"]
        odd = _differences(settings, there["settings"])
        if odd:
            raise InputError(
                f"Expected the settings of the study in {quoted(folder)}, and "
                f"{', '.join(odd)} differ; name another --out."
            )
    for name, cells_of in names_of(cells).items():
        both = dict.fromkeys([*planned.get(name, ()), *cells_of])
        planned[name] = list(both)
    identity = {"settings": settings, "cells": planned}
    atomic.write_json(folder / STUDY, identity)


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    names = sorted(first.keys() | second.keys())
    return [quoted(name) for name in names if first.get(name) != second.get(name)]


def read_identity(folder: Path) -> dict[str, Any]:
    """Read which study a folder holds.

    Returns
    -------
    dict
        ``settings`` that all runs share, and ``cells``: what the runs of each dataset
        are called.

    Raises
    ------
    MissingError
        If it holds none.
    InputError
        If ``study.json`` is damaged.
    """
    path = folder / STUDY
    if not path.is_file():
        raise MissingError(
            f"Expected a study in {quoted(folder)}, and it has no {STUDY}."
        )
    try:
        identity = json_file.read_object(path)
        for name in ("settings", "cells"):
            if not isinstance(identity[name], dict):
                raise ValueError(f"{name} is no object")
        for cells in identity["cells"].values():
            if not isinstance(cells, list) or not all(
                isinstance(cell, str) for cell in cells
            ):
                raise ValueError("cells are no lists of names")
    except (ValueError, KeyError) as error:
        raise InputError(
            f"Expected a study in {quoted(path)}: {error}; delete that file."
        ) from None
    return identity
