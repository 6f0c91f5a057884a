"""Accuracy and loss of predicted probabilities, each with its interval."""

import dataclasses
import html
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays, unseen_groups, wording
from kerastransfer.evaluation.intervals import (
    Estimate,
    LossEstimate,
    bootstrap_mean_per_class,
    wilson,
)
from kerastransfer.evaluation.unseen_groups import UnseenGroups

_CONFIDENCE = 0.95
_TOP5_FROM = 20  # classes; of fewer nearly every image has its class among five
_OPTIONAL = {"top5_accuracy", "unseen_groups"}  # left out where there is none
_LEAST = float(np.finfo(np.float32).tiny)  # 1.2e-38: no image costs above 87.4 nats


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metrics:
    """Accuracy and loss of a classifier on a set of images, with 95 % intervals.

    Parameters
    ----------
    accuracy : Estimate
        Fraction of images whose most probable class is the true one.
    mean_per_class_accuracy : Estimate
        Mean over the classes present of the fraction that is right.
    top5_accuracy : Estimate or None
        Fraction whose true class is among the five most probable; None where there
        are five classes or fewer, for it would be 1.
    nll : LossEstimate
        Mean negative log-likelihood of the true class, in nats.
    confusion_matrix : ndarray of int64, shape (num_classes, num_classes)
        Number of images of true class `row` that were predicted as class `column`.
    unseen_groups : UnseenGroups or None
        Accuracy on images of groups that training did not see; None without groups.

    Examples
    --------
    >>> print(evaluate([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], [0, 1, 1]))
    accuracy        66.7 % (20.8 to 93.9), n = 3
    mean per class  75.0 % (23.9 to 100.0), n = 3
    nll             0.423 (0.000 to 1.004) nats
    """

    accuracy: Estimate
    mean_per_class_accuracy: Estimate
    top5_accuracy: Estimate | None
    nll: LossEstimate
    confusion_matrix: npt.NDArray[np.int64]
    unseen_groups: UnseenGroups | None = None

    def __str__(self) -> str:
        return "\n".join(f"{name:<15} {value}" for name, value in self._lines())

    def _repr_html_(self) -> str:
        """Show a table in a notebook."""
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in self._lines()
        )
        return f"<table>{rows}</table>"

    def _lines(self) -> list[tuple[str, str]]:
        """Return each figure's name and its value with the interval."""
        accuracies = {
            "accuracy": self.accuracy,
            "mean per class": self.mean_per_class_accuracy,
            "top 5": self.top5_accuracy,
        }
        if len(self.confusion_matrix) < _TOP5_FROM:
            del accuracies["top 5"]
        lines = [(name, str(value)) for name, value in accuracies.items() if value]
        if self.unseen_groups is not None:
            lines.insert(1, ("unseen groups", str(self.unseen_groups)))
        return [*lines, ("nll", wording.nats(self.nll.as_dict()))]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures in plain Python, ready for JSON.

        Where there is no top-five accuracy, or no group, its key is left out.
        """
        figures: dict[str, Any] = {
            field.name: value.as_dict()
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Estimate | UnseenGroups)
        }
        return figures | {"confusion_matrix": self.confusion_matrix.tolist()}

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Self:
        """Return the metrics that `as_dict` was called on.

        Parameters
        ----------
        figures : mapping
            Such as ``test`` in a run's ``result.json``.

        Raises
        ------
        InputError
            If a figure is missing.

        Examples
        --------
        >>> metrics = evaluate([[0.75, 0.25], [0.25, 0.75]], [0, 0])
        >>> Metrics.from_dict(metrics.as_dict()).accuracy == metrics.accuracy
        True
        """
        needed = {field.name for field in dataclasses.fields(cls)} - _OPTIONAL
        if missing := sorted(needed - figures.keys()):
            raise InputError(
                f"Expected metrics with {', '.join(sorted(needed))}, but "
                f"{missing[0]} is missing."
            )
        top5, unseen = figures.get("top5_accuracy"), figures.get("unseen_groups")
        per_class = Estimate.from_dict(figures["mean_per_class_accuracy"])
        return cls(
            accuracy=Estimate.from_dict(figures["accuracy"]),
            mean_per_class_accuracy=per_class,
            top5_accuracy=None if top5 is None else Estimate.from_dict(top5),
            nll=LossEstimate.from_dict(figures["nll"]),
            confusion_matrix=np.array(figures["confusion_matrix"], np.int64),
            unseen_groups=None if unseen is None else UnseenGroups.from_dict(unseen),
        )


def evaluate(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    seen_groups: Collection[str] = (),
) -> Metrics:
    """Measure the accuracy and the loss of predicted probabilities.

    Parameters
    ----------
    probabilities : array_like of shape (n, num_classes)
        One distribution per image; rows sum to 1 (within 0.001).
    labels : array_like of int, shape (n,)
        True classes, 0 to num_classes - 1.
    seed : int
        Of the bootstrap for the mean per-class accuracy.
    groups : sequence of str, optional
        The group of each image, empty for none; None where no image has one.
    seen_groups : collection of str
        Those of the training images.

    Raises
    ------
    InputError
        If shapes do not match, a probability is negative, NaN or infinite, a row does
        not sum to one, or a label is out of range.

    Notes
    -----
    Of equally probable classes the one with the lower index counts as more probable,
    as in ``numpy.argmax``; top one, top five and confusion matrix agree on that.

    Examples
    --------
    >>> metrics = evaluate([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], [0, 1, 1])
    >>> metrics.confusion_matrix
    array([[1, 0],
           [1, 1]])
    >>> print(metrics.accuracy)
    66.7 % (20.8 to 93.9), n = 3
    """
    scores = arrays.distributions("probabilities", probabilities)
    n, num_classes = scores.shape
    truth = arrays.class_indices("labels", labels, num_classes)
    arrays.same_length(probabilities=scores, labels=truth)

    guess = scores.argmax(axis=1)
    top5 = wilson(_count_top(scores, truth, 5), n) if num_classes > 5 else None
    cells = np.bincount(truth * num_classes + guess, minlength=num_classes**2)
    unseen = None
    if groups is not None and any(groups):
        arrays.same_length(labels=truth, groups=np.asarray(groups))
        unseen = unseen_groups.measure(guess == truth, groups, seen_groups)
    return Metrics(
        accuracy=wilson(int(np.sum(guess == truth)), n),
        mean_per_class_accuracy=bootstrap_mean_per_class(
            truth, guess, num_classes, seed=seed
        ),
        top5_accuracy=top5,
        nll=_nll(scores, truth),
        confusion_matrix=cells.reshape(num_classes, num_classes),
        unseen_groups=unseen,
    )


def _count_top(
    scores: npt.NDArray[np.floating], truth: npt.NDArray[np.int64], k: int
) -> int:
    """Return how many images have their true class among the first `k`."""
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    ahead = (scores > own) | ((scores == own) & earlier)
    return int(np.sum(ahead.sum(axis=1) < k))


def _nll(
    scores: npt.NDArray[np.floating], truth: npt.NDArray[np.int64]
) -> LossEstimate:
    """Return the mean cost in nats, with Student's interval from its standard error."""
    own = scores[np.arange(len(truth)), truth].astype(np.float64)
    costs = -np.log(np.clip(own, _LEAST, 1))
    n, value = len(costs), float(costs.mean())
    low, high = 0.0, -float(np.log(_LEAST))  # one image leaves the whole range open
    if n > 1:
        import scipy.stats  # late: --help must not wait for it

        quantile = scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, n - 1)
        half = float(quantile * costs.std(ddof=1) / np.sqrt(n))
        low, high = max(value - half, low), min(value + half, high)
    return LossEstimate(value=value, low=low, high=high, n=n, method="standard error")
