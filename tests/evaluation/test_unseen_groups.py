"""The accuracy at groups that training never saw, by hand and by drawing groups."""

import json

import numpy as np
import pytest

from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.evaluation.metrics import Metrics, evaluate
from kerastransfer.evaluation.unseen_groups import (
    METHOD,
    UnseenGroups,
    clustered_accuracy,
    measure,
)


def test_an_interval_worked_by_hand():
    # Of a 3 of 4 are right, of b 2 of 2, of c 1 of 4: p = 0.6, and the sum of
    # (k - p n)^2 is 0.6^2 + 0.8^2 + 1.4^2 = 2.96; times 3 / 2 and over 10^2 it is
    # v = 0.0444. 0.24 / v = 5.405 images, times (1.95996 / 4.30265)^2 = 1.1216 images.
    right = [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]
    estimate = clustered_accuracy(right, list("aaaabbcccc"))
    assert (estimate.value, estimate.n, estimate.method) == (0.6, 10, METHOD)
    np.testing.assert_allclose([estimate.low, estimate.high], HAND, atol=1e-4)


# (p + z^2 / 2m -+ z sqrt(p (1 - p) / m + z^2 / 4m^2)) / (1 + z^2 / m) at m = 1.1216
HAND = (0.0847, 0.9605)


def test_groups_of_one_image_are_images():
    rng = np.random.default_rng(0)
    for n in (1, 2, 30):
        right = rng.random(n) < 0.7
        names = [f"g{i}" for i in range(n)]
        assert clustered_accuracy(right, names) == wilson(int(right.sum()), n)


@pytest.mark.parametrize("seed", range(20))
def test_groups_never_say_more_than_their_images(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, rng.integers(1, 12), 60)
    right = rng.random(60) < rng.choice([0.02, 0.5, 0.97])
    estimate, plain = clustered_accuracy(right, groups), wilson(int(right.sum()), 60)
    assert estimate.value == plain.value
    assert 0 <= estimate.low <= plain.low <= plain.high <= estimate.high <= 1
    turned = clustered_accuracy(~right, groups)  # what is right is a matter of words
    assert turned.low == pytest.approx(1 - estimate.high)
    order = rng.permutation(60)
    assert clustered_accuracy(right[order], groups[order]) == estimate


def test_it_agrees_with_drawing_whole_groups_where_there_are_many():
    rng = np.random.default_rng(1)
    sizes = rng.integers(2, 15, 300)
    rates = rng.beta(4, 2, 300)
    correct = rng.binomial(sizes, rates)
    groups = np.repeat(np.arange(300), sizes)
    right = np.concatenate(
        [np.arange(n) < k for n, k in zip(sizes, correct, strict=True)]
    )
    drawn = rng.integers(0, 300, (4000, 300))
    means = correct[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    estimate = clustered_accuracy(right, groups)
    ends = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose([estimate.low, estimate.high], ends, atol=0.003)
    plain = wilson(int(right.sum()), len(right))
    assert estimate.high - estimate.low > 1.3 * (plain.high - plain.low)


def test_it_covers_the_rate_of_groups_that_differ_and_images_alone_do_not():
    rng = np.random.default_rng(2)
    covered = np.zeros(2)
    for _ in range(400):
        correct = rng.binomial(12, rng.beta(6, 2, 10))  # 10 groups of 12, 75 % right
        right = (np.arange(12) < correct[:, None]).ravel()
        groups = np.repeat(np.arange(10), 12)
        both = clustered_accuracy(right, groups), wilson(int(right.sum()), 120)
        covered += [each.low <= 0.75 <= each.high for each in both]
    ours, plain = covered / 400
    assert ours > 0.93 and plain < 0.88


def test_a_perfect_score_is_no_certainty():
    groups = np.repeat(np.arange(5), 20)
    perfect = clustered_accuracy(np.ones(100), groups)
    assert perfect.value == perfect.high == 1
    assert perfect.low < wilson(100, 100).low
    nearly = clustered_accuracy(np.arange(100) > 0, groups)
    assert nearly.low < perfect.low < nearly.low + 0.03  # no leap at the last image
    one_group = clustered_accuracy(np.ones(100), ["a"] * 100)
    assert (one_group.low, one_group.high) == (wilson(1, 1).low, 1)


def test_only_groups_that_training_did_not_see_count():
    right = [1, 1, 0, 0, 1, 0]
    groups = ["ann", "ann", "tom", "tom", "eve", ""]
    measured = measure(right, groups, {"tom", "rex"})
    assert (measured.unseen, measured.groups, measured.images) == (2, 3, 6)
    assert (measured.accuracy.value, measured.accuracy.n) == (1, 3)
    assert str(measured).endswith(
        "n = 3 of 2 groups; 1 other (2 images) in training too; 1 image has no group"
    )
    assert "all 3 groups unseen in training; 1 image has" in str(
        measure(right, groups, ())
    )
    none = measure(right, groups, {"ann", "tom", "eve"})
    assert none.accuracy is None
    assert str(none) == "none: all 3 groups are in training too; 1 image has no group"
    assert str(measure([1], ["a"], {"a"})) == "none: the only group is in training too"


def test_a_result_file_holds_it_and_older_ones_are_read():
    rows = np.eye(3)[[0, 1, 2, 0]] * 0.8 + 0.2 / 3
    metrics = evaluate(
        rows, [0, 1, 2, 1], groups=["a", "a", "b", ""], seen_groups={"b"}
    )
    stored = json.loads(json.dumps(metrics.as_dict()))
    assert stored["unseen_groups"]["accuracy"]["n"] == 2
    assert Metrics.from_dict(stored).unseen_groups == metrics.unseen_groups
    assert str(metrics).splitlines()[1].startswith("unseen groups   100.0 % (")
    del stored["unseen_groups"]
    assert Metrics.from_dict(stored).unseen_groups is None
    with pytest.raises(InputError, match="Expected unseen groups with accuracy, group"):
        UnseenGroups.from_dict({"accuracy": None})


@pytest.mark.parametrize("groups", [None, [""] * 4])
def test_nothing_is_said_where_there_are_no_groups(groups):
    metrics = evaluate(np.full((4, 2), 0.5), [0, 1, 0, 1], groups=groups)
    assert metrics.unseen_groups is None and "unseen" not in str(metrics)
    assert "unseen_groups" not in metrics.as_dict()


def test_groups_that_are_not_one_an_image_are_refused():
    with pytest.raises(InputError, match="got 4 labels, 3 groups"):
        evaluate(np.full((4, 2), 0.5), [0, 1, 0, 1], groups=["a", "b", "c"])
