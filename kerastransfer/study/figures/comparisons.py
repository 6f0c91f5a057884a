"""Tuning minus freezing at every number of images, and how far each dataset is."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from kerastransfer.advice import matrix
from kerastransfer.distances import published
from kerastransfer.recipe import Recipe
from kerastransfer.study import rates, statistics
from kerastransfer.study.distances import DatasetDistance
from kerastransfer.study.figures.accuracy import FROZEN, images_of, is_tuned
from kerastransfer.study.figures.equality import Gain
from kerastransfer.study.rates import StudyRow
from kerastransfer.study.statistics import Paired
from kerastransfer.surgery import frozen_prefix

TUNED = "FT1-7R8"

_Rows = Sequence[StudyRow]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceDistance:
    """A dataset's cosine distance from the source.

    Parameters
    ----------
    value, low, high : float
        Ends are NaN where there is no interval.
    published : bool
        Whether it is the published study's, and was not measured.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    published: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GainPoint:
    """What tuning gained over freezing, on one dataset at one number of images.

    Parameters
    ----------
    images : float
        Per class; the mean over classes where all images were taken.
    all_images : bool
        Whether they were.
    rates : tuple of float
        Of the tuned recipe: for each draw the best that was tried, by validation.
    distance : SourceDistance
    result : Paired
        Tuned minus frozen on the same draws, as fractions.
    verdict : str
        As `statistics.verdict` says, p-values adjusted for all points together (Holm).
    """

    dataset: str
    backbone: str
    images: float
    all_images: bool
    rates: tuple[float, ...]
    distance: SourceDistance
    result: Paired
    verdict: str

    @property
    def certain(self) -> bool:
        """Whether the point's own interval leaves zero out."""
        gain = self.result.difference
        return gain.low > 0 or gain.high < 0

    @property
    def gain(self) -> Gain:
        """What the line of equality is fitted to."""
        return Gain(
            dataset=self.dataset,
            images=self.images,
            distance=self.distance.value,
            gain=self.result.difference.value,
        )


def contenders(rows: _Rows) -> tuple[str, str]:
    """Return the tuned and the frozen recipe that a study compares.

    ``FT1-7R8`` and ``F1-7R8`` where it has them; else the first of each kind; empty
    where it has none.
    """
    recipes = dict.fromkeys(
        row["recipe"] for row in rows if row["status"] == "finished"
    )
    tuned = [recipe for recipe in recipes if is_tuned(recipe)]
    frozen = [recipe for recipe in recipes if not is_tuned(recipe) and _copies(recipe)]
    return _prefer(TUNED, tuned), _prefer(FROZEN, frozen)


def _copies(recipe: str) -> bool:
    return frozen_prefix(Recipe.parse(recipe).phases[0]) > 0


def _prefer(first: str, recipes: Sequence[str]) -> str:
    return first if first in recipes else next(iter(recipes), "")


def gain_points(
    rows: _Rows,
    distances: Iterable[DatasetDistance],
    *,
    margin: float | None = None,
) -> list[GainPoint]:
    """Compare tuning with freezing wherever a study has both and knows the distance.

    Parameters
    ----------
    rows : sequence of mapping
        Of the study's table.
    distances : iterable of DatasetDistance
        As `distances.read` gives them.
    margin : float, optional
        A difference of accuracy that does not matter, such as 0.01.
    """
    tuned, frozen = contenders(rows)
    known = list(distances)
    cells: dict[tuple[Any, ...], list[StudyRow]] = {}
    for row in rows:
        if row["status"] == "finished" and row["recipe"] in (tuned, frozen):
            cell = row["dataset"], row["backbone"], row["images_per_class"]
            cells.setdefault(cell, []).append(row)
    points = []
    for (dataset, backbone, number), several in cells.items():
        distance = distance_of(dataset, backbone, known)
        tried = [row for row in several if row["recipe"] == tuned]
        kept = [row for row in several if row["recipe"] == frozen]
        if distance is None or not tried or not kept:
            continue
        chosen = _at_best_rates(tried)
        first, second = (statistics.averaged(r, "accuracy") for r in (chosen, kept))
        if first.keys() & second.keys():
            points.append(
                GainPoint(
                    dataset=dataset,
                    backbone=backbone,
                    images=images_of(several),
                    all_images=number is None,
                    rates=tuple(sorted({row["rate"] for row in chosen})),
                    distance=distance,
                    result=statistics.paired(
                        first, second, margin, step=statistics.step_of(several)
                    ),
                    verdict="",
                )
            )
    return _judged(points)


def distance_of(
    dataset: str, backbone: str, distances: Iterable[DatasetDistance]
) -> SourceDistance | None:
    """Return a dataset's cosine distance: measured, or else the published one.

    The published ones are AlexNet's, and of no use with another backbone.
    """
    for entry in distances:
        if (entry.dataset, entry.backbone) == (dataset, backbone):
            cosine = entry.metrics.get("cosine")
            if cosine is not None:
                return SourceDistance(
                    value=cosine.value, low=cosine.low, high=cosine.high
                )
    for row in published.TABLE:
        if row.dataset == dataset and backbone in matrix.MEASURED_ON:
            return SourceDistance(value=row.cosine, published=True)
    return None


def _at_best_rates(rows: _Rows) -> _Rows:
    """Return a recipe's runs at the rates that validation images choose."""
    by_rate: dict[tuple[Any, ...], list[StudyRow]] = {}
    for row in rows:
        by_rate.setdefault((row["recipe"], row["rate"]), []).append(row)
    every = rates.decided(by_rate | rates.at_chosen_rates(by_rate))
    return [row for several in every.values() for row in several]


def _judged(points: Sequence[GainPoint]) -> list[GainPoint]:
    judged = statistics.judge([point.result for point in points])
    return [
        dataclasses.replace(point, verdict=each.verdict)
        for point, each in zip(points, judged, strict=True)
    ]
