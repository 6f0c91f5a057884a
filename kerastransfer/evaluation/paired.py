"""Which of two classifiers is better, judged on the same images."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from kerastransfer.evaluation import arrays
from kerastransfer.evaluation.intervals import Estimate

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What `compare` found.

    Parameters
    ----------
    difference : Estimate
        First accuracy minus second, a fraction from -1 to 1, with its 95 % interval.
    only_first, only_second : int
        Images that only the first, or only the second, got right.
    p_value : float
        Of McNemar's exact two-sided test that both are equally accurate.
    """

    difference: Estimate
    only_first: int
    only_second: int
    p_value: float

    @property
    def verdict(self) -> str:
        """``first is better``, ``second is better`` or ``not distinguishable``.

        One is better only where the interval leaves 0 out and the test agrees (p below
        0.05). The test is the stricter of the two at the edge; asking both keeps a
        report from contradicting itself.
        """
        held = self.difference.low <= 0 <= self.difference.high
        if held or self.p_value >= 1 - _CONFIDENCE:
            return "not distinguishable"
        return "first is better" if self.difference.value > 0 else "second is better"

    def as_dict(self) -> dict[str, Any]:
        """Return fields and verdict in plain Python, ready for JSON."""
        return {**dataclasses.asdict(self), "verdict": self.verdict}


def compare(
    labels: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike
) -> Comparison:
    """Compare two classifiers' predictions for the same images.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        True classes.
    first, second : array_like of int, shape (n,)
        Each classifier's predictions, in the order of `labels`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If lengths differ, or one holds anything but class indices.

    Notes
    -----
    Only images on which just one is right tell the two apart. The test is exact: given
    their number, the first's share is Binomial(1/2) where neither is better [1]_. The
    interval is Bonett and Price's adjusted Wald interval [2]_: one image is added to
    each of the two counts and two to the total. It keeps a width where no image tells
    them apart. Images count as independent: frames of one film are not.

    References
    ----------
    .. [1] Q. McNemar, "Note on the Sampling Error of the Difference Between Correlated
       Proportions or Percentages", Psychometrika 12(2), 1947, pp. 153-157.
    .. [2] D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a
       Difference of Binomial Proportions Based on Paired Data", Journal of Educational
       and Behavioral Statistics 37(4), 2012, pp. 479-488.
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


def _mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value; 1 where no image tells the two apart."""
    told = only_first + only_second
    return float(scipy.stats.binomtest(only_first, told).pvalue) if told else 1.0


def _difference(only_first: int, only_second: int, n: int) -> Estimate:
    """Return the difference of accuracies with Bonett and Price's interval."""
    plus, minus = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    spread = np.sqrt((plus + minus - (plus - minus) ** 2) / (n + 2))
    half = float(scipy.stats.norm.ppf((1 + _CONFIDENCE) / 2) * spread)
    return Estimate(
        value=(only_first - only_second) / n,
        low=max(plus - minus - half, -1.0),
        high=min(plus - minus + half, 1.0),
        n=n,
        method="bonett-price",
    )
