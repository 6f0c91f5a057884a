r"""How accurate a plain classifier on features is with fewer images, and with more.

The error falls about as a power of the number of images: :math:`a n^{-b}`, a straight
line on two logarithmic axes [1]_. It is fitted to nested parts of the images at hand,
and never asked for more than four times as many.

References
----------
.. [1] C. Cortes, L. D. Jackel, S. A. Solla, V. Vapnik and J. S. Denker, "Learning
   Curves: Asymptotic Values and Rate of Convergence", NIPS 6, 1993.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice.splits import Split
from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.evaluation.probe import fit_probe
from kerastransfer.evaluation.unseen_groups import clustered_accuracy
from kerastransfer.foundation.arrays import IntArray

MOST_AHEAD = 4  # times the images at hand
_LEAST_SIZES = 3
_REPLICATES = 400
_TAILS = (0.025, 0.975)

FeatureRows = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearningCurve:
    """Accuracy against images per class.

    Parameters
    ----------
    sizes : array of shape (k,)
        Mean number of training images of each class, ascending; the last is all.
    right : array of shape (k, n), bool
        Whether each image was right, in the order of the splits.
    units : array of shape (n,)
        See `Split`.
    labels : array of shape (n,)
    """

    sizes: NDArray[np.float64]
    right: NDArray[np.bool_]
    units: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def accuracy(self) -> Estimate:
        """With all images at hand."""
        return clustered_accuracy(self.right[-1], self.units)

    def forecast(self, times: float) -> Estimate | None:
        """Estimate what more images of each class would add to the accuracy.

        Parameters
        ----------
        times : float
            How many times the images at hand: above 1, 4 at most.

        Returns
        -------
        Estimate or None
            A difference of accuracies, with a bootstrap interval over images (groups);
            None with too few sizes to fit a curve to.

        Raises
        ------
        InputError
            For more than four times as many.
        """
        if not 1 < times <= MOST_AHEAD:
            raise InputError(
                f"Expected a forecast of up to {MOST_AHEAD} times the images, got "
                f"{times:g}; nobody knows a curve so far from its points."
            )
        if len(self.sizes) < _LEAST_SIZES:
            return None
        rng = np.random.default_rng(0)
        _, owners = np.unique(self.units, return_inverse=True)
        groups = int(owners.max()) + 1
        gains = []
        for _ in range(_REPLICATES):
            weights = np.bincount(rng.integers(0, groups, groups), minlength=groups)
            gains.append(self._gain(times, weights[owners].astype(np.float64)))
        low, high = np.quantile(gains, _TAILS)
        value = self._gain(times, np.ones(len(owners)))
        return Estimate(
            value=value,
            low=min(float(low), value),
            high=max(float(high), value),
            n=len(owners),
            method="bootstrap",
        )

    def _gain(self, times: float, weights: NDArray[np.float64]) -> float:
        """Fit the line to weighted images; return what more images would add."""
        n = max(float(weights.sum()), 1.0)
        # Half an image is added to each side, for the logarithm of an error of 0.
        errors = ((~self.right) @ weights + 0.5) / (n + 1)
        logs = np.log(self.sizes)
        # An error e of n images is known to about (1 - e) / (n e) on this axis.
        inverse = n * errors / np.maximum(1 - errors, 1 / n)
        middle = np.average(logs, weights=inverse)
        heights = np.log(errors)
        level = np.average(heights, weights=inverse)
        across = np.average((logs - middle) ** 2, weights=inverse)
        slope = np.average((logs - middle) * (heights - level), weights=inverse)
        slope = min(slope / across, 0.0)  # more images do no harm
        now = float(np.exp(level + slope * (logs[-1] - middle)))
        return min(now, 1.0) * (1 - times**slope)

    def weakest(
        self, classes: Sequence[str], most: int = 3
    ) -> list[tuple[str, int, int]]:
        """Name the classes in which more images would gain most: where errors are.

        Returns
        -------
        list of (str, int, int)
            Names, errors and images, the class with the most errors first.
        """
        wrong = ~self.right[-1]
        counts = np.bincount(self.labels, minlength=len(classes))
        errors = np.bincount(self.labels[wrong], minlength=len(classes))
        order = [int(i) for i in np.argsort(-errors, kind="stable") if errors[i]]
        return [(classes[i], int(errors[i]), int(counts[i])) for i in order[:most]]


def learning_curve(
    splits: Sequence[Split], features: Sequence[FeatureRows]
) -> LearningCurve:
    """Judge plain classifiers that were fitted to nested parts of the images.

    Parameters
    ----------
    features : sequence of array of shape (n, d)
        Of each split's pool, in its order.
    """
    return _curve(splits, features, _parts(splits))


def judge(splits: Sequence[Split], features: Sequence[FeatureRows]) -> LearningCurve:
    """Judge plain classifiers that were fitted to all training images alone."""
    return _curve(splits, features, [None])


def _curve(
    splits: Sequence[Split],
    features: Sequence[FeatureRows],
    parts: Sequence[int | None],
) -> LearningCurve:
    columns, sizes = [], []
    for split, x in zip(splits, features, strict=True):
        columns.append([_right(split, x, part) for part in parts])
        sizes.append([_mean_size(split, part) for part in parts])
    held_out = [split.fold.held_out for split in splits]
    units = [split.units[held] for split, held in zip(splits, held_out, strict=True)]
    return LearningCurve(
        sizes=np.mean(sizes, axis=0),
        right=np.concatenate(columns, axis=1),
        units=np.concatenate(units),
        labels=np.concatenate([split.labels for split in splits]),
    )


def _parts(splits: Sequence[Split]) -> list[int | None]:
    """Return the images of each class, doubling, that parts hold; None for all."""
    largest = min(
        int(np.bincount(split.pool.labels[split.fold.train]).max()) for split in splits
    )
    sizes: list[int | None] = []
    size = 1
    while size <= largest / 1.5:
        sizes.append(size)
        size *= 2
    return [*sizes, None]


def _part(split: Split, size: int | None) -> IntArray:
    """Return some training images of each class; smaller parts are in larger ones."""
    train = split.fold.train
    if size is None:
        return train
    shuffled = np.random.default_rng(0).permutation(train)
    labels = split.pool.labels[shuffled]
    chosen = [shuffled[labels == label][:size] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def _mean_size(split: Split, size: int | None) -> float:
    labels = split.pool.labels[_part(split, size)]
    return len(labels) / len(np.unique(split.pool.labels[split.fold.train]))


def _right(split: Split, x: FeatureRows, size: int | None) -> NDArray[np.bool_]:
    fold, labels = split.fold, split.pool.labels
    part = _part(split, size)
    probe = fit_probe(x[part], labels[part], x[fold.val], labels[fold.val])
    held = x[fold.held_out]
    return np.asarray(probe.probabilities(held).argmax(axis=1) == split.labels)
