import itertools
import json

import numpy as np
import pytest
import scipy.stats

from kerastransfer.errors import InputError
from kerastransfer.evaluation import paired
from kerastransfer.evaluation.paired import compare


def images(only_first, only_second, both=0, neither=0):
    """Labels and two rows of predictions with these counts."""
    counts = (only_first, only_second, both, neither)
    first, second = np.repeat([1, 0, 1, 0], counts), np.repeat([0, 1, 1, 0], counts)
    return np.ones(sum(counts), int), first, second


def test_known_value():
    # 9 against 1 of 98: (10 - 2) / 100 = 0.08, its variance (0.12 - 0.0064) / 100
    found = compare(*images(9, 1, 50, 38))
    assert (found.only_first, found.only_second) == (9, 1)
    assert found.difference.value == pytest.approx(8 / 98)
    half = 1.959964 * np.sqrt(0.001136)
    assert found.difference.low == pytest.approx(0.08 - half)
    assert found.difference.high == pytest.approx(0.08 + half)
    # both tails of Binomial(10, 1/2): 2 (1 + 10) / 1024
    assert found.p_value == pytest.approx(22 / 1024)
    assert found.verdict == "first is better"


def test_a_comparison_prints_as_one_line():
    # the same 9 against 1 of 98: 8 / 98 = 8.2 points, 8 -+ 6.6 points, p = 0.0215
    assert str(compare(*images(9, 1, 50, 38))) == (
        "difference +8.2 points (+1.4 to +14.6), n = 98, p = 0.021: first is better"
    )
    assert str(compare(*images(0, 0, 50, 50))) == (
        "difference +0.0 points (-2.7 to +2.7), n = 100, p = 1: not distinguishable"
    )


def test_only_which_are_right_matters():
    labels, first, second = [0, 1, 2, 3], [0, 1, 0, 3], [0, 2, 1, 3]
    found = compare(labels, first, second)
    assert (found.only_first, found.only_second) == (1, 0)


def test_swapping_the_two_turns_the_sign():
    one, two = compare(*images(20, 4, 9, 9)), compare(*images(4, 20, 9, 9))
    assert one.p_value == two.p_value
    assert one.difference.value == -two.difference.value
    assert one.difference.low == pytest.approx(-two.difference.high)
    assert (one.verdict, two.verdict) == ("first is better", "second is better")


def test_equal_predictions_are_not_distinguishable_and_not_exact():
    found = compare(*images(0, 0, 90, 10))
    assert found.p_value == 1
    assert found.difference.low < 0 == found.difference.value < found.difference.high
    assert found.verdict == "not distinguishable"


@pytest.mark.parametrize("n", [1, 3, 1000])
def test_the_interval_stays_in_range_and_holds_the_value(n):
    found = compare(*images(n, 0)).difference
    assert -1 <= found.low < found.value == 1 == found.high


def test_the_verdict_wants_interval_and_test_to_agree():
    found = compare(*images(9, 2, 89))  # at the edge the exact test is the stricter
    assert found.difference.low > 0
    assert found.p_value == pytest.approx(0.0654, abs=1e-4)
    assert found.verdict == "not distinguishable"


@pytest.mark.parametrize(("both", "neither"), [(0, 0), (40, 0), (300, 100)])
def test_a_verdict_never_contradicts_interval_or_test(both, neither):
    for a, b in itertools.product(range(0, 30, 3), repeat=2):
        if a + b + both + neither == 0:
            continue
        found = compare(*images(a, b, both, neither))
        if found.verdict != "not distinguishable":
            assert found.p_value < 0.05
            assert found.difference.low * found.difference.high > 0


@pytest.mark.parametrize("n", [50, 150, 500])
@pytest.mark.parametrize(("p", "q"), [(0.05, 0.05), (0.15, 0.05), (0.3, 0.2)])
def test_the_interval_covers_the_truth(n, p, q):
    # exact: all counts whose probability matters, first-only p and second-only q
    coverage = total = 0.0
    for a, b in itertools.product(range(n + 1), repeat=2):
        if abs(a - n * p) > 6 * np.sqrt(n * p) or abs(b - n * q) > 6 * np.sqrt(n * q):
            continue
        if a + b > n:
            continue
        mass = scipy.stats.multinomial.pmf([a, b, n - a - b], n, [p, q, 1 - p - q])
        if mass < 1e-7:
            continue
        found = paired._difference(a, b, n)
        coverage += mass * (found.low <= p - q <= found.high)
        total += mass
    assert total > 0.999
    assert 0.93 < coverage < 0.99


def test_as_dict_is_ready_for_json():
    found = json.loads(json.dumps(compare(*images(9, 1, 50, 38)).as_dict()))
    keys = ["difference", "only_first", "only_second", "p_value", "verdict"]
    assert list(found) == keys
    assert list(found["difference"]) == ["value", "low", "high", "n", "method"]


@pytest.mark.parametrize(
    ("labels", "first", "second", "message"),
    [
        ([0, 1], [0, 1], [0], "got 2 labels, 2 first, 1 second"),
        ([0, 1], [0, 1], [0.5, 0.5], "Expected second to be integers"),
        ([], [], [], "Expected labels to be integers"),
    ],
)
def test_compare_says_what_is_wrong(labels, first, second, message):
    with pytest.raises(InputError, match=message):
        compare(labels, first, second)


def test_a_difference_of_single_images_is_that_of_compare():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    first, second = (rng.integers(0, 3, 200) for _ in range(2))
    expected = paired.compare(labels, first, second).difference
    found = paired.difference(first == labels, second == labels, np.arange(200))
    assert found == expected


def test_a_difference_of_groups_is_students_over_groups_of_one_size():
    # With groups of one size the ratio is the mean of their means.
    rng = np.random.default_rng(1)
    first, second = rng.random((20, 5)) < 0.8, rng.random((20, 5)) < 0.6
    gaps = first.mean(axis=1) - second.mean(axis=1)
    low, high = scipy.stats.ttest_1samp(gaps, 0).confidence_interval(0.95)
    units = np.repeat(np.arange(20), 5)
    found = paired.difference(first.ravel(), second.ravel(), units)
    assert found.value == pytest.approx(gaps.mean())
    assert (found.low, found.high) == pytest.approx((low, high))


def test_groups_that_agree_in_themselves_widen_the_interval():
    first = np.repeat(np.arange(10) < 8, 10)
    second = np.repeat(np.arange(10) < 5, 10)
    alone = paired.difference(first, second, np.arange(100))
    grouped = paired.difference(first, second, np.repeat(np.arange(10), 10))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    one = paired.difference(first, second, np.zeros(100))
    assert (one.low, one.high) == (-1, 1)
