"""Whether probabilities mean what they say: calibration error, Brier score, bins."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.evaluation import arrays, wording
from kerastransfer.evaluation.intervals import NORMAL_HALF_WIDTH, Estimate
from kerastransfer.evaluation.unseen_groups import clustered_accuracy
from kerastransfer.foundation.arrays import IntArray

BINS = 15
_REPLICATES = 300
_NONE = 1e-9  # of a spread


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
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> Calibration:
    """Measure how far probabilities are from what comes true.

    Parameters
    ----------
    probabilities : array_like of shape (n, num_classes)
        One distribution per image.
    labels : array_like of int, shape (n,)
    seed : int
        Of the bootstrap.
    groups : sequence of str, optional
        Of images that may be right or wrong together; empty for none. By default no
        image has one.

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
    others. The bootstrap draws groups, where images have some, and the interval of the
    Brier score is that of a mean over groups; what chance makes is that of independent
    images.
    """
    rows = arrays.distributions("probabilities", probabilities)
    truth = arrays.class_indices("labels", labels, rows.shape[1])
    arrays.same_length(probabilities=rows, labels=truth)
    confidence = rows.max(axis=1).astype(np.float64)
    right = rows.argmax(axis=1) == truth
    bins = _bins(confidence, right)
    exact = np.eye(rows.shape[1])[truth]
    squares = np.sum((rows - exact) ** 2, axis=1)
    owners = _owners(groups, len(truth))
    error, by_chance = _error_estimate(confidence, right, owners, seed)
    return Calibration(
        error=error,
        by_chance=by_chance,
        brier=_mean_estimate(squares, owners),
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


def _owners(groups: Sequence[str] | None, n: int) -> IntArray:
    """Return the number of each image's group; one without is a group of its own."""
    if groups is None:
        return np.arange(n)
    names = np.asarray(groups, np.str_)
    arrays.same_length(labels=np.empty(n), groups=names)
    owners = np.unique(names, return_inverse=True)[1]
    owners[names == ""] = n + np.flatnonzero(names == "")
    return np.asarray(np.unique(owners, return_inverse=True)[1], np.int64)


def _draws(owners: IntArray, rng: np.random.Generator) -> Iterator[IntArray]:
    """Give the images of groups that are drawn with replacement, some hundred times."""
    num_groups = int(owners.max()) + 1
    if num_groups == len(owners):
        yield from (rng.integers(0, num_groups, num_groups) for _ in range(_REPLICATES))
        return
    order = np.argsort(owners, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(owners[order])) + 1)
    for _ in range(_REPLICATES):
        drawn = rng.integers(0, len(members), len(members))
        yield np.concatenate([members[group] for group in drawn])


def _error_estimate(
    confidence: npt.NDArray[np.float64],
    right: npt.NDArray[np.bool_],
    owners: IntArray,
    seed: int,
) -> tuple[Estimate, float]:
    """Estimate the error, and what it would be of perfect probabilities."""
    rng, n = np.random.default_rng(seed), len(right)
    value, num_groups = _error(confidence, right), int(owners.max()) + 1
    by_chance = np.mean(
        [_error(confidence, rng.random(n) < confidence) for _ in range(_REPLICATES)]
    )
    spread = np.std([_error(confidence[d], right[d]) for d in _draws(owners, rng)])
    half = float(_quantile(num_groups, n) * spread)
    low, high = value - float(by_chance) - half, value + half
    if spread < _NONE:  # all alike: no image could show an error
        low, high = 0.0, value + _unseen(num_groups)
    what = "images" if num_groups == n else "groups"
    estimate = Estimate(
        value=value,
        low=max(min(low, value), 0.0),
        high=min(high, 1.0),
        n=n,
        method=f"bootstrap of {what}, and what chance adds",
    )
    return estimate, float(by_chance)


def _quantile(num_groups: int, n: int) -> float:
    """Return the normal's quantile, or Student's where groups are few."""
    if num_groups in (1, n):
        return NORMAL_HALF_WIDTH
    from scipy.stats import t  # late: --help must not wait for it

    return float(t.ppf(0.975, num_groups - 1))


def _unseen(n: int) -> float:
    """Return what may be as frequent, for certain, though none of n images shows it."""
    return float(1 - 0.05 ** (1 / n))


def _mean_estimate(values: npt.NDArray[np.floating[Any]], owners: IntArray) -> Estimate:
    """Estimate a mean of numbers from 0 to 2 with Student's interval, over groups."""
    from scipy.stats import t  # late: --help must not wait for it

    n, value = len(values), float(values.mean())
    num_groups = int(owners.max()) + 1
    low, high = 0.0, 2.0
    if num_groups > 1:
        sums = np.bincount(owners, weights=values - value)
        error = np.sqrt(np.sum(sums**2) * num_groups / (num_groups - 1)) / n
        half = float(t.ppf(0.975, num_groups - 1) * error)
        if half < _NONE:  # all alike
            half = 2 * _unseen(num_groups)
        low, high = max(value - half, low), min(value + half, high)
    method = "student" if num_groups == n else "student, clustered"
    return Estimate(value=value, low=low, high=high, n=n, method=method)


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
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    precision: float,
    groups: Sequence[str] | None = None,
) -> Threshold | None:
    """Return the least probability from which answers are as often right as wanted.

    Parameters
    ----------
    precision : float
        Fraction of right answers among those given that the lower end of its interval
        has to reach: what just reaches it on these images falls short on others.
    groups : sequence of str, optional
        As of `calibration`: images of few groups say less.

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
    owners = _owners(groups, len(truth))[order]
    # Answers are given from a probability on, so equal ones stand or fall together.
    last = np.append(np.diff(confidence[order]) != 0, True)
    for place in np.flatnonzero(last)[::-1].tolist():
        given = place + 1
        reached = clustered_accuracy(right[:given], owners[:given])
        if reached.low >= precision:
            return Threshold(
                probability=float(confidence[order][place]),
                precision=reached,
                coverage=clustered_accuracy(np.arange(len(order)) < given, owners),
            )
    return None
