import json

import numpy as np
import pytest
import scipy.stats

from kerastransfer.errors import InputError
from kerastransfer.evaluation import intervals
from kerastransfer.evaluation.intervals import bootstrap_mean_per_class, wilson


def predictions_with(right, sizes):
    """Labels and predictions with `right[c]` of `sizes[c]` images of class c right."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.concatenate([np.arange(n) for n in sizes])
    hit = rank < np.repeat(right, sizes)
    return labels, np.where(hit, labels, (labels + 1) % len(sizes))


def test_wilson_known_value():
    # p = 1/2, n = 4, z = 1.959964: centre 1/2, half sqrt(n z^2 + z^4) / 2 / (n + z^2)
    # = sqrt(15.3658 + 14.7569) / 15.6829 = 0.349959
    found = wilson(2, 4)
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.150041, 0.849959), abs=2e-5)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(
    ("successes", "n"),
    [(0, 1), (1, 1), (0, 20), (20, 20), (8, 10), (311, 500), (49_000, 50_000)],
)
def test_wilson_agrees_with_scipy(successes, n, confidence):
    expected = scipy.stats.binomtest(successes, n).proportion_ci(confidence, "wilson")
    found = wilson(successes, n, confidence)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.n, found.method) == (n, "wilson")


def test_wilson_is_symmetric():
    some, rest = wilson(3, 17), wilson(14, 17)
    assert (some.low, some.high) == pytest.approx((1 - rest.high, 1 - rest.low))


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_counts_that_cannot_be(successes, n):
    message = f"Expected 0 to n successes of n of 1 or more, got {successes} of {n}"
    with pytest.raises(InputError, match=message):
        wilson(successes, n)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_a_confidence_is_a_fraction(confidence):
    message = "Expected a confidence between 0 and 1 such as 0.95, got"
    with pytest.raises(InputError, match=message):
        wilson(1, 2, confidence)
    with pytest.raises(InputError, match=message):
        bootstrap_mean_per_class([0, 1], [0, 1], 2, confidence=confidence)


@pytest.mark.parametrize(("n", "low"), [(50, 0.92), (150, 0.93), (500, 0.935)])
@pytest.mark.parametrize("p", [0.5, 0.8, 0.95])
def test_wilson_covers_the_truth(n, p, low):
    counts = np.arange(n + 1)  # exact: every outcome with its probability
    ends = [wilson(int(k), n) for k in counts]
    covers = np.array([end.low <= p <= end.high for end in ends])
    coverage = scipy.stats.binom.pmf(counts, n, p) @ covers
    assert low < coverage < 0.975


def test_an_estimate_is_ready_for_json():
    found = json.loads(json.dumps(wilson(1, 2).as_dict()))
    assert list(found) == ["value", "low", "high", "n", "method"]


def test_mean_per_class_weighs_classes_equally():
    # 9 of 90 and 10 of 10: (0.1 + 1) / 2, though 19 of 100 images are right
    found = bootstrap_mean_per_class(*predictions_with([9, 10], [90, 10]), 2)
    assert found.value == pytest.approx(0.55)
    assert found.n == 100


def test_mean_per_class_leaves_absent_classes_out():
    labels, predictions = [0, 0, 2, 2], [0, 1, 2, 2]
    assert bootstrap_mean_per_class(labels, predictions, 4).value == 0.75


def test_bootstrap_agrees_with_resampled_images():
    # scipy resamples the images themselves; with n of n draws, so the widths are apart
    # by sqrt(n / (n - 1)), here 0.6 %
    right, sizes = np.array([40, 55, 70]), np.array([80, 80, 80])
    found = bootstrap_mean_per_class(*predictions_with(right, sizes), 3)
    hits = [np.arange(n) < k for k, n in zip(right, sizes, strict=True)]
    reference = scipy.stats.bootstrap(
        hits,
        lambda *classes, axis: np.mean([c.mean(axis) for c in classes], axis=0),
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.method == "bootstrap"
    assert (found.low, found.high) == pytest.approx(tuple(reference), abs=0.006)


def test_replicates_have_the_variance_of_the_mean():
    # the unbiased estimate: mean over C of p (1 - p) / (n - 1), over C
    right, sizes = np.array([1, 3, 7, 2]), np.array([2, 4, 20, 3])
    draws = intervals._replicates(right, sizes, seed=0)
    p = right / sizes
    assert draws.mean() == pytest.approx(p.mean(), abs=0.005)
    expected = np.sum(p * (1 - p) / (sizes - 1)) / len(sizes) ** 2
    assert draws.var() == pytest.approx(expected, rel=0.05)


def test_bootstrap_is_replayable_and_seeded():
    images = predictions_with([40, 55], [80, 90])
    assert bootstrap_mean_per_class(*images, 2) == bootstrap_mean_per_class(*images, 2)
    other = [bootstrap_mean_per_class(*images, 2, seed=s).low for s in range(5)]
    assert len(set(other)) > 1


def test_bootstrap_narrows_with_less_confidence():
    images = predictions_with([40, 55], [80, 90])
    wide = bootstrap_mean_per_class(*images, 2)
    slim = bootstrap_mean_per_class(*images, 2, confidence=0.5)
    assert wide.low < slim.low < slim.value < slim.high < wide.high


@pytest.mark.parametrize("right", [[0, 0, 0], [25, 25, 25], [25, 25, 24]])
def test_a_perfect_score_is_not_exact(right):
    # equal class sizes: the effective size is the number of images
    found = bootstrap_mean_per_class(*predictions_with(right, [25] * 3), 3)
    assert found.method == "bootstrap+wilson"
    whole = wilson(sum(right), 75)
    assert found.low <= whole.low + 1e-12
    assert found.high >= whole.high - 1e-12
    assert found.high - found.low > 0.04


def test_single_images_of_classes_are_not_exact():
    labels = np.arange(30)
    found = bootstrap_mean_per_class(labels, np.where(labels < 18, labels, 0), 30)
    assert (found.low, found.high) == pytest.approx(
        (wilson(18, 30).low, wilson(18, 30).high)
    )


def test_the_effective_size_is_that_of_the_small_class():
    # 100 and 1 images: 2^2 / (1/100 + 1/1) = 3.9604
    found = bootstrap_mean_per_class(*predictions_with([100, 1], [100, 1]), 2)
    n, z = 4 / 1.01, scipy.stats.norm.ppf(0.975)
    assert found.low == pytest.approx(n / (n + z * z))
    assert found.high == 1


def test_bootstrap_refuses_arrays_that_do_not_match():
    with pytest.raises(InputError, match="got 2 labels, 3 predictions"):
        bootstrap_mean_per_class([0, 1], [0, 1, 1], 2)
    with pytest.raises(InputError, match="Expected predictions from 0 to 1, got 2"):
        bootstrap_mean_per_class([0, 1], [0, 2], 2)


@pytest.mark.parametrize(
    ("classes", "each", "rate", "low", "high"),
    [
        (5, 10, 0.5, 0.90, 0.97),
        (10, 5, 0.8, 0.92, 1.0),  # often widened
        (10, 10, 0.8, 0.93, 0.99),
        (10, 50, 0.8, 0.93, 0.98),
        (50, 2, 0.5, 0.93, 0.99),  # n draws of n instead of n - 1 cover 0.86
        (10, 10, 0.99, 0.95, 1.0),  # without widening: 0.60
        (30, 1, 0.8, 0.92, 0.99),  # without widening: 0
    ],
)
def test_bootstrap_covers_the_truth(monkeypatch, classes, each, rate, low, high):
    monkeypatch.setattr(intervals, "_REPLICATES", 1_000)
    rng = np.random.default_rng(3)
    covered = []
    for seed in range(400):
        right = rng.binomial(each, rate, size=classes)
        images = predictions_with(right, np.full(classes, each))
        found = bootstrap_mean_per_class(*images, classes, seed=seed)
        covered.append(found.low - 1e-9 <= rate <= found.high + 1e-9)
    assert low <= np.mean(covered) <= high
