"""How good predicted probabilities are, each figure with its interval."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from kerastransfer.evaluation import arrays
from kerastransfer.evaluation.intervals import (
    Estimate,
    bootstrap_mean_per_class,
    wilson,
)

_CONFIDENCE = 0.95
_LEAST = float(np.finfo(np.float32).tiny)  # 1.2e-38: no image costs above 87.4 nats


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metrics:
    """What `evaluate` measures; intervals are at 95 %.

    Parameters
    ----------
    accuracy : Estimate
        Fraction of images whose most probable class is the true one.
    mean_per_class_accuracy : Estimate
        Mean over the classes present of the fraction that is right.
    top5_accuracy : Estimate or None
        Fraction whose true class is among the five most probable; None where there
        are five classes or fewer, for it would be 1.
    nll : Estimate
        Mean negative log-likelihood of the true class, in nats.
    confusion_matrix : ndarray of int64, shape (num_classes, num_classes)
        Images of true class `row` that were taken for class `column`.
    """

    accuracy: Estimate
    mean_per_class_accuracy: Estimate
    top5_accuracy: Estimate | None
    nll: Estimate
    confusion_matrix: npt.NDArray[np.int64]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures in plain Python, ready for JSON; no top five, no key."""
        figures: dict[str, Any] = {
            field.name: value.as_dict()
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Estimate)
        }
        return figures | {"confusion_matrix": self.confusion_matrix.tolist()}


def evaluate(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, seed: int = 0
) -> Metrics:
    """Measure predicted probabilities against the truth.

    Parameters
    ----------
    probabilities : array_like of shape (n, num_classes)
        One distribution an image, rows summing to one (within 0.001).
    labels : array_like of int, shape (n,)
        True classes, 0 to num_classes - 1.
    seed : int
        Of the bootstrap for the mean per-class accuracy.

    Returns
    -------
    Metrics

    Raises
    ------
    InputError
        If shapes do not match, a probability is negative, NaN or infinite, a row does
        not sum to one, or a label is out of range.

    Notes
    -----
    Of equally probable classes the one with the lower index counts as more probable,
    as in ``numpy.argmax``; top one, top five and confusion matrix agree on that.
    """
    scores = arrays.distributions("probabilities", probabilities)
    n, num_classes = scores.shape
    truth = arrays.class_indices("labels", labels, num_classes)
    arrays.same_length(probabilities=scores, labels=truth)

    guess = scores.argmax(axis=1)
    top5 = wilson(_count_top(scores, truth, 5), n) if num_classes > 5 else None
    cells = np.bincount(truth * num_classes + guess, minlength=num_classes**2)
    return Metrics(
        accuracy=wilson(int(np.sum(guess == truth)), n),
        mean_per_class_accuracy=bootstrap_mean_per_class(
            truth, guess, num_classes, seed=seed
        ),
        top5_accuracy=top5,
        nll=_nll(scores, truth),
        confusion_matrix=cells.reshape(num_classes, num_classes),
    )


def _count_top(
    scores: npt.NDArray[np.floating], truth: npt.NDArray[np.int64], k: int
) -> int:
    """Return how many images have their true class among the first `k`."""
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    ahead = (scores > own) | ((scores == own) & earlier)
    return int(np.sum(ahead.sum(axis=1) < k))


def _nll(scores: npt.NDArray[np.floating], truth: npt.NDArray[np.int64]) -> Estimate:
    """Return the mean cost in nats, with Student's interval from its standard error."""
    own = scores[np.arange(len(truth)), truth].astype(np.float64)
    costs = -np.log(np.clip(own, _LEAST, 1))
    n, value = len(costs), float(costs.mean())
    low, high = 0.0, -float(np.log(_LEAST))  # one image leaves the whole range open
    if n > 1:
        quantile = scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, n - 1)
        half = float(quantile * costs.std(ddof=1) / np.sqrt(n))
        low, high = max(value - half, low), min(value + half, high)
    return Estimate(value=value, low=low, high=high, n=n, method="standard error")
