"""What repeated runs say: means, paired differences, and which of many are certain.

The unit of replication is the draw of training images, not the test image: every draw
is measured on the same test images, so these tell how good one network is and not how
good the next one will be. Seeds of a draw are averaged first.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastransfer.errors import InputError
from kerastransfer.evaluation import wording

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawMean:
    """A mean over draws, with its interval.

    Parameters
    ----------
    value : float
        As a fraction of 1, or a difference of fractions.
    low, high : float
        Ends of the 95 % interval; NaN for a single draw, which tells no spread.
    draws : int
    """

    value: float
    low: float
    high: float
    draws: int

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{100 * self.value:.1f} % (one draw: no interval over draws)"
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return f"{wording.percent(ends)}, {self.draws} draws"


def step_of(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the step in which accuracies of runs are counted: 1 / test images.

    0 where nobody says how many there were.
    """
    counts = [int(row["test_images"]) for row in rows if row.get("test_images")]
    return 1 / min(counts) if counts else 0.0


def mean_over_draws(
    values: Sequence[float], least: float = -1.0, *, step: float = 0.0
) -> DrawMean:
    """Estimate a mean over draws with Student's interval [1]_.

    Parameters
    ----------
    values : sequence of float
        One of each draw.
    least : float
        The least that there is: -1 for differences, 0 for accuracies. No interval goes
        beyond it, nor above 1.
    step : float
        In which the values are counted. Draws that are alike by chance have no less
        spread than what is rounded to such steps: step / sqrt(12).

    References
    ----------
    .. [1] Student, "The Probable Error of a Mean", Biometrika 6(1), 1908.

    Examples
    --------
    >>> print(mean_over_draws([0.90, 0.92, 0.91]))
    91.0 % (88.5 to 93.5), 3 draws
    """
    if not values:
        raise InputError("Expected a draw or more.")
    several = np.asarray(values, float)
    mean, n = float(several.mean()), len(several)
    if n == 1:
        return DrawMean(value=mean, low=math.nan, high=math.nan, draws=1)
    half = _half_width(several, step / math.sqrt(12))
    low, high = max(mean - half, least), min(mean + half, 1.0)
    return DrawMean(value=mean, low=low, high=high, draws=n)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """First minus second on the same draws.

    Parameters
    ----------
    difference : DrawMean
    p_value : float
        Of Student's two-sided paired test that the mean difference is 0; NaN for a
        single draw.
    p_equivalent : float
        Of the two one-sided tests [1]_ that the difference is as large as the margin;
        NaN without a margin or with a single draw.

    References
    ----------
    .. [1] D. J. Schuirmann, "A comparison of the Two One-Sided Tests Procedure and the
       Power Approach", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """

    difference: DrawMean
    p_value: float
    p_equivalent: float = math.nan


def paired(
    first: Mapping[int, float],
    second: Mapping[int, float],
    margin: float | None = None,
    *,
    step: float = 0.0,
) -> Paired:
    """Compare two recipes on the draws that both have.

    Parameters
    ----------
    first, second : mapping of int to float
        Accuracies by draw, seeds averaged.
    margin : float, optional
        Differences smaller than this are as good as none, such as 0.01.
    step : float
        In which accuracies are counted; see `mean_over_draws`.

    Raises
    ------
    InputError
        If they share no draw.

    Examples
    --------
    >>> result = paired({0: 0.8, 1: 0.9, 2: 0.7}, {0: 0.7, 1: 0.81, 2: 0.59})
    >>> round(result.difference.value, 3), round(result.p_value, 4)
    (0.1, 0.0033)
    """
    import scipy.stats  # late: --help must not wait for it

    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise InputError("Expected draws that both recipes were trained on.")
    differences = np.array([first[draw] - second[draw] for draw in shared])
    # Both are rounded, so that a difference has twice the variance.
    mean = mean_over_draws(differences.tolist(), step=math.sqrt(2) * step)
    if len(shared) == 1:
        return Paired(difference=mean, p_value=math.nan)
    spread = max(differences.std(ddof=1), step / math.sqrt(6)) / math.sqrt(len(shared))
    if spread == 0:
        p_value = float(mean.value == 0)
        inside = margin is not None and abs(mean.value) < margin
        p_equivalent = math.nan if margin is None else float(not inside)
        return Paired(difference=mean, p_value=p_value, p_equivalent=p_equivalent)
    student = scipy.stats.t(df=len(shared) - 1)
    p_value = float(2 * student.sf(abs(mean.value) / spread))
    p_equivalent = math.nan
    if margin is not None:
        below = student.sf((margin + mean.value) / spread)
        above = student.sf((margin - mean.value) / spread)
        p_equivalent = float(max(below, above))
    return Paired(difference=mean, p_value=p_value, p_equivalent=p_equivalent)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that one false alarm of all is as rare.

    Parameters
    ----------
    p_values : sequence of float
        NaN for what was not tested, which stays NaN and does not count.

    References
    ----------
    .. [1] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
       Scandinavian Journal of Statistics 6(2), 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    highest = 0.0
    for rank, (p, index) in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * p))
        adjusted[index] = highest
    return adjusted


def verdict(result: Paired, adjusted: float, adjusted_equivalent: float) -> str:
    """Say what a comparison of many shows, once p-values are adjusted.

    Returns
    -------
    str
        ``one draw``, ``first is better``, ``second is better``, ``equivalent`` or
        ``not decided``.
    """
    if math.isnan(result.p_value):
        return "one draw"
    if adjusted < 1 - CONFIDENCE:
        return "first is better" if result.difference.value > 0 else "second is better"
    if adjusted_equivalent < 1 - CONFIDENCE:
        return "equivalent"
    return "not decided"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one of many comparisons shows.

    Parameters
    ----------
    p_value, p_equivalent : float
        Adjusted for the number of comparisons (Holm).
    verdict : str
        As `verdict` says.
    """

    p_value: float
    p_equivalent: float
    verdict: str


def judge(compared: Sequence[Paired]) -> list[Judged]:
    """Adjust the p-values of all comparisons together, and say what each shows."""
    p_values = holm([each.p_value for each in compared])
    equivalent = holm([each.p_equivalent for each in compared])
    return [
        Judged(p_value=p, p_equivalent=q, verdict=verdict(result, p, q))
        for result, p, q in zip(compared, p_values, equivalent, strict=True)
    ]


def averaged(rows: Sequence[Mapping[str, Any]], column: str) -> dict[int, float]:
    """Average a column over the seeds of each draw."""
    by_draw: dict[int, list[float]] = {}
    for row in rows:
        by_draw.setdefault(int(row["draw"]), []).append(float(row[column]))
    return {draw: float(np.mean(values)) for draw, values in sorted(by_draw.items())}


def _half_width(values: "np.ndarray", least: float) -> float:
    """Return half of Student's interval; the spread is taken to be no less."""
    import scipy.stats  # late: --help must not wait for it

    n = len(values)
    quantile = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, df=n - 1)
    return float(quantile * max(values.std(ddof=1), least) / math.sqrt(n))
