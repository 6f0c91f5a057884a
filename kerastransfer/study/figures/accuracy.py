"""Figures 1 and 2: test accuracy against images per class, a line for each recipe."""

import dataclasses
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer.foundation.quoting import printable
from kerastransfer.recipe import Recipe
from kerastransfer.study import statistics
from kerastransfer.study.figures import style
from kerastransfer.study.grid import tunes
from kerastransfer.study.statistics import DrawMean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FROZEN = "F1-7R8"
_BANDS = "Bands: 95 % intervals over draws, where there are several."
_RINGS = "Ringed: all images, at their mean number per class."
_COLUMNS = 3
_PANEL = (2.9, 2.5)  # inches
_LONGEST_NAME = 30
# Of the legend: a character, and what else an entry takes, in inches.
_CHARACTER, _ENTRY = 0.068, 0.6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyPoint:
    """A recipe's test accuracy at one number of images per class.

    Parameters
    ----------
    images : float
        Per class; the mean over classes where all images were taken.
    all_images : bool
        Whether they were.
    accuracy : DrawMean
        A fraction, seeds averaged.
    """

    images: float
    all_images: bool
    accuracy: DrawMean


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A recipe at a rate, on one dataset.

    Parameters
    ----------
    rate : float or None
        None where the study tried the recipe at one rate alone.
    points : tuple of AccuracyPoint
        By images per class.
    """

    recipe: str
    rate: float | None
    points: tuple[AccuracyPoint, ...]

    @property
    def label(self) -> str:
        """What the legend says."""
        return self.recipe + ("" if self.rate is None else f", rate {self.rate:g}")


def is_tuned(recipe: str) -> bool:
    """Whether a recipe of a study's table fine-tunes a block."""
    return tunes(Recipe.parse(recipe))


def curves_by_dataset(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Curve]]:
    """Gather the lines of every dataset.

    Parameters
    ----------
    rows : iterable of mapping
        Of a study's table; runs that failed are left out.
    """
    rows = [row for row in rows if row["status"] == "finished"]
    rates: dict[str, set[float]] = {}
    cells: dict[str, dict[tuple[str, float], dict[Any, list[Mapping[str, Any]]]]] = {}
    for row in rows:
        rates.setdefault(row["recipe"], set()).add(row["rate"])
        by_recipe = cells.setdefault(row["dataset"], {})
        by_number = by_recipe.setdefault((row["recipe"], row["rate"]), {})
        by_number.setdefault(row["images_per_class"], []).append(row)
    return {
        dataset: [
            Curve(
                recipe=recipe,
                rate=rate if len(rates[recipe]) > 1 else None,
                points=tuple(sorted(map(_point, by_number.values()), key=_images)),
            )
            for (recipe, rate), by_number in by_recipe.items()
        ]
        for dataset, by_recipe in cells.items()
    }


def images_of(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the images per class of runs of one number; of all images, their mean."""
    number = rows[0]["images_per_class"]
    if number is not None:
        return float(number)
    return float(np.mean([row["train_images"] / row["classes"] for row in rows]))


def _point(rows: Sequence[Mapping[str, Any]]) -> AccuracyPoint:
    by_draw = statistics.averaged(rows, "accuracy")
    return AccuracyPoint(
        images=images_of(rows),
        all_images=rows[0]["images_per_class"] is None,
        accuracy=statistics.mean_over_draws(
            list(by_draw.values()), least=0.0, step=statistics.step_of(rows)
        ),
    )


def _images(point: AccuracyPoint) -> float:
    return point.images


def plot_accuracy(
    axes: "Axes",
    curves: Sequence[Curve],
    looks: Mapping[tuple[str, float | None], style.Look] | None = None,
    *,
    title: str = "",
) -> "Axes":
    """Draw test accuracy in percent against images per class, on a log axis.

    Parameters
    ----------
    axes : Axes
    curves : sequence of Curve
        Of one dataset.
    looks : mapping, optional
        How each recipe and rate is drawn, as `style.looks` chooses for all panels.
    title : str

    Returns
    -------
    Axes
        The same.
    """
    looks = looks or style.looks([(curve.recipe, curve.rate) for curve in curves])
    for curve in curves:
        _draw(axes, curve, looks[curve.recipe, curve.rate])
    points = [point for curve in curves for point in curve.points]
    style.images_axis(
        axes,
        {point.images for point in points if not point.all_images},
        {point.images for point in points if point.all_images},
    )
    axes.set_ylabel("Test accuracy (%)")
    axes.margins(y=0.08)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    style.as_it_stands(axes.set_title(printable(title, _LONGEST_NAME)))
    return axes


def _draw(axes: "Axes", curve: Curve, look: style.Look) -> None:
    images = np.array([point.images for point in curve.points])
    means = [point.accuracy for point in curve.points]
    value, low, high = (
        100 * np.array([getattr(mean, end) for mean in means])
        for end in ("value", "low", "high")
    )
    axes.plot(
        images,
        value,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markersize=4.5,
        linewidth=1.3,
        label=curve.label,
    )
    known = np.isfinite(low)
    axes.fill_between(images, low, high, color=look.colour, alpha=0.15, linewidth=0)
    for index in np.flatnonzero(_alone(known)):  # of which a band would have no width
        axes.vlines(images[index], low[index], high[index], look.colour, alpha=0.5)
    ringed = np.array([point.all_images for point in curve.points])
    axes.scatter(
        images[ringed],
        value[ringed],
        s=75,
        facecolors="none",
        edgecolors=look.colour,
        linewidths=0.9,
    )


def _alone(known: "np.ndarray") -> "np.ndarray":
    """Which intervals have no other beside them."""
    padded = np.concatenate([[False], known, [False]])
    return known & ~padded[:-2] & ~padded[2:]


def draw_panels(
    figure: "Figure",
    curves: Mapping[str, Sequence[Curve]],
    *,
    reference: str = "",
) -> "list[Axes]":
    """Draw a panel for each dataset, and a legend below for all.

    Parameters
    ----------
    figure : Figure
        Of `size`, with a constrained layout.
    curves : mapping of str to sequence of Curve
    reference : str
        A recipe that is drawn in black.
    """
    pairs = [
        (each.recipe, each.rate) for several in curves.values() for each in several
    ]
    looks = style.looks(list(dict.fromkeys(pairs)), reference)
    columns, lines = _shape(len(curves))
    panels, handles = list["Axes"](), dict[str, Any]()
    for number, (dataset, several) in enumerate(curves.items()):
        axes = figure.add_subplot(lines, columns, number + 1)
        plot_accuracy(axes, several, looks, title=dataset)
        if number % columns:
            axes.set_ylabel("")
        if number + columns < len(curves):
            axes.set_xlabel("")
        handles.update(
            zip([each.label for each in several], axes.get_lines(), strict=True)
        )
        panels.append(axes)
    points = [p for several in curves.values() for c in several for p in c.points]
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=_legend_columns(list(handles), figure.get_figwidth()),
        frameon=False,
        title=textwrap.fill(_caption(points), 50 * columns),
    )
    return panels


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns fit, with as even lines as can be."""
    widest = max(map(len, labels)) * _CHARACTER + _ENTRY
    lines = math.ceil(len(labels) / max(1, int(width / widest)))
    return math.ceil(len(labels) / lines)


def _caption(points: Iterable[AccuracyPoint]) -> str:
    points = list(points)
    several = any(point.accuracy.draws > 1 for point in points)
    ringed = any(point.all_images for point in points)
    return " ".join([_BANDS] * several + [_RINGS] * ringed)


def size(panels: int) -> tuple[float, float]:
    """Return the width and height in inches of a figure with so many panels."""
    columns, lines = _shape(panels)
    return _PANEL[0] * columns + 0.4, _PANEL[1] * lines + 1.0


def _shape(panels: int) -> tuple[int, int]:
    columns = min(panels, _COLUMNS)
    return columns, math.ceil(panels / columns)
