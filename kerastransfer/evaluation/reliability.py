"""A reliability diagram: how often answers are right that are so sure, in a figure.

References
----------
.. [1] A. Niculescu-Mizil and R. Caruana, "Predicting Good Probabilities with Supervised
   Learning", ICML 2005, section 4.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.evaluation.calibration import Bin, Calibration
from kerastransfer.evaluation.intervals import Estimate, wilson
from kerastransfer.foundation.formats import figure_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe's and Ito's blue, vermilion and green, told apart whatever colours one sees;
# markers differ too, for print without colour.
_LOOKS = (("#0072B2", "o"), ("#D55E00", "^"), ("#009E73", "D"))
_SIZE = (4.6, 5.8)  # inches
_IDEAL = "probabilities that mean what they say"
_RATIOS = (4, 1)  # of the two panels' heights


def check(path: Path) -> None:
    """Refuse a file that could not be written; see `figure_file.check`."""
    figure_file.check(path, "a reliability diagram")


def write(path: Path, calibrations: Mapping[str, Calibration], images: str) -> None:
    """Draw a reliability diagram, with the images of each bin below, into a file.

    Parameters
    ----------
    path : Path
        As `check` accepts it.
    calibrations : mapping of str to Calibration
        By name, such as ``before`` and ``after``.
    images : str
        What they are of, such as ``"validation images"``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=_RATIOS)
    plot_reliability(calibrations, ax=above)
    plot_counts(calibrations, ax=below)
    above.set_xlabel("")
    number = max(each.error.n for each in calibrations.values())
    above.get_legend().set_title(f"{number:,} {images}, bars are 95 % intervals")
    figure_file.write(path, figure)


def of_bin(each: Bin) -> Estimate:
    """Return how often a bin's answers are right, with Wilson's interval."""
    return wilson(round(each.accuracy * each.images), each.images)


def plot_reliability(
    calibrations: Mapping[str, Calibration], *, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often answers are right against how probable they are said to be.

    A mark is a bin of `Calibration`, at its mean probability; bars are 95 % intervals
    (Wilson) of the images in it. On the line probabilities mean what they say, below it
    they promise too much.
    """
    ax = _axes(ax)
    ends = (0.0, 100.0)
    ax.plot(
        ends, ends, color="black", linestyle=(0, (5, 3)), lw=1, zorder=1, label=_IDEAL
    )
    for (name, calibration), (colour, marker) in zip(
        calibrations.items(), _LOOKS, strict=False
    ):
        right = [of_bin(each) for each in calibration.bins]
        error = calibration.error
        ax.errorbar(
            [100 * each.confidence for each in calibration.bins],
            [100 * each.value for each in right],
            yerr=[
                [100 * (each.value - each.low) for each in right],
                [100 * (each.high - each.value) for each in right],
            ],
            color=colour,
            marker=marker,
            markersize=4,
            linestyle="none",
            elinewidth=0.9,
            capsize=1.5,
            alpha=0.85,
            label=f"{name}: calibration error {100 * error.value:.1f} % "
            f"({100 * error.low:.1f} to {100 * error.high:.1f})",
        )
    ax.set(xlim=_limits(calibrations), ylim=(-3, 103))
    ax.set_xlabel("Probability of the most probable class (%)")
    ax.set_ylabel("Right answers (%)")
    ax.spines[["top", "right"]].set_visible(False)
    # Above the axes, for marks may be anywhere in them.
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        frameon=False,
        fontsize=8,
        title_fontsize=8.5,
        alignment="left",
    )
    return ax


def plot_counts(
    calibrations: Mapping[str, Calibration], *, ax: "Axes | None" = None
) -> "Axes":
    """Draw how many images each bin holds, at its mean probability."""
    from matplotlib.ticker import MaxNLocator

    ax = _axes(ax)
    for (name, calibration), (colour, marker) in zip(
        calibrations.items(), _LOOKS, strict=False
    ):
        places = [100 * each.confidence for each in calibration.bins]
        counts = [each.images for each in calibration.bins]
        ax.vlines(places, 0, counts, color=colour, lw=1.2, alpha=0.85)
        ax.plot(
            places,
            counts,
            color=colour,
            marker=marker,
            markersize=3,
            linestyle="none",
            label=name,
        )
    most = max(each.images for one in calibrations.values() for each in one.bins)
    ax.set(xlim=_limits(calibrations), ylim=(0, 1.2 * most))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_xlabel("Probability of the most probable class (%)")
    ax.set_ylabel("Images in a bin")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _limits(calibrations: Mapping[str, Calibration]) -> tuple[float, float]:
    """Return the axis's ends; it begins at the last ten percent below all marks."""
    lowest = min(each.confidence for one in calibrations.values() for each in one.bins)
    return max(0.0, 10 * (100 * lowest // 10)) - 1, 101.0


def _axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=_SIZE, layout="constrained").add_subplot()
