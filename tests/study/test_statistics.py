"""Means and comparisons over draws, held against SciPy and simulated studies."""

import math

import numpy as np
import pytest
import scipy.stats

from kerastransfer.errors import InputError
from kerastransfer.study import statistics


def test_a_mean_has_students_interval():
    values = [0.81, 0.84, 0.79, 0.9]
    mean = statistics.mean_over_draws(values)
    low, high = scipy.stats.t.interval(
        0.95, df=3, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    assert (mean.value, mean.draws) == (pytest.approx(0.835), 4)
    assert (mean.low, mean.high) == (pytest.approx(low), pytest.approx(high))


def test_one_draw_has_no_interval():
    mean = statistics.mean_over_draws([0.9])
    assert math.isnan(mean.low) and math.isnan(mean.high)
    assert "no interval over draws" in str(mean)
    with pytest.raises(InputError):
        statistics.mean_over_draws([])


def test_draws_that_are_alike_by_chance_have_the_spread_of_rounding():
    # 42 and 40 of 48 images, twice: nothing is certain of two draws.
    result = statistics.paired({0: 42 / 48, 1: 42 / 48}, {0: 40 / 48, 1: 40 / 48})
    assert result.p_value == 0  # of numbers that nobody rounded
    counted = statistics.paired(
        {0: 42 / 48, 1: 42 / 48}, {0: 40 / 48, 1: 40 / 48}, step=1 / 48
    )
    assert counted.p_value > 0.05
    assert counted.difference.low < 0 < counted.difference.high
    # As much as a uniform error of one step of two accuracies has.
    rng = np.random.default_rng(0)
    rounded = rng.uniform(-0.5, 0.5, (100_000, 2)).sum(axis=1) / 48
    half = scipy.stats.t.ppf(0.975, 1) * rounded.std() / math.sqrt(2)
    assert counted.difference.high - 2 / 48 == pytest.approx(half, rel=0.01)
    mean = statistics.mean_over_draws([0.5, 0.5], step=0.1)
    assert mean.high - mean.low > 0.3
    wide = statistics.mean_over_draws([0.2, 0.8], step=0.1)
    assert wide == statistics.mean_over_draws([0.2, 0.8])


def test_a_paired_comparison_is_scipys():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(size=(2, 7))
    result = statistics.paired(dict(enumerate(first)), dict(enumerate(second)))
    expected = scipy.stats.ttest_rel(first, second)
    ends = expected.confidence_interval(0.95)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.difference.low == pytest.approx(ends.low)
    assert result.difference.high == pytest.approx(ends.high)


def test_equivalence_is_two_one_sided_tests():
    rng = np.random.default_rng(1)
    first = 0.8 + 0.004 * rng.normal(size=6)
    second = 0.8 + 0.004 * rng.normal(size=6)
    pair = dict(enumerate(first)), dict(enumerate(second))
    result = statistics.paired(*pair, margin=0.02)
    sides = [
        scipy.stats.ttest_1samp(first - second, -0.02, alternative="greater").pvalue,
        scipy.stats.ttest_1samp(first - second, 0.02, alternative="less").pvalue,
    ]
    assert result.p_equivalent == pytest.approx(max(sides))
    assert math.isnan(statistics.paired(*pair).p_equivalent)


def test_no_interval_goes_beyond_what_there_is():
    wide = statistics.mean_over_draws([0.43, 0.52], least=0.0)
    assert (wide.low, wide.high) == (0.0, 1.0)
    difference = statistics.mean_over_draws([-0.9, 0.9])
    assert (difference.low, difference.high) == (-1.0, 1.0)


def test_only_draws_that_both_have_count():
    result = statistics.paired({0: 0.5, 1: 0.6, 5: 0.1}, {0: 0.4, 1: 0.5, 7: 0.9})
    assert result.difference.value == pytest.approx(0.1)
    assert result.difference.draws == 2
    with pytest.raises(InputError):
        statistics.paired({0: 0.5}, {1: 0.5})


@pytest.mark.parametrize(
    ("gain", "margin", "expected"),
    [(0.25, None, (0.0, math.nan)), (0.0, 0.01, (1.0, 0.0)), (0.25, 0.5, (0.0, 0.0))],
)
def test_draws_that_do_not_vary(gain, margin, expected):
    second = {0: 0.5, 1: 0.25}
    first = {draw: value + gain for draw, value in second.items()}
    result = statistics.paired(first, second, margin)
    np.testing.assert_equal((result.p_value, result.p_equivalent), expected)


def test_holm_by_hand_and_with_gaps():
    # Four tests: 4 x .005, 3 x .01, 2 x .03, 1 x .04, none below the one before.
    adjusted = statistics.holm([0.01, 0.04, 0.03, math.nan, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, math.nan, 0.02])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_a_verdict_needs_the_adjusted_value():
    result = statistics.paired(
        {0: 0.8, 1: 0.9, 2: 0.7}, {0: 0.7, 1: 0.81, 2: 0.59}, margin=0.01
    )
    assert statistics.verdict(result, 0.01, 1.0) == "first is better"
    assert statistics.verdict(result, 0.06, 1.0) == "not decided"
    assert statistics.verdict(result, 0.06, 0.01) == "equivalent"
    alone = statistics.paired({0: 0.8}, {0: 0.7})
    assert statistics.verdict(alone, math.nan, math.nan) == "one draw"


@pytest.mark.parametrize("draws", [3, 5, 10])
def test_intervals_hold_what_they_promise(draws):
    """Studies made up of draws that differ, seeds, and 300 test images in common."""
    rng = np.random.default_rng(draws)
    covered, studies = 0, 2_000
    hardness = rng.beta(2, 1, size=300)  # each image's chance to be right
    truth = _truth(hardness)
    for _ in range(studies):
        luck = rng.normal(0, 0.25, size=draws)  # of a draw, in logits
        logits = np.log(hardness / (1 - hardness)) + luck[:, None]
        right = rng.uniform(size=(2, draws, 300)) < 1 / (1 + np.exp(-logits))
        accuracies = right.mean(axis=(0, 2))  # two seeds averaged
        mean = statistics.mean_over_draws(accuracies.tolist())
        covered += mean.low <= truth <= mean.high
    assert 0.92 <= covered / studies <= 0.98


def _truth(hardness):
    """Return the mean accuracy of a draw that is yet to come."""
    luck = np.random.default_rng(99).normal(0, 0.25, size=20_000)
    logits = np.log(hardness / (1 - hardness))
    return np.mean([np.mean(1 / (1 + np.exp(-logits - x))) for x in luck])


def test_intervals_over_images_would_promise_too_much():
    """Why the draw is the unit: the next draw falls outside a Wilson interval."""
    from kerastransfer.evaluation.intervals import wilson

    rng = np.random.default_rng(0)
    hardness = rng.beta(2, 1, size=2_000)
    missed, truth = 0, _truth(hardness)
    for _ in range(300):
        luck = rng.normal(0, 0.25)
        chance = 1 / (1 + np.exp(-np.log(hardness / (1 - hardness)) - luck))
        interval = wilson(int((rng.uniform(size=2_000) < chance).sum()), 2_000)
        missed += not interval.low <= truth <= interval.high
    assert missed / 300 > 0.3
