"""Compare two classifiers on the same images."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kerastransfer.evaluation import arrays, wording
from kerastransfer.evaluation.intervals import Estimate

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Difference between the accuracies of two classifiers on the same images.

    Parameters
    ----------
    difference : Estimate
        First accuracy minus second, a fraction from -1 to 1, with its 95 % interval.
    only_first, only_second : int
        Images that only the first, or only the second, got right.
    p_value : float
        Of McNemar's exact two-sided test that both are equally accurate.

    Examples
    --------
    >>> labels = [0, 1] * 10
    >>> print(compare(labels, labels, [0] * 20))
    difference +50.0 points (+21.1 to +69.8), n = 20, p = 0.002: first is better
    """

    difference: Estimate
    only_first: int
    only_second: int
    p_value: float

    def __str__(self) -> str:
        difference = wording.points(self.difference.as_dict())
        return (
            f"difference {difference}, n = {self.difference.n:,}, "
            f"p = {self.p_value:.2g}: {self.verdict}"
        )

    @property
    def verdict(self) -> str:
        """``first is better``, ``second is better`` or ``not distinguishable``.

        One is better only where the interval excludes 0 and p is below 0.05. The test
        is slightly stricter than the interval; requiring both keeps a report from
        contradicting itself.
        """
        contains_0 = self.difference.low <= 0 <= self.difference.high
        if contains_0 or self.p_value >= 1 - _CONFIDENCE:
            return "not distinguishable"
        return "first is better" if self.difference.value > 0 else "second is better"

    def as_dict(self) -> dict[str, Any]:
        """Return fields and verdict in plain Python, ready for JSON."""
        return {**dataclasses.asdict(self), "verdict": self.verdict}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the comparison that `as_dict` was called on."""
        names = {field.name for field in dataclasses.fields(cls)}
        kept = {name: fields[name] for name in names}
        return cls(**{**kept, "difference": Estimate.from_dict(kept["difference"])})


def compare(
    labels: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike
) -> Comparison:
    """Compare the accuracy of two classifiers on the same images.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        True classes.
    first, second : array_like of int, shape (n,)
        The predictions of each classifier, in the order of `labels`.

    Raises
    ------
    InputError
        If lengths differ, or one holds anything but class indices.

    Notes
    -----
    Only images on which exactly one of the two is right carry information about which
    is better. The test is exact: given the number of such images, the number that the
    first got right is Binomial(1/2) where neither is better [1]_. The interval is
    Bonett and Price's adjusted Wald interval [2]_: one image is added to each of the
    two counts and two to the total, so it has a width even where there is no such
    image. Images are taken to be independent, which frames of one film are not.

    References
    ----------
    .. [1] Q. McNemar, "Note on the Sampling Error of the Difference Between Correlated
       Proportions or Percentages", Psychometrika 12(2), 1947, pp. 153-157.
    .. [2] D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a
       Difference of Binomial Proportions Based on Paired Data", Journal of Educational
       and Behavioral Statistics 37(4), 2012, pp. 479-488.

    Examples
    --------
    >>> compare([0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]).verdict
    'not distinguishable'
    """
    truth = arrays.class_indices("labels", labels)
    one = arrays.class_indices("first", first)
    two = arrays.class_indices("second", second)
    arrays.same_length(labels=truth, first=one, second=two)
    only_first = int(np.sum((one == truth) & (two != truth)))
    only_second = int(np.sum((one != truth) & (two == truth)))
    return Comparison(
        difference=_difference(only_first, only_second, len(truth)),
        only_first=only_first,
        only_second=only_second,
        p_value=_mcnemar(only_first, only_second),
    )


def difference(
    first: npt.ArrayLike, second: npt.ArrayLike, units: npt.ArrayLike
) -> Estimate:
    r"""Estimate how much more accurate one classifier is, where images come in groups.

    Parameters
    ----------
    first, second : array_like of bool, shape (n,)
        Whether each was right, image by image.
    units : array_like of shape (n,)
        Equal for images of one group.

    Returns
    -------
    Estimate
        First accuracy minus second. Bonett and Price's interval where every image is a
        group of its own, as in `compare`; else Student's for a ratio of sums over
        groups. A single group says nothing: the interval is -1 to 1.

    Notes
    -----
    With d_g the difference of right images in each of G groups, of n_g images, and d
    the value, the variance is
    :math:`\frac{G}{G - 1} \frac{\sum_g (d_g - d n_g)^2}{n^2}`, as for
    `clustered_accuracy`.

    Examples
    --------
    >>> difference([1, 1, 1, 0], [0, 0, 1, 0], ["a", "a", "b", "b"]).value
    0.5
    """
    one, two = np.asarray(first, bool), np.asarray(second, bool)
    _, owners, sizes = np.unique(
        np.asarray(units), return_inverse=True, return_counts=True
    )
    n, groups = len(one), len(sizes)
    if groups == n:
        return _difference(int(np.sum(one & ~two)), int(np.sum(two & ~one)), n)
    signs = one.astype(np.int64) - two.astype(np.int64)
    value = float(signs.mean())
    half = 2.0
    if groups > 1:
        import scipy.stats  # late: --help must not wait for it

        sums = np.bincount(owners, weights=signs)
        spread = np.sum((sums - value * sizes) ** 2) * groups / (groups - 1)
        # As if one image of the largest group were otherwise, where nothing differs.
        spread = max(float(spread), 1.0)
        quantile = scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, groups - 1)
        half = float(quantile * np.sqrt(spread) / n)
    return Estimate(
        value=value,
        low=max(value - half, -1.0),
        high=min(value + half, 1.0),
        n=n,
        method="student, clustered",
    )


def _mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value; 1 where both are right on the same images."""
    n = only_first + only_second
    import scipy.stats  # late: --help must not wait for it

    return float(scipy.stats.binomtest(only_first, n).pvalue) if n else 1.0


def _difference(only_first: int, only_second: int, n: int) -> Estimate:
    """Return the difference of accuracies with Bonett and Price's interval."""
    plus, minus = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    spread = np.sqrt((plus + minus - (plus - minus) ** 2) / (n + 2))
    import scipy.stats  # late: --help must not wait for it

    half = float(scipy.stats.norm.ppf((1 + _CONFIDENCE) / 2) * spread)
    return Estimate(
        value=(only_first - only_second) / n,
        low=max(plus - minus - half, -1.0),
        high=min(plus - minus + half, 1.0),
        n=n,
        method="bonett-price",
    )
