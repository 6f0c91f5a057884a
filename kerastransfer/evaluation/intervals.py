"""Estimates with the range that the data leave open."""

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy.stats

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays

_REPLICATES = 10_000
_FEW = 10  # see Notes of bootstrap_mean_per_class


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number measured on a sample, with its confidence interval.

    Parameters
    ----------
    value, low, high : float
        The estimate and its interval's ends, in the unit of what is measured
        (accuracies: a fraction from 0 to 1).
    n : int
        Number of images it rests on.
    method : str
        How the interval was made.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    def as_dict(self) -> dict[str, float | int | str]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Estimate a proportion, with Wilson's score interval.

    Parameters
    ----------
    successes : int
        Number of images that were right.
    n : int
        Number of images, 1 or more.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Estimate
        Its ends are roots of the score test, so they lie in 0..1 and the interval
        has a width even where all or none were right.

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
    >>> wilson(8, 10).low
    0.490...
    """
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise InputError(
            f"Expected 0 to n successes of n of 1 or more, got {successes!r} of {n!r}."
        )
    low, high = _wilson_ends(successes / n, n, confidence)
    return Estimate(value=successes / n, low=low, high=high, n=n, method="wilson")


def bootstrap_mean_per_class(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    num_classes: int,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    r"""Estimate the mean per-class accuracy, with a stratified bootstrap interval.

    Parameters
    ----------
    labels, predictions : array_like of int, shape (n,)
        The true and the predicted class of each image.
    num_classes : int
        Number of classes. Those without an image do not count.
    confidence : float
        Between 0 and 1.
    seed : int
        The interval follows from it and the arguments.

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

    A class that is all right, all wrong or a single image cannot vary in a bootstrap:
    a perfect score would claim to be exact. So where the images that can vary, the
    sum over classes of min(k, n - k), number fewer than ten, the interval is widened
    until it also holds Wilson's at the effective size
    :math:`C^2 / \sum_c 1 / n_c`. That size makes p(1 - p)/n the variance of
    the mean over C classes of equal rates; where class sizes are equal, unequal
    rates have less.

    References
    ----------
    .. [1] P. J. McCarthy and C. B. Snowden, "The Bootstrap and Finite Population
       Sampling", Vital and Health Statistics 2(95), 1985.
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
        wide_low, wide_high = _wilson_ends(value, effective, confidence)
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


def _wilson_ends(p: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval; `n` need not be whole, so SciPy's does not serve."""
    z = float(scipy.stats.norm.ppf((1 + confidence) / 2))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # rounding could put an end a hair on the wrong side of p = 0 or p = 1
    return float(max(min(centre - half, p), 0)), float(min(max(centre + half, p), 1))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(
            f"Expected a confidence between 0 and 1 such as 0.95, got {confidence!r}."
        )
