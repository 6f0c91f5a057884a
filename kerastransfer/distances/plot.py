"""Source and target features in a plane, with thumbnails."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from kerastransfer.distances import samples
from kerastransfer.distances.domain import Domain
from kerastransfer.errors import InputError
from kerastransfer.foundation.atomic import replacing
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 1_000  # of each domain
_THUMBNAILS = 24  # of each domain
_COLOURS = ("tab:blue", "tab:orange")


def check(path: Path) -> None:
    """Refuse a plot that could not be drawn; cheap, to be asked before the work.

    Raises
    ------
    InputError
        If matplotlib is not installed, or cannot write such a file.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise InputError(
            "--plot needs matplotlib; run: pip install 'kerastransfer[plot]'"
        ) from None
    known = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in known:
        raise InputError(
            f"Expected --plot to name a file that ends in one of "
            f"{', '.join('.' + ending for ending in sorted(known))}, got "
            f"{quoted(path)}."
        )


def draw(path: Path, source: Domain, target: Domain) -> None:
    """Draw the first two principal components of both domains' features.

    Parameters
    ----------
    path : Path
        Its ending says which kind of file; written whole or not at all.
    source : Domain
        Where it has no features, its mean response is drawn.
    target : Domain
        With features.

    Raises
    ------
    InputError
        See `check`.
    """
    check(path)
    from matplotlib.figure import Figure

    rows = {domain: _rows(domain) for domain in (source, target)}
    plane = PCA(2, random_state=0)
    plane.fit(np.concatenate([_points(d, r) for d, r in rows.items()]))
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.add_subplot()
    for (domain, chosen), colour in zip(rows.items(), _COLOURS, strict=True):
        _scatter(axes, domain, plane.transform(_points(domain, chosen)), colour)
        if domain.images is not None:
            _thumbnails(axes, domain, chosen, plane, colour)
    share = plane.explained_variance_ratio_
    axes.set_xlabel(f"first component ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"second component ({share[1]:.0%})")
    axes.set_title(f"{source.name} and {target.name}: features of block 7")
    axes.legend()
    with replacing(path, path.suffix) as scratch:
        figure.savefig(scratch, dpi=120)


def _rows(domain: Domain) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(domain.seed)
    return rng.permutation(domain.count)[:_POINTS]


def _points(domain: Domain, rows: npt.NDArray[np.int64]) -> samples.Matrix:
    if domain.features is None:
        return domain.response.mean[None]
    return np.asarray(domain.features[rows], np.float64)


def _scatter(axes: "Axes", domain: Domain, places: samples.Matrix, colour: str) -> None:
    one = len(places) == 1
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=250 if one else 8,
        marker="*" if one else "o",
        color=colour,
        alpha=1 if one else 0.5,
        label=f"{domain.name} (mean)" if one else domain.name,
        zorder=5 if one else 1,
    )


def _thumbnails(
    axes: "Axes",
    domain: Domain,
    rows: npt.NDArray[np.int64],
    plane: PCA,
    colour: str,
) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    rows = rows[:_THUMBNAILS]
    places = plane.transform(_points(domain, rows))
    for row, place in zip(rows, places, strict=True):
        picture = OffsetImage(domain.pixels[row], zoom=0.5)
        frame = {"edgecolor": colour, "linewidth": 1.5}
        axes.add_artist(AnnotationBbox(picture, place, pad=0.1, bboxprops=frame))
