"""Calibration error and Brier score, by hand, by scikit-learn and by simulation."""

import numpy as np
import pytest
from scipy.special import softmax
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


def test_intervals_hold_the_error_of_many_images():
    rng = np.random.default_rng(1)
    true = calibration(*draw(rng, 200_000, 2.0)).error.value
    held = [
        (e := calibration(*draw(rng, 400, 2.0), seed=i).error).low <= true <= e.high
        for i in range(60)
    ]
    assert np.mean(held) >= 0.85


def test_a_threshold_is_the_lowest_that_brings_the_precision():
    rng = np.random.default_rng(0)
    rows, labels = draw(rng, 2_000, 1.0)
    found = threshold(rows, labels, 0.8)
    assert found is not None
    probability, coverage = found
    given = rows.max(axis=1) >= probability
    right = rows.argmax(axis=1) == labels
    assert right[given].mean() >= 0.8
    assert given.mean() == pytest.approx(coverage)
    for lower in np.sort(rows.max(axis=1)):
        if lower < probability:
            assert right[rows.max(axis=1) >= lower].mean() < 0.8


def test_equal_probabilities_stand_or_fall_together_and_none_may_do():
    rows = [[0.8, 0.2]] * 4
    assert threshold(rows, [0, 0, 0, 1], 0.9) is None
    assert threshold(rows, [0, 0, 0, 1], 0.75) == (0.8, 1.0)
