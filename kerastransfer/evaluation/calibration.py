"""Whether probabilities mean what they say: calibration error, Brier score, bins."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.evaluation import arrays, wording
from kerastransfer.evaluation.intervals import Estimate, wilson

BINS = 15
_REPLICATES = 300
_NONE = 1e-9  # of a spread
NORMAL_HALF_WIDTH = 1.959964  # of a 95 % interval, in standard deviations


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
    by_chance : float
        What the error would be of perfect probabilities, on so many images.
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
    by_chance: float
    brier: Estimate
    bins: tuple[Bin, ...]

    def __str__(self) -> str:
        brier = self.brier
        return (
            f"calibration error {wording.percent(self.error.as_dict())}, of which "
            f"chance makes {100 * self.by_chance:.1f}, Brier score {brier.value:.3f} "
            f"({brier.low:.3f} to {brier.high:.3f}), n = {self.error.n:,}"
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
    Of few images even perfect probabilities have an error in each bin, for an accuracy
    of few is far from what it is of many. `by_chance` says how large that is, by labels
    that are drawn from the probabilities. The lower end of the interval allows for all
    of it and the upper end for none, so that it holds for sound probabilities and for
    others. Images count as independent, whatever groups they are of.
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    arrays.same_length(probabilities=rows, labels=truth)
    confidence = rows.max(axis=1).astype(np.float64)
    right = rows.argmax(axis=1) == truth
    bins = _bins(confidence, right)
    exact = np.eye(rows.shape[1])[truth]
    squares = np.sum((rows - exact) ** 2, axis=1)
    error, by_chance = _error_estimate(confidence, right, seed)
    return Calibration(
        error=error,
        by_chance=by_chance,
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
) -> tuple[Estimate, float]:
    """Estimate the error, and what it would be of perfect probabilities."""
    rng, n = np.random.default_rng(seed), len(right)
    value = _error(confidence, right)
    by_chance = np.mean(
        [_error(confidence, rng.random(n) < confidence) for _ in range(_REPLICATES)]
    )
    drawn = (rng.integers(0, n, n) for _ in range(_REPLICATES))
    spread = np.std([_error(confidence[d], right[d]) for d in drawn])
    half = float(NORMAL_HALF_WIDTH * spread)
    low, high = value - float(by_chance) - half, value + half
    if spread < _NONE:  # all alike: no image could show an error
        low, high = 0.0, value + _unseen(n)
    estimate = Estimate(
        value=value,
        low=max(min(low, value), 0.0),
        high=min(high, 1.0),
        n=n,
        method="bootstrap, and what chance adds",
    )
    return estimate, float(by_chance)


def _unseen(n: int) -> float:
    """Return what may be as frequent, for certain, though none of n images shows it."""
    return float(1 - 0.05 ** (1 / n))


def _mean_estimate(values: npt.NDArray[np.floating[Any]]) -> Estimate:
    """Estimate a mean of numbers from 0 to 2 with Student's interval."""
    from scipy.stats import t  # late: --help must not wait for it

    n, value = len(values), float(values.mean())
    low, high = 0.0, 2.0
    if n > 1:
        half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
        half = half or 2 * _unseen(n)
        low, high = max(value - half, low), min(value + half, high)
    return Estimate(value=value, low=low, high=high, n=n, method="student")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A probability from which answers are given.

    Parameters
    ----------
    probability : float
    precision, coverage : Estimate
        Fraction of right answers among those given, and of images that are answered.
    """

    probability: float
    precision: Estimate
    coverage: Estimate


def threshold(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, precision: float
) -> Threshold | None:
    """Return the least probability from which answers are as often right as wanted.

    Parameters
    ----------
    precision : float
        Fraction of right answers among those given that the lower end of its interval
        has to reach: what just reaches it on these images falls short on others.

    Returns
    -------
    Threshold or None
        None where no threshold brings the precision.

    Examples
    --------
    >>> rows = [[0.6, 0.4], [0.7, 0.3], [0.9, 0.1], [0.8, 0.2]]
    >>> chosen = threshold(rows, [1, 0, 0, 0], precision=0.4)
    >>> chosen.probability, chosen.coverage.value
    (0.7, 0.75)
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    confidence = rows.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (rows.argmax(axis=1) == truth)[order]
    # Answers are given from a probability on, so equal ones stand or fall together.
    last = np.append(np.diff(confidence[order]) != 0, True)
    for place in np.flatnonzero(last)[::-1].tolist():
        given = place + 1
        reached = wilson(int(right[:given].sum()), given)
        if reached.low >= precision:
            return Threshold(
                probability=float(confidence[order][place]),
                precision=reached,
                coverage=wilson(given, len(order)),
            )
    return None
