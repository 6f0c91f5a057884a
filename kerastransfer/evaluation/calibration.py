"""Whether probabilities mean what they say: calibration error, Brier score, bins."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.evaluation import arrays, wording
from kerastransfer.evaluation.intervals import Estimate

BINS = 15
_REPLICATES = 1_000
_TAILS = (0.025, 0.975)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Images whose most probable class has a probability in a range.

    Parameters
    ----------
    images : int
    confidence, accuracy : float
        Mean probability of the most probable class, and how often it is right.
    """

    images: int
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far probabilities are from what comes true, with 95 % intervals.

    Parameters
    ----------
    error : Estimate
        Expected calibration error [1]_ of the most probable class, in 15 bins with as
        many images each.
    brier : Estimate
        Brier score [2]_: mean squared distance from the true distribution, 0 to 2.
    bins : tuple of Bin

    References
    ----------
    .. [1] M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining Well Calibrated
       Probabilities Using Bayesian Binning", AAAI 2015.
    .. [2] G. W. Brier, "Verification of Forecasts Expressed in Terms of Probability",
       Monthly Weather Review 78(1), 1950.
    """

    error: Estimate
    brier: Estimate
    bins: tuple[Bin, ...]

    def __str__(self) -> str:
        brier = self.brier
        return (
            f"calibration error {wording.percent(self.error.as_dict())}, Brier score "
            f"{brier.value:.3f} ({brier.low:.3f} to {brier.high:.3f}), n = "
            f"{self.error.n:,}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def calibration(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, seed: int = 0
) -> Calibration:
    """Measure how far probabilities are from what comes true.

    Parameters
    ----------
    probabilities : array_like of shape (n, num_classes)
        One distribution per image.
    labels : array_like of int, shape (n,)
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If the two do not match, or are no distributions or classes.

    Notes
    -----
    Of few images even perfect probabilities have an error in each bin: the error is
    too large by about the square root of their number. The interval is that of a
    bootstrap over images, less what it adds to that [1]_; two networks compare on the
    same images.

    References
    ----------
    .. [1] B. Efron, "Better Bootstrap Confidence Intervals", JASA 82(397), 1987: an
       interval that is corrected for the bootstrap's own bias.
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    arrays.same_length(probabilities=rows, labels=truth)
    confidence = rows.max(axis=1).astype(np.float64)
    right = rows.argmax(axis=1) == truth
    bins = _bins(confidence, right)
    exact = np.eye(rows.shape[1])[truth]
    squares = np.sum((rows - exact) ** 2, axis=1)
    return Calibration(
        error=_error_estimate(confidence, right, seed),
        brier=_mean_estimate(squares),
        bins=bins,
    )


def _bins(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> tuple[Bin, ...]:
    """Put images into bins of as many each, by confidence."""
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    return tuple(
        Bin(
            images=len(part),
            confidence=float(confidence[part].mean()),
            accuracy=float(right[part].mean()),
        )
        for part in parts
    )


def _error(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(confidence, kind="stable")
    gaps = confidence[order] - right[order]
    parts = np.array_split(np.arange(len(order)), min(BINS, len(order)))
    starts = [int(part[0]) for part in parts]
    return float(np.abs(np.add.reduceat(gaps, starts)).sum() / len(right))


def _error_estimate(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], seed: int
) -> Estimate:
    rng, n = np.random.default_rng(seed), len(right)
    value = _error(confidence, right)
    drawn = (rng.integers(0, n, n) for _ in range(_REPLICATES))
    errors = np.array([_error(confidence[d], right[d]) for d in drawn])
    # A bootstrap adds noise to the bins a second time.
    low, high = np.quantile(errors - (errors.mean() - value), _TAILS)
    return Estimate(
        value=value,
        low=float(np.clip(low, 0, value)),
        high=float(np.clip(high, value, 1)),
        n=n,
        method="bootstrap",
    )


def _mean_estimate(values: npt.NDArray[np.floating[Any]]) -> Estimate:
    """Estimate a mean with Student's interval; without bounds for one image."""
    from scipy.stats import t  # late: --help must not wait for it

    n, value = len(values), float(values.mean())
    low, high = 0.0, 2.0
    if n > 1:
        half = float(t.ppf(_TAILS[1], n - 1) * values.std(ddof=1) / np.sqrt(n))
        low, high = max(value - half, low), min(value + half, high)
    return Estimate(value=value, low=low, high=high, n=n, method="student")


def threshold(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, precision: float
) -> tuple[float, float] | None:
    """Return the least probability from which answers are as often right as wanted.

    Parameters
    ----------
    precision : float
        Wanted fraction of right answers among those that are given.

    Returns
    -------
    tuple of (float, float) or None
        The probability, and the fraction of these images that it answers; None where
        no threshold brings the precision.

    Examples
    --------
    >>> rows = [[0.6, 0.4], [0.7, 0.3], [0.9, 0.1], [0.8, 0.2]]
    >>> threshold(rows, [1, 0, 0, 0], precision=1.0)
    (0.7, 0.75)
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    confidence = rows.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (rows.argmax(axis=1) == truth)[order]
    given = np.arange(1, len(order) + 1)
    # Answers are given from a probability on, so equal ones stand or fall together.
    last = np.append(np.diff(confidence[order]) != 0, True)
    enough = np.flatnonzero(last & (np.cumsum(right) / given >= precision))
    if not len(enough):
        return None
    return float(confidence[order][enough[-1]]), float(given[enough[-1]] / len(order))
