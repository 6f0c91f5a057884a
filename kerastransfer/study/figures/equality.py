"""Where tuning is exactly as good as freezing: a line, if the data support one."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_LEAST_DATASETS = 3
_RESAMPLES = 1_000
_ALPHA = 0.05
_Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What tuning gained on one dataset at one number of images.

    Parameters
    ----------
    dataset : str
    images : float
        Per class.
    distance : float
        Of the dataset from the source.
    gain : float
        Accuracy of tuning minus that of freezing, as a fraction.
    """

    dataset: str
    images: float
    distance: float
    gain: float


@dataclasses.dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Equality:
    """A plane through the gains, whose zero is the line of equality.

    Parameters
    ----------
    plane : array of shape (3,), float64
        The gain at one image per class and distance 0, what each tenfold of images adds
        to it, and what a distance of 1 adds.
    planes : array of shape (b, 3), float64
        The same of other datasets that might have been, drawn from these.
    datasets : int
    """

    plane: _Floats
    planes: _Floats
    datasets: int

    def gain(self, images: npt.ArrayLike, distance: npt.ArrayLike) -> _Floats:
        """Return the fitted gain, as a fraction; arguments broadcast."""
        return _heights(self.plane[None], images, distance)[0]

    def distance(self, images: npt.ArrayLike) -> _Floats:
        """Return the distance on the line; infinite where it stands upright."""
        first, second, third = self.plane
        with np.errstate(divide="ignore", invalid="ignore"):
            line: _Floats = -(first + second * np.log10(images)) / third
        return line

    def won(self, images: npt.ArrayLike, distance: npt.ArrayLike) -> _Floats:
        """Return the share of `planes` in which tuning gains; arguments broadcast."""
        share: _Floats = (_heights(self.planes, images, distance) > 0).mean(axis=0)
        return share


def fit_equality(
    gains: Sequence[Gain], *, resamples: int = _RESAMPLES, seed: int = 0
) -> Equality | None:
    """Fit the line on which tuning is as good as freezing.

    A plane in the logarithm of images per class and in distance, by least squares; its
    uncertainty by a bootstrap over datasets, for the points of one dataset share its
    images and are no independent witnesses.

    Parameters
    ----------
    gains : sequence of Gain
    resamples : int
        Of the bootstrap.
    seed : int
        Of the same.

    Returns
    -------
    Equality or None
        None where the data support no line; `why_no_line` says why.

    Notes
    -----
    There is a line where three datasets or more show gains of both signs, the plane's
    zero runs among the points, in most resamples too, the gain follows images or
    distance beyond chance (Fisher's F at 5 %), and the slope's Student interval over
    datasets leaves zero out. Of made-up studies in which tuning gains nothing but by a
    luck that each dataset has of its own, one in twenty or fewer of five datasets had a
    line, and one in seven of three.

    Examples
    --------
    >>> gains = [
    ...     Gain(dataset=name, images=n, distance=d, gain=0.1 * np.log10(n) + d - 0.3)
    ...     for name, d in (("near", 0.1), ("middle", 0.2), ("far", 0.4))
    ...     for n in (1, 10, 100)
    ... ]
    >>> fit_equality(gains).distance([1, 10]).round(3)
    array([0.3, 0.2])
    >>> fit_equality(gains[:6]) is None
    True
    """
    return _examine(gains, resamples, seed)[0]


def why_no_line(
    gains: Sequence[Gain], *, resamples: int = _RESAMPLES, seed: int = 0
) -> str:
    """Say why `fit_equality` gives no line; empty where it gives one."""
    return _examine(gains, resamples, seed)[1]


def _examine(
    gains: Sequence[Gain], resamples: int, seed: int
) -> tuple[Equality | None, str]:
    reason = _lack(gains)
    if reason:
        return None, reason
    names = list(dict.fromkeys(each.dataset for each in gains))
    matrix, values = _design(gains), np.array([each.gain for each in gains])
    plane = _plane(matrix, values)
    if not _crosses(plane[None], matrix)[0]:
        return None, "the fitted line passes by the points"
    if _p_value(plane, matrix, values) >= _ALPHA:
        return None, "the gain follows neither images nor distance beyond chance"
    owners = np.array([names.index(each.dataset) for each in gains])
    planes = _bootstrap(matrix, values, owners, resamples, seed)
    if 2 * _crosses(planes, matrix).sum() <= resamples:
        return None, "with other datasets there is mostly no line among the points"
    if not _rises_for_certain(plane, planes, matrix, len(names)):
        return None, "with other datasets tuning may win on another side"
    return Equality(plane=plane, planes=planes, datasets=len(names)), ""


def _lack(gains: Sequence[Gain]) -> str:
    """Say what keeps points from a fit; empty where nothing does."""
    datasets = len({each.dataset for each in gains})
    if datasets < _LEAST_DATASETS:
        be = "is" if datasets == 1 else "are"
        return f"it takes {_LEAST_DATASETS} datasets, and there {be} {datasets}"
    if all(each.gain > 0 for each in gains):
        return "tuning is better at every point"
    if all(each.gain < 0 for each in gains):
        return "freezing is better at every point"
    if len(gains) <= 3 or np.linalg.matrix_rank(_design(gains)) < 3:
        return "the points do not spread over images and distances"
    return ""


def _design(gains: Sequence[Gain]) -> _Floats:
    return np.array([(1.0, math.log10(g.images), g.distance) for g in gains])


def _plane(matrix: _Floats, values: _Floats) -> _Floats:
    return np.asarray(np.linalg.lstsq(matrix, values, rcond=None)[0], np.float64)


def _bootstrap(
    matrix: _Floats, values: _Floats, owners: _Floats, resamples: int, seed: int
) -> _Floats:
    """Fit planes to datasets drawn with replacement; without those that give none."""
    rng = np.random.default_rng(seed)
    rows_of = [np.flatnonzero(owners == owner) for owner in range(owners.max() + 1)]
    planes = []
    for drawn in rng.integers(len(rows_of), size=(resamples, len(rows_of))):
        rows = np.concatenate([rows_of[owner] for owner in drawn])
        if np.linalg.matrix_rank(matrix[rows]) == 3:
            planes.append(_plane(matrix[rows], values[rows]))
    return np.array(planes).reshape(-1, 3)


def _crosses(planes: _Floats, matrix: _Floats) -> npt.NDArray[np.bool_]:
    """Whether each plane's zero runs through the rectangle about the points."""
    corners = np.array(
        [
            (1.0, images, distance)
            for images in (matrix[:, 1].min(), matrix[:, 1].max())
            for distance in (matrix[:, 2].min(), matrix[:, 2].max())
        ]
    )
    heights = planes @ corners.T
    crosses: npt.NDArray[np.bool_] = (heights.min(1) < 0) & (heights.max(1) > 0)
    return crosses


def _rises_for_certain(
    plane: _Floats, planes: _Floats, matrix: _Floats, datasets: int
) -> bool:
    """Whether the slope's interval over datasets leaves zero out.

    Student's, with the bootstrap's spread: few datasets tell little of their spread,
    and quantiles of a bootstrap of three would promise too much.
    """
    import scipy.stats  # late: --help must not wait for it

    # Slopes over the extent of the points, which have units of their own, along the
    # fitted plane's.
    extent = np.ptp(matrix[:, 1:], axis=0)
    slope = plane[1:] * extent
    along = (planes[:, 1:] * extent) @ slope
    quantile = scipy.stats.t.ppf(1 - _ALPHA / 2, df=datasets - 1)
    return bool(slope @ slope > quantile * along.std())


def _p_value(plane: _Floats, matrix: _Floats, values: _Floats) -> float:
    """Test with Fisher's F that the gain is the same everywhere."""
    import scipy.stats  # late: --help must not wait for it

    left = float(((values - matrix @ plane) ** 2).sum())
    all_of_it = float(((values - values.mean()) ** 2).sum())
    spare = len(values) - 3
    if left <= 1e-12 * all_of_it:  # made-up data without noise
        return 0.0
    return float(scipy.stats.f.sf((all_of_it - left) / 2 / (left / spare), 2, spare))


def _heights(
    planes: _Floats, images: npt.ArrayLike, distance: npt.ArrayLike
) -> _Floats:
    first, second, third = (
        planes[:, column].reshape(-1, *[1] * np.broadcast(images, distance).ndim)
        for column in range(3)
    )
    heights = first + second * np.log10(images) + third * np.asarray(distance)
    return np.asarray(heights, np.float64)
