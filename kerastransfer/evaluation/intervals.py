"""Measured values with confidence intervals."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays, wording
from kerastransfer.foundation.quoting import quoted

NORMAL_HALF_WIDTH = 1.959963984540054  # of a 95 % interval, in standard deviations
_REPLICATES = 10_000
_FEW = 10  # see Notes of bootstrap_mean_per_class


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A fraction measured on images, with its confidence interval.

    Parameters
    ----------
    value, low, high : float
        The estimate and the ends of its interval, as fractions of 1.
    n : int
        Number of images.
    method : str
        How the interval was computed.

    Examples
    --------
    >>> print(Estimate(value=0.92, low=0.893, high=0.941, n=500, method="wilson"))
    92.0 % (89.3 to 94.1), n = 500
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    def __str__(self) -> str:
        return f"{wording.percent(self.as_dict())}, n = {self.n:,}"

    def as_dict(self) -> dict[str, float | int | str]:
        """Return the fields in plain Python, ready for JSON.

        Examples
        --------
        >>> wilson(8, 8).as_dict()["value"]
        1.0
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the estimate that `as_dict` was called on.

        Raises
        ------
        InputError
            If a field is missing or unknown.

        Examples
        --------
        >>> Estimate.from_dict(wilson(8, 10).as_dict()) == wilson(8, 10)
        True
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if set(fields) != set(names):
            raise InputError(
                f"Expected an estimate with {', '.join(names)}, got "
                f"{', '.join(map(str, fields)) or 'nothing'}."
            )
        return cls(**fields)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossEstimate(Estimate):
    """A mean negative log-likelihood in nats, with its confidence interval.

    Examples
    --------
    >>> print(LossEstimate(value=0.25, low=0.2, high=0.3, n=500, method="student"))
    0.250 (0.200 to 0.300) nats, n = 500
    """

    def __str__(self) -> str:
        return f"{wording.nats(self.as_dict())}, n = {self.n:,}"


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Estimate a proportion with Wilson's score interval [1]_.

    The ends of the interval lie between 0 and 1, and it has a width even where all or
    none of the images are right.

    Parameters
    ----------
    successes : int
        Number of images that are right.
    n : int
        Number of images, 1 or more.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    InputError
        If `successes` is not in 0..n, `n` is below 1 or `confidence` not in (0, 1).

    References
    ----------
    .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
       Inference", JASA 22(158), 1927, pp. 209-212.

    Examples
    --------
    >>> print(wilson(8, 10))
    80.0 % (49.0 to 94.3), n = 10
    >>> print(wilson(10, 10))
    100.0 % (72.2 to 100.0), n = 10
    """
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise InputError(
            f"Expected 0 to n successes of n of 1 or more, got {quoted(successes)} of "
            f"{quoted(n)}."
        )
    low, high = wilson_ends(successes / n, n, confidence)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="wilson")


def bootstrap_mean_per_class(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    num_classes: int,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    r"""Estimate the mean per-class accuracy with a stratified bootstrap interval.

    Parameters
    ----------
    labels, predictions : array_like of int, shape (n,)
        The true and the predicted class of each image.
    num_classes : int
        Number of classes. Those without an image do not count.
    confidence : float
        Between 0 and 1.
    seed : int
        Of the random draws; equal arguments give equal intervals.

    Returns
    -------
    Estimate
        `method` is ``bootstrap``, or ``bootstrap+wilson`` where it was widened.

    Raises
    ------
    InputError
        If the two do not match, a class is out of range or `confidence` is.

    Notes
    -----
    Ends are percentiles of 10,000 replicates. Images are drawn within each class, so
    class sizes stay; the number of right ones among m draws from a class of n images
    with k right ones is Binomial(m, k/n), which is drawn directly. m is n - 1 [1]_,
    for m = n would understate the variance by (n - 1) / n: half of it at n = 2.

    A class that is all right, all wrong or a single image does not vary in a bootstrap,
    so a perfect score would get an interval without a width. Where fewer than ten
    images can vary (the sum over classes of min(k, n - k)), the interval is widened
    until it also contains Wilson's at the effective size
    :math:`C^2 / \sum_c 1 / n_c`. At that size p(1 - p)/n is the variance of the mean
    over C classes of equal rates; where class sizes are equal, unequal rates have a
    smaller one.

    References
    ----------
    .. [1] P. J. McCarthy and C. B. Snowden, "The Bootstrap and Finite Population
       Sampling", Vital and Health Statistics 2(95), 1985.

    Examples
    --------
    Class 0 is right on both of its images, class 1 on one of two:

    >>> bootstrap_mean_per_class([0, 0, 1, 1], [0, 0, 1, 0], num_classes=2).value
    0.75
    """
    _check_confidence(confidence)
    truth = arrays.class_indices("labels", labels, num_classes)
    guess = arrays.class_indices("predictions", predictions, num_classes)
    arrays.same_length(labels=truth, predictions=guess)
    sizes = np.bincount(truth, minlength=num_classes)
    right = np.bincount(truth[truth == guess], minlength=num_classes)
    sizes, right = sizes[sizes > 0], right[sizes > 0]

    value = float(np.mean(right / sizes))
    tail = (1 - confidence) / 2
    ends = np.quantile(_replicates(right, sizes, seed), [tail, 1 - tail])
    low, high, method = float(ends[0]), float(ends[1]), "bootstrap"
    if np.minimum(right, sizes - right).sum() < _FEW:
        effective = len(sizes) ** 2 / float(np.sum(1 / sizes))
        wide_low, wide_high = wilson_ends(value, effective, confidence)
        low, high = min(low, wide_low), max(high, wide_high)
        method = "bootstrap+wilson"
    return Estimate(value=value, low=low, high=high, n=len(truth), method=method)


def _replicates(
    right: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.float64]:
    """Return replicates of the mean over classes of right / sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros(_REPLICATES)
    for k, n in zip(right, sizes, strict=True):  # a class at a time bounds the memory
        draws = max(n - 1, 1)
        total += rng.binomial(draws, k / n, size=_REPLICATES) / draws
    return total / len(sizes)


def wilson_ends(p: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a proportion.

    Parameters
    ----------
    n : float
        Images that say as much; need not be whole, so SciPy's does not serve.
    """
    import scipy.stats  # late: --help must not wait for it

    z = float(scipy.stats.norm.ppf((1 + confidence) / 2))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # rounding could put an end a hair on the wrong side of p = 0 or p = 1
    return float(max(min(centre - half, p), 0)), float(min(max(centre + half, p), 1))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(
            "Expected a confidence between 0 and 1 such as 0.95, got "
            f"{quoted(confidence)}."
        )
