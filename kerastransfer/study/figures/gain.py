"""Figure 3: what tuning gains over freezing, by images per class and distance."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerastransfer.foundation.quoting import printable
from kerastransfer.study import statistics
from kerastransfer.study.figures import style
from kerastransfer.study.figures.comparisons import GainPoint
from kerastransfer.study.figures.equality import Equality, fit_equality, why_no_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

SIZE = (5.6, 4.6)  # inches
# Area in square points, width and colour of the ring, and what the legend says.
_CERTAIN = (110, 1.6, "black", "95 % interval excludes 0")
_UNCERTAIN = (45, 0.7, "0.35", "includes 0")
_ONE_DRAW = (45, 0.7, "0.35", "one draw: no interval")
_LINE = "as good (grey: 95 % over datasets)"
_BAND = ((1 - statistics.CONFIDENCE) / 2, (1 + statistics.CONFIDENCE) / 2)
_GRID = 200
_LONGEST_NAME = 24
_LABEL_GAP = 0.06  # of the axis
_PADDING = 0.1  # of the axis
_ROOM = 0.18  # of the axis, above the points, for a sentence
_LONGEST_LINE = 50  # characters of that sentence


def plot_gain(axes: "Axes", points: Sequence[GainPoint], title: str = "") -> "Axes":
    """Draw the gain of tuning in the plane of images per class and distance.

    Points above the line of equality, where there is one, are those at which tuning is
    expected to win; where the data support no line, a sentence says why.

    Parameters
    ----------
    axes : Axes
        Its figure gets a colour bar.
    points : sequence of GainPoint
        Of one backbone, one or more.
    title : str

    Returns
    -------
    Axes
        The same.
    """
    gains = [point.gain for point in points]
    style.images_axis(
        axes,
        {point.images for point in points if not point.all_images},
        {point.images for point in points if point.all_images},
    )
    _distance_axis(axes, points)
    _intervals(axes, points)
    collection = _scatter(axes, points)
    bar = axes.figure.colorbar(collection, ax=axes, pad=0.02, shrink=0.85)
    bar.set_label("Gain of tuning (percentage points)")
    bar.outline.set_linewidth(0.5)
    line = fit_equality(gains)
    if line is None:
        _say_why_not(axes, why_no_line(gains))
    else:
        _draw_line(axes, line, points)
    _names(axes, points)
    _legend(axes)
    style.as_it_stands(axes.set_title(title))
    return axes


def _legend(axes: "Axes") -> None:
    legend = axes.legend(
        loc="upper center", bbox_to_anchor=(0.6, -0.16), ncols=2, frameon=False
    )
    for handle in legend.legend_handles:
        if handle is not None and handle.get_label() != _LINE:
            handle.set(array=None, facecolor="white")  # no gain stands for all


def _distance_axis(axes: "Axes", points: Sequence[GainPoint]) -> None:
    distances = [point.distance for point in points]
    every = [end for d in distances for end in (d.value, d.low, d.high)]
    low, high = np.nanmin(every), np.nanmax(every)
    padding = _PADDING * ((high - low) or 0.2)
    axes.set_ylim(max(low - padding, min(low, 0) - padding / 2), high + padding)
    axes.set_ylabel("Cosine distance from the source (0 to 1)")


def _intervals(axes: "Axes", points: Sequence[GainPoint]) -> None:
    """Draw each distance's interval at its dataset's points, faintly."""
    for point in points:
        low, high = point.distance.low, point.distance.high
        if not math.isnan(low + high):
            axes.vlines(point.images, low, high, "0.75", linewidth=1, zorder=1)


def _scatter(axes: "Axes", points: Sequence[GainPoint]) -> "PathCollection":
    from matplotlib.colors import Normalize

    most = max(1.0, *(abs(100 * point.result.difference.value) for point in points))
    norm = Normalize(-most, most)
    kinds = {
        _CERTAIN: [point for point in points if point.certain],
        _UNCERTAIN: [p for p in points if not p.certain and _has_interval(p)],
        _ONE_DRAW: [point for point in points if not _has_interval(point)],
    }
    for (area, width, ring, label), several in kinds.items():
        if several:
            collection = axes.scatter(
                [point.images for point in several],
                [point.distance.value for point in several],
                c=[100 * point.result.difference.value for point in several],
                cmap=style.DIVERGING,
                norm=norm,
                s=area,
                linewidths=width,
                edgecolors=ring,
                marker="D" if label == _ONE_DRAW[-1] else "o",
                label=label,
                zorder=3,
            )
    return collection


def _has_interval(point: GainPoint) -> bool:
    return point.result.difference.draws > 1


def _draw_line(axes: "Axes", line: Equality, points: Sequence[GainPoint]) -> None:
    """Draw the line and its uncertainty as far as the axes reach."""
    low, high = np.log10(axes.get_xlim())
    images = np.logspace(low, high, _GRID)
    distances = np.linspace(*axes.get_ylim(), _GRID)
    plane = np.meshgrid(images, distances)
    axes.contourf(*plane, line.won(*plane), levels=_BAND, colors=["0.5"], alpha=0.22)
    axes.contour(*plane, line.gain(*plane), levels=[0], colors=["black"])
    axes.plot([], [], color="black", label=_LINE)


def _say_why_not(axes: "Axes", reason: str) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + _ROOM * (high - low))
    sentence = textwrap.fill(f"No line of equality: {reason}.", _LONGEST_LINE)
    axes.text(
        0.02, 0.98, sentence, transform=axes.transAxes, va="top", fontsize=7.5, zorder=4
    )


def _names(axes: "Axes", points: Sequence[GainPoint]) -> None:
    """Write each dataset's name at the right, at its distance, and none on another."""
    low, high = axes.get_ylim()
    by_name = {point.dataset: point.distance for point in points}
    places = [(each.value - low) / (high - low) for each in by_name.values()]
    moved = style.spread(places, _LABEL_GAP)
    for (name, distance), place, label in zip(
        by_name.items(), places, moved, strict=True
    ):
        shown = printable(name, _LONGEST_NAME) + ("*" if distance.published else "")
        note = axes.annotate(
            shown,
            xy=(1, place),
            xytext=(1.05, label),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=7.5,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6},
        )
        style.as_it_stands(note)
    if any(distance.published for distance in by_name.values()):
        axes.set_ylabel(axes.get_ylabel() + "\n* published, not measured")
