import dataclasses

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from kerastransfer.distances import svm
from kerastransfer.distances.svm import svm_distance
from kerastransfer.errors import DataError


def draw(count, shift=0.0, seed=0, width=20):
    rng = np.random.default_rng(seed)
    scales = np.geomspace(0.01, 100, width)
    features = (rng.standard_normal((count, width)) + shift) * scales
    return features.astype(np.float32)


def test_the_machine_is_scikit_learns():
    pair = draw(60, seed=1), draw(60, 0.3, seed=2)
    train = svm._splits(60, 12, 3, np.random.default_rng(0))
    assert all((mask.sum(axis=0) == 48).all() for mask in train)
    problem = svm._Problem(pair, train)
    sides = problem.solve()
    for repeat in range(3):
        masks = [mask[:, repeat] for mask in train]
        rows = np.concatenate([f[m] for f, m in zip(pair, masks, strict=True)])
        truth = np.repeat([0, 1], 48)
        machine = make_pipeline(
            StandardScaler(), LinearSVC(C=1 / 20, tol=1e-10, dual=False)
        )
        machine.fit(rows.astype(np.float64), truth)
        for side, features in zip(sides, pair, strict=True):
            theirs = machine.decision_function(features.astype(np.float64))
            np.testing.assert_allclose(side[:, repeat], theirs, atol=2e-3)


def test_agrees_with_scikit_learns_cross_validation():
    first, second = draw(400, seed=1), draw(400, 0.3, seed=2)
    theirs = cross_val_score(
        make_pipeline(StandardScaler(), LinearSVC(C=1 / 20)),
        np.concatenate([first, second]),
        np.repeat([0, 1], 400),
        cv=5,
    )
    assert svm_distance(first, second).accuracy.value == pytest.approx(
        theirs.mean(), abs=0.03
    )


def test_chance_for_one_domain_in_many_dimensions():
    # Fewer images than features: a fitted probe separates them all, yet knows nothing.
    found = svm_distance(draw(40, seed=1, width=400), draw(40, seed=2, width=400))
    assert found.accuracy.low <= 0.5 <= found.accuracy.high
    assert found.a_distance.low == 0


def test_certainty_is_not_claimed_where_all_are_right():
    found = svm_distance(draw(50, seed=1), draw(50, 9, seed=2))
    assert found.accuracy.value == found.accuracy.high == 1
    # Wilson's for 100 of 100 at 95 %: 100 / (100 + 1.96^2)
    assert found.accuracy.low == pytest.approx(100 / (100 + 1.959964**2), abs=1e-6)
    assert found.a_distance.value == 2
    assert found.a_distance.low == pytest.approx(4 * found.accuracy.low - 2)


def test_the_interval_worked_by_hand():
    # Accuracies 0.6 and 0.8: mean 0.7, variance 0.02; with a quarter as many tested as
    # trained the error is sqrt(0.02 (1/2 + 1/4)), t(0.975, 1) = 12.706.
    found = svm._estimate(np.array([0.6, 0.8]), 0.25, 10_000)
    assert found.value == pytest.approx(0.7)
    assert (found.low, found.high) == (0, 1)  # 0.7 +- 1.56, cut off
    three = svm._estimate(np.array([0.69, 0.70, 0.71]), 0.25, 10_000)
    half = 4.302653 * np.sqrt(1e-4 * (1 / 3 + 0.25))
    assert three.high - three.value == pytest.approx(half, rel=1e-6)


def test_the_a_distance_worked_by_hand():
    accuracy = svm._estimate(np.array([0.75, 0.75]), 0.25, 400)
    # error 0.25: 2 (1 - 2 x 0.25) = 1
    assert svm._a_distance(accuracy).value == pytest.approx(1)
    low = dataclasses.replace(accuracy, value=0.4)
    assert svm._a_distance(low).value == 0


def test_symmetry_and_scale():
    first, second = draw(60, seed=1), draw(60, 0.2, seed=2)
    there, back = svm_distance(first, second), svm_distance(second, first)
    assert there.accuracy.value == pytest.approx(back.accuracy.value, abs=0.06)
    larger = svm_distance(8 * first, 8 * second)
    assert larger.accuracy == there.accuracy


def test_the_larger_domain_is_drawn_from():
    found = svm_distance(draw(30, seed=1), draw(300, 0.2, seed=2))
    assert found.accuracy.n == 60


def test_a_feature_that_never_varies():
    first, second = draw(40, seed=1), draw(40, 0.5, seed=2)
    first[:, 3] = second[:, 3] = 7.3
    assert np.isfinite(svm_distance(first, second).accuracy.value)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (draw(2), draw(40), "10 images of the source or more, got 2"),
        (draw(40), np.zeros((40, 20)), "All 40 images of the target"),
        (draw(40), draw(40, width=9), "of one network, got 20 and 9"),
        (np.full((40, 20), np.nan), draw(40), "a NaN or an infinity in row 0"),
    ],
)
def test_bad_features(source, target, message):
    with pytest.raises(DataError, match=message):
        svm_distance(source, target)
