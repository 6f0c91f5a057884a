"""What tuning brought over freezing in cells that a study measured, and which are near.

The cells are those of the study in ``docs/studies/modern``, written by
``tools/measured_cells.py``.
"""

import csv
import dataclasses
import importlib.resources
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastransfer.evaluation import wording

CELLS = "cells.csv"
FAR = 2.0  # units of likeness; nothing was measured near what is farther
# What one unit is: a doubling twice over, the odds of the plain classifier times e,
# a fifth of the range of distances from ImageNet.
_DOUBLINGS, _LOGITS, _COSINES = 2.0, 1.0, 0.2
_LEAST = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCell:
    """A recipe minus F1-7R8 at one number of images of one dataset, on test images.

    Parameters
    ----------
    dataset, backbone, recipe : str
    images_per_class, classes, draws : int
    cosine : float
        Distance from the source.
    probe : float
        Test accuracy of a plain classifier on features, mean over draws.
    gain, low, high : float
        As fractions of 1, with a 95 % interval: over draws, or over the images of a
        single one.
    """

    dataset: str
    backbone: str
    recipe: str
    images_per_class: int
    classes: int
    draws: int
    cosine: float
    probe: float
    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        ends = {"value": self.gain, "low": self.low, "high": self.high}
        return (
            f"{self.dataset}, {self.images_per_class:,} images a class, distance "
            f"{self.cosine:.2f}, plain classifier {100 * self.probe:.0f} %: "
            f"{self.recipe} {wording.points(ends)}"
        )


COLUMNS = {field.name: field.type for field in dataclasses.fields(MeasuredCell)}


def read() -> tuple[MeasuredCell, ...]:
    """Read the measured cells that come with the package."""
    table = importlib.resources.files(__package__).joinpath(CELLS)
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return tuple(
        MeasuredCell(**{name: _typed(name, row[name]) for name in COLUMNS})
        for row in rows
    )


def _typed(name: str, text: str) -> Any:
    kinds = {str: str, int: int, float: float}
    return kinds[COLUMNS[name]](text)  # type: ignore[index]


def likeness(
    cell: MeasuredCell, *, images_per_class: float, probe: float, cosine: float | None
) -> float:
    """Return how far a cell is from a question; 0 for the same numbers.

    Parameters
    ----------
    images_per_class : float
        Training images of each class.
    probe : float
        Accuracy of a plain classifier on features.
    cosine : float, optional
        Distance from the source, where it is known.

    Examples
    --------
    >>> cell = MeasuredCell(
    ...     dataset="", backbone="", recipe="", images_per_class=10, classes=2,
    ...     draws=1, cosine=0.3, probe=0.8, gain=0.0, low=0.0, high=0.0,
    ... )
    >>> likeness(cell, images_per_class=40, probe=0.8, cosine=0.3)
    1.0
    """
    parts = [
        (math.log2(images_per_class) - math.log2(cell.images_per_class)) / _DOUBLINGS,
        (_logit(probe) - _logit(cell.probe)) / _LOGITS,
    ]
    if cosine is not None:
        parts.append((cosine - cell.cosine) / _COSINES)
    return float(np.linalg.norm(parts))


def nearest(
    cells: Sequence[MeasuredCell],
    *,
    backbone: str,
    images_per_class: float,
    probe: float,
    cosine: float | None,
    most: int = 3,
) -> list[MeasuredCell]:
    """Return the nearest cells of a backbone, the nearest first; none that is far."""
    ranked = [
        (
            likeness(
                cell, images_per_class=images_per_class, probe=probe, cosine=cosine
            ),
            number,
            cell,
        )
        for number, cell in enumerate(cells)
        if cell.backbone == backbone
    ]
    return [cell for far, _, cell in sorted(ranked)[:most] if far <= FAR]


def _logit(share: float) -> float:
    inside = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))
