"""How figures look: colours, markers, and ticks and names that do not overlap.

The colours are those of Okabe and Ito [1]_, which people tell apart whatever colours
they see; markers and lines differ too, for print without colour.

References
----------
.. [1] M. Okabe and K. Ito, "Color Universal Design", 2002, jfly.uni-koeln.de/color.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

# Without black, which is the reference's, and yellow, which is too light for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLACK = "#000000"
MARKERS = ("o", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h", "d")
# Of a recipe's first rate, its second, and so on.
_LINES = ("-", "--", ":", "-.")
DIVERGING = "PuOr"  # safe for colour-blind readers; light in the middle
# Small figures have small letters.
SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "legend.fontsize": 8,
    "legend.handlelength": 2.8,  # dashes need room to be told apart
    "legend.title_fontsize": 7.5,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a folder's name may hold a dollar
}
# Of the axis: a character of a tick's label, and the space between two labels.
_CHARACTER, _SPACE = 0.032, 0.02
_PADDING = 0.08  # of the axis, beyond the first point and the last


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """How a recipe at a rate is drawn."""

    colour: str
    marker: str
    line: str


REFERENCE = Look(BLACK, "s", (0, (5, 2)))  # type: ignore[arg-type]


def looks(
    recipes: Sequence[tuple[str, float | None]], reference: str = ""
) -> dict[tuple[str, float | None], Look]:
    """Choose a look for every recipe and rate of a figure.

    Parameters
    ----------
    recipes : sequence of (str, float or None)
        Recipes with their rates, in the legend's order.
    reference : str
        A recipe that is drawn in black.

    Returns
    -------
    dict
        A colour for each recipe, a line for each of its rates, a marker for each pair.
    """
    chosen: dict[tuple[str, float | None], Look] = {}
    own = [pair for pair in recipes if pair[0] != reference]
    names = list(dict.fromkeys(name for name, _ in own))
    for number, pair in enumerate(own):
        rates = [rate for name, rate in own if name == pair[0]]
        chosen[pair] = Look(
            COLOURS[names.index(pair[0]) % len(COLOURS)],
            MARKERS[number % len(MARKERS)],
            _LINES[rates.index(pair[1]) % len(_LINES)],
        )
    return chosen | {pair: REFERENCE for pair in recipes if pair[0] == reference}


def images_axis(
    axes: "Axes", numbers: Iterable[float], all_images: Iterable[float] = ()
) -> None:
    """Make the horizontal axis one of images per class, with a tick at each number.

    Parameters
    ----------
    numbers : iterable of float
        Images per class that were asked for.
    all_images : iterable of float
        Mean images per class where all were taken; their labels say so, and one alone
        has its label whatever stands beside it.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    numbers, all_images = set(numbers), set(all_images)
    every = {number: f"{number:.0f}\nall" for number in all_images}
    every |= {number: f"{number:g}" for number in numbers}
    ticks = sorted(every)
    low, high = math.log10(ticks[0]), math.log10(ticks[-1])
    span = high - low or math.log10(4)
    axes.set_xscale("log")
    middle = 0.0 if high > low else span / 2
    padding = middle + _PADDING * span
    axes.set_xlim(10 ** (low - padding), 10 ** (high + padding))
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    first = all_images if len(all_images) == 1 else numbers
    keep = _readable(every, first, span + 2 * padding)
    labels = [every[tick] if tick in keep else "" for tick in ticks]
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("Images per class")


def _readable(
    labels: Mapping[float, str], first: set[float], span: float
) -> set[float]:
    """Choose the ticks whose labels have room: `first`, then the ends, then others."""
    ends = {min(labels), max(labels)}
    kept: list[float] = []
    for tick in sorted(labels, key=lambda t: (t not in first, t not in ends, t)):
        if all(
            abs(math.log10(tick / other)) >= span * _room(labels[tick], labels[other])
            for other in kept
        ):
            kept.append(tick)
    return set(kept)


def _room(label: str, other: str) -> float:
    """Return how far apart two labels' middles must be, as a share of the axis."""
    characters = (len(text.split("\n")[0]) for text in (label, other))
    return _SPACE + _CHARACTER * sum(characters) / 2


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart, in their order, until no two are closer than a gap.

    >>> spread([0.0, 0.1, 5.0], 1.0)
    [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    clusters: list[list[int]] = []
    for index in order:
        clusters.append([index])
        while len(clusters) > 1 and _overlap(clusters[-2], clusters[-1], places, gap):
            last = clusters.pop()
            clusters[-1] += last
    moved = [0.0] * len(places)
    for cluster in clusters:
        first = _first(cluster, places, gap)
        for rank, index in enumerate(cluster):
            moved[index] = round(first + rank * gap, 12)
    return moved


def _first(cluster: Sequence[int], places: Sequence[float], gap: float) -> float:
    """Return where a cluster begins whose middle is the mean of its places."""
    middle = sum(places[index] for index in cluster) / len(cluster)
    return middle - gap * (len(cluster) - 1) / 2


def _overlap(
    lower: Sequence[int], upper: Sequence[int], places: Sequence[float], gap: float
) -> bool:
    end = _first(lower, places, gap) + gap * (len(lower) - 1)
    return _first(upper, places, gap) - end < gap


def as_it_stands(text: "Text") -> "Text":
    """Keep matplotlib from reading a name as a formula."""
    text.set_parse_math(False)
    return text
