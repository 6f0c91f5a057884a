"""How well a linear SVM tells source features from target features, held out.

In thousands of dimensions a linear probe separates anything it was fitted to; so the
accuracy is of images that it has not seen, over repeated splits of equally many images
of both domains. 50 % means that the two cannot be told apart.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.stats

from kerastransfer.distances import samples
from kerastransfer.evaluation.intervals import Estimate, wilson

REPEATS = 10
MOST = 10_000  # images of each domain
_HELD_OUT = 0.2
_CONFIDENCE = 0.95
_TOLERANCE = 1e-7  # of the objective, relative

_Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SvmDistance:
    """A held-out accuracy, and the distance that follows from it.

    Parameters
    ----------
    accuracy : Estimate
        A fraction; `n` is the number of images of both domains together.
    a_distance : Estimate
        The proxy A-distance, 2 (1 - 2 error), cut off at 0: from 0 to 2.
    """

    accuracy: Estimate
    a_distance: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {
            "accuracy": self.accuracy.as_dict(),
            "a_distance": self.a_distance.as_dict(),
        }


def svm_distance(
    source: samples.Matrix,
    target: samples.Matrix,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> SvmDistance:
    r"""Tell source from target with a linear SVM.

    Parameters
    ----------
    source, target : array of shape (n, d), (m, d)
        The same number of each is used, drawn at random, at most 10,000.
    repeats : int
        Random splits, 2 or more; in each, 80 % of both domains train and 20 % test.
    seed : int
        Of the draw and the splits.

    Raises
    ------
    DataError
        If there are fewer than 10 images of either, they differ in size, hold a NaN,
        or do not vary.

    Notes
    -----
    Squared hinge loss with C = 1/d (scikit-learn's `LinearSVC`), features standardised
    by the training part. The interval is the t interval of the repeated splits with
    the variance corrected for their overlap [1]_, and at least as wide as Wilson's for
    that many right ones among all images. The study does not state its settings; these
    are ours. The A-distance is that of [2]_.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the Generalization Error", Machine
       Learning 52, 2003.
    .. [2] S. Ben-David et al., "Analysis of Representations for Domain Adaptation",
       NIPS 2006.
    """
    samples.check_pair(source, target)
    pair = samples.balanced(source, target, MOST, seed)
    count = len(pair[0])
    held_out = max(round(_HELD_OUT * count), 1)
    rng = np.random.default_rng(seed)
    train = _splits(count, held_out, repeats, rng)
    sides = _Problem(pair, train).solve()
    right = [
        (np.sign(side) == sign) & ~mask
        for side, sign, mask in zip(sides, (-1, 1), train, strict=True)
    ]
    accuracies = sum(r.sum(axis=0) for r in right) / (2 * held_out)
    accuracy = _estimate(accuracies, held_out / (count - held_out), 2 * count)
    return SvmDistance(accuracy=accuracy, a_distance=_a_distance(accuracy))


def _splits(
    count: int, held_out: int, repeats: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which images of either domain train in each repeat: (count, repeats)."""
    images = np.tile(np.arange(count), (2, repeats, 1))
    first, second = rng.permuted(images, axis=2).swapaxes(1, 2)
    return first >= held_out, second >= held_out


class _Problem:
    """One SVM a repeat, all solved at once: each pass over the images serves all.

    Standardising is left to the weights, so that no copy of the features is made.
    """

    def __init__(
        self,
        pair: tuple[samples.Matrix, samples.Matrix],
        train: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    ) -> None:
        self.pair = pair
        self.train = train
        self.width, self.repeats = pair[0].shape[1], train[0].shape[1]
        self.mean, deviation = self._moments()
        self.scale = 1 / np.where(deviation > 0, deviation, 1)

    def solve(self) -> tuple[_Floats, _Floats]:
        """Return on which side each image lies: two arrays of shape (n, repeats)."""
        start = np.zeros((self.width + 1) * self.repeats)
        optimum = scipy.optimize.minimize(
            self._objective,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"ftol": _TOLERANCE, "gtol": 0, "maxiter": 500},
        )
        return self._sides(optimum.x.reshape(-1, self.repeats))

    def _moments(self) -> tuple[_Floats, _Floats]:
        """Return the training parts' mean and deviation, each (d, repeats)."""
        total = np.zeros((self.width, self.repeats))
        squares = np.zeros_like(total)
        origin = np.asarray(self.pair[0][0], np.float64)
        for features, train in zip(self.pair, self.train, strict=True):
            for start in range(0, len(features), 256):
                rows = features[start : start + 256] - origin
                weights = train[start : start + 256].astype(np.float64)
                total += rows.T @ weights
                squares += (rows * rows).T @ weights
        count = sum(train[:, 0].sum() for train in self.train)
        mean = total / count
        variance = np.maximum(squares / count - mean * mean, 0)
        # Rounding leaves a constant feature a variance of about 1e-16 of its square.
        variance[variance <= 1e-14 * (mean * mean + (origin * origin)[:, None])] = 0
        return mean + origin[:, None], np.sqrt(variance)

    def _sides(self, parameters: _Floats) -> tuple[_Floats, _Floats]:
        weights = parameters[:-1] * self.scale
        offset = parameters[-1] - (self.mean * weights).sum(axis=0)
        narrow = weights.astype(self.pair[0].dtype)
        first, second = (features @ narrow + offset for features in self.pair)
        return first, second

    def _objective(self, flat: _Floats) -> tuple[float, _Floats]:
        """Return half the squared norm and C times the losses, and the gradient."""
        parameters = flat.reshape(-1, self.repeats)
        value = 0.5 * float(flat @ flat)
        gradient = parameters.copy()
        cost = 1 / self.width
        sides = self._sides(parameters)
        for features, train, side, sign in zip(
            self.pair, self.train, sides, (-1, 1), strict=True
        ):
            short = np.maximum(1 - sign * side, 0) * train
            value += cost * float((short * short).sum())
            slope = -2 * cost * sign * short
            pull = features.T @ slope.astype(features.dtype)
            gradient[:-1] += self.scale * (pull - self.mean * slope.sum(axis=0))
            gradient[-1] += slope.sum(axis=0)
        return value, gradient.ravel()


def _estimate(accuracies: _Floats, ratio: float, count: int) -> Estimate:
    """Return the mean over splits; `ratio` is that of tested to trained images."""
    repeats = len(accuracies)
    value = float(accuracies.mean())
    error = math.sqrt(float(accuracies.var(ddof=1)) * (1 / repeats + ratio))
    half = float(scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, repeats - 1)) * error
    least = wilson(round(value * count), count, _CONFIDENCE)
    return Estimate(
        value=value,
        low=max(min(value - half, least.low), 0.0),
        high=min(max(value + half, least.high), 1.0),
        n=count,
        method="corrected resampled t",
    )


def _a_distance(accuracy: Estimate) -> Estimate:
    value, low, high = (
        max(4 * each - 2, 0.0) for each in (accuracy.value, accuracy.low, accuracy.high)
    )
    return dataclasses.replace(accuracy, value=value, low=low, high=high)
