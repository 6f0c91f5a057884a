"""What tuning brought over freezing in cells that a study measured, and which are near.

A cell is a number of images of a dataset, and a recipe at a learning rate. The cells
that come along are those of the study in ``docs/studies/modern``, by
``tools/measured_cells.py``.
"""

import csv
import dataclasses
import importlib.resources
import math
from collections.abc import Sequence
from typing import Any

from kerastransfer.advice.contenders import Contender
from kerastransfer.evaluation import wording
from kerastransfer.foundation.progress import counted

CELLS = "cells.csv"
FAR = 2.0  # units of likeness; nothing was measured near what is farther
# What one unit is: a doubling twice over, the odds of the plain classifier times e,
# a fifth of the range of distances from ImageNet.
_DOUBLINGS, _LOGITS, _COSINES = 2.0, 1.0, 0.2
_LEAST = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a question stands among the cells.

    Parameters
    ----------
    images_per_class : float
        Training images of each class.
    probe : float
        Accuracy of a plain classifier on features.
    cosine : float, optional
        Distance from the source, where it is known.
    """

    images_per_class: float
    probe: float
    cosine: float | None

    @property
    def coordinates(self) -> tuple[float, ...]:
        """Return the position in units of likeness; two numbers without a distance."""
        parts = (
            math.log2(self.images_per_class) / _DOUBLINGS,
            _logit(self.probe) / _LOGITS,
        )
        return parts if self.cosine is None else (*parts, self.cosine / _COSINES)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCell:
    """A recipe minus F1-7R8 at one number of images of one dataset, on test images.

    Parameters
    ----------
    dataset, backbone, weights, recipe : str
        The weights by the first digits of their SHA-256.
    rate : float
        Learning rate of the tuned blocks.
    images_per_class, classes, draws : int
    cosine : float
        Distance from the source.
    probe : float
        Test accuracy of a plain classifier on features, mean over draws.
    gain, low, high : float
        As fractions of 1, with a 95 % interval: over draws, or over the images of a
        single one.
    sd : float
        Standard error of the gain: the larger of what draws and what images say.
    """

    dataset: str
    backbone: str
    weights: str
    recipe: str
    rate: float
    images_per_class: int
    classes: int
    draws: int
    cosine: float
    probe: float
    gain: float
    low: float
    high: float
    sd: float

    def __str__(self) -> str:
        ends = {"value": self.gain, "low": self.low, "high": self.high}
        return (
            f"{self.dataset}, {counted(self.images_per_class, 'image')} a class, "
            f"distance {self.cosine:.2f}: {self.recipe} at {self.rate:g} "
            f"{wording.points(ends)}"
        )

    @property
    def position(self) -> Position:
        """Where it was measured."""
        return Position(
            images_per_class=self.images_per_class,
            probe=self.probe,
            cosine=self.cosine,
        )

    @property
    def contender(self) -> Contender:
        """What was measured, by its last rate."""
        return Contender(self.recipe, (self.rate,))

    def is_of(self, contender: Contender) -> bool:
        """Say whether a contender was measured: its recipe, at its last rate."""
        return (self.recipe, self.rate) == (contender.recipe, *contender.rates[-1:])


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


def likeness(cell: MeasuredCell, position: Position) -> float:
    """Return how far a cell is from a position; 0 for the same numbers.

    Examples
    --------
    >>> here = Position(images_per_class=40, probe=0.8, cosine=None)
    >>> cell = MeasuredCell(
    ...     dataset="", backbone="", weights="", recipe="", rate=1e-4, classes=2,
    ...     images_per_class=10, draws=1, cosine=0.3, probe=0.8, gain=0.0, low=0.0,
    ...     high=0.0, sd=0.0,
    ... )
    >>> likeness(cell, here)
    1.0
    """
    there = dataclasses.replace(
        cell.position, cosine=None if position.cosine is None else cell.cosine
    )
    return math.dist(there.coordinates, position.coordinates)


def nearest(
    cells: Sequence[MeasuredCell], position: Position, most: int = 3
) -> list[MeasuredCell]:
    """Return the nearest of one network's cells, nearest first; none that is far."""
    ranked = [
        (likeness(cell, position), number, cell) for number, cell in enumerate(cells)
    ]
    return [cell for far, _, cell in sorted(ranked)[:most] if far <= FAR]


def _logit(share: float) -> float:
    inside = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))
