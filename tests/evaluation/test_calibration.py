"""Calibration error and Brier score, by hand, by scikit-learn and by simulation."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss

from kerastransfer.evaluation.calibration import BINS, calibration, threshold


def test_bins_and_errors_by_hand():
    # Two bins would do: each of 15 images is a bin of its own.
    rows = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 5)
    labels = np.array([0] * 8 + [1] * 2 + [0] * 1 + [1] * 4)
    found = calibration(rows, labels)
    assert len(found.bins) == BINS and all(each.images == 1 for each in found.bins)
    gaps = [0.1] * 8 + [0.9] * 2 + [0.4] * 1 + [0.6] * 4
    assert found.error.value == pytest.approx(np.mean(gaps))
    squares = [2 * 0.1**2] * 8 + [2 * 0.9**2] * 2 + [2 * 0.4**2] + [2 * 0.6**2] * 4
    assert found.brier.value == pytest.approx(np.mean(squares))


def test_the_brier_score_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows, labels = rng.dirichlet(np.ones(4), 300), rng.integers(0, 4, 300)
    theirs = brier_score_loss(labels, rows, scale_by_half=False)
    assert calibration(rows, labels).brier.value == pytest.approx(theirs)


def draw(rng, n, sureness):
    logits = rng.normal(0, 1.5, (n, 4))
    truth = softmax(logits, axis=1)
    labels = (truth.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return softmax(logits * sureness, axis=1), labels


def test_sound_probabilities_have_a_small_error_and_overconfident_ones_a_large_one():
    rng = np.random.default_rng(0)
    assert calibration(*draw(rng, 5_000, 1.0)).error.value < 0.02
    over = calibration(*draw(rng, 5_000, 3.0)).error
    assert over.low > 0.1


@pytest.mark.parametrize("sureness", [1.0, 1.2, 2.0])
@pytest.mark.parametrize("n", [50, 400])
def test_intervals_hold_the_error_of_many_images(sureness, n):
    rng = np.random.default_rng(1)
    true = calibration(*draw(rng, 200_000, sureness)).error.value
    held = [
        (e := calibration(*draw(rng, n, sureness), seed=i).error).low <= true <= e.high
        for i in range(40)
    ]
    assert np.mean(held) >= 0.9


def test_what_chance_makes_is_the_error_of_sound_probabilities():
    rng = np.random.default_rng(2)
    several = [calibration(*draw(rng, 200, 1.0), seed=i) for i in range(20)]
    errors = [each.error.value for each in several]
    chance = [each.by_chance for each in several]
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)
    assert "of which chance makes" in str(several[0])


def test_no_interval_is_without_a_width():
    sure = calibration([[1.0, 0.0]] * 30, [0] * 30)
    assert sure.error.low == 0 and sure.error.high == pytest.approx(
        1 - 0.05 ** (1 / 30)
    )
    assert sure.brier.low == 0 and sure.brier.high > 0.1
    one = calibration([[0.9, 0.1]], [0])
    assert one.error.low == 0 and one.error.high == 1


def test_a_threshold_is_the_lowest_that_brings_the_precision_for_certain():
    rng = np.random.default_rng(0)
    rows, labels = draw(rng, 2_000, 1.0)
    chosen = threshold(rows, labels, 0.8)
    given = rows.max(axis=1) >= chosen.probability
    right = rows.argmax(axis=1) == labels
    assert chosen.precision.value == pytest.approx(right[given].mean())
    assert chosen.coverage.value == pytest.approx(given.mean())

    def low(mask):
        return (
            binomtest(int(right[mask].sum()), int(mask.sum()))
            .proportion_ci(method="wilson")
            .low
        )

    assert low(given) >= 0.8
    lower = [p for p in np.sort(rows.max(axis=1)) if p < chosen.probability]
    assert all(low(rows.max(axis=1) >= p) < 0.8 for p in lower)


def test_a_threshold_holds_on_other_images():
    rng = np.random.default_rng(3)
    others, truth = draw(rng, 50_000, 1.0)
    reached = []
    for _ in range(60):
        chosen = threshold(*draw(rng, 300, 1.0), 0.8)
        if chosen is not None:
            given = others.max(axis=1) >= chosen.probability
            reached.append((others.argmax(axis=1) == truth)[given].mean())
    assert len(reached) > 40 and np.mean(np.array(reached) >= 0.8) >= 0.85


def test_equal_probabilities_stand_or_fall_together_and_none_may_do():
    rows = [[0.8, 0.2]] * 4
    assert threshold(rows, [0, 0, 0, 1], 0.9) is None
    assert threshold(rows, [0, 0, 0, 1], 0.3).coverage.value == 1


def grouped(rng, groups, each):
    """Images of a group are alike: the same answer, right or wrong together."""
    rows, labels = draw(rng, groups, 2.0)
    names = [f"g{i}" for i in range(groups) for _ in range(each)]
    return rows.repeat(each, axis=0), labels.repeat(each), names


def test_copies_of_images_in_groups_say_no_more_than_the_images():
    rows, labels, names = grouped(np.random.default_rng(0), 60, 5)
    alone = calibration(rows[::5], labels[::5])
    copied = calibration(rows, labels, groups=names)
    assert copied.brier.value == pytest.approx(alone.brier.value)
    assert copied.brier.low == pytest.approx(alone.brier.low)
    assert copied.brier.high == pytest.approx(alone.brier.high)
    width = copied.error.high - copied.error.value
    blind = calibration(rows, labels).error
    assert width > 1.3 * (blind.high - blind.value)
    assert "of groups" in copied.error.method and "of images" in blind.method
    # Without a group, or each with its own, images are as before.
    for groups in ([""] * len(rows), [str(i) for i in range(len(rows))]):
        assert calibration(rows, labels, groups=groups) == calibration(rows, labels)


def test_intervals_over_groups_hold_the_brier_score_of_many():
    rng = np.random.default_rng(4)
    true = calibration(*draw(rng, 200_000, 2.0)).brier.value
    held, blind = [], []
    for seed in range(60):
        rows, labels, names = grouped(rng, 30, 8)
        for groups, into in ((names, held), (None, blind)):
            brier = calibration(rows, labels, seed, groups).brier
            into.append(brier.low <= true <= brier.high)
    assert np.mean(held) >= 0.88
    assert np.mean(blind) < 0.7  # so images of a group are not independent


def test_one_group_says_nothing_of_others():
    rows, labels, _ = grouped(np.random.default_rng(0), 20, 1)
    one = calibration(rows, labels, groups=["a"] * 20)
    assert (one.brier.low, one.brier.high) == (0, 2)
    assert one.error.low == 0 and one.error.high == 1


def test_a_threshold_of_few_groups_is_more_careful():
    rng = np.random.default_rng(0)
    rows, labels, names = grouped(rng, 400, 6)
    blind = threshold(rows, labels, 0.6)
    careful = threshold(rows, labels, 0.6, names)
    assert careful.probability > blind.probability
    assert careful.precision.low >= 0.6
    assert threshold(rows[:60], labels[:60], 0.8, ["a"] * 60) is None
