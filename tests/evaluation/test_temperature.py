"""Temperatures against scikit-learn's, and on probabilities whose own is known."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from kerastransfer.errors import InputError
from kerastransfer.evaluation import temperature


def made(n=4_000, temperature=2.5, classes=5, seed=0):
    """Labels drawn by softmax(logits), and probabilities that are too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, classes))
    labels = np.array([rng.choice(classes, p=p) for p in softmax(logits, axis=1)])
    return softmax(logits * temperature, axis=1), labels


@pytest.mark.parametrize("known", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_recovered(known):
    probabilities, labels = made(temperature=known)
    assert temperature.fit(probabilities, labels) == pytest.approx(known, rel=0.08)


def test_no_other_temperature_has_a_smaller_loss():
    probabilities, labels = made(n=300)
    best = temperature.fit(probabilities, labels)

    def loss(t):
        rows = log_softmax(np.log(probabilities) / t, axis=1)
        return -rows[np.arange(len(labels)), labels].mean()

    assert all(loss(best) <= loss(best * f) for f in (0.9, 0.99, 1.01, 1.1))


def test_it_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4))
    labels = (x @ rng.normal(size=(4, 3)) + rng.normal(0, 2, (600, 3))).argmax(axis=1)
    model = LogisticRegression(C=100).fit(x[:60] * 3, labels[:60])
    calibrated = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    calibrated.fit(x[60:] * 3, labels[60:])
    theirs = calibrated.predict_proba(x[60:] * 3)
    ours = model.predict_proba(x[60:] * 3)
    scaled = temperature.apply(ours, temperature.fit(ours, labels[60:]))
    np.testing.assert_allclose(scaled, theirs, atol=2e-3)


def test_scaling_keeps_the_order_and_certain_rows():
    probabilities, _ = made(n=50)
    for t in (0.3, 1.0, 4.0):
        scaled = temperature.apply(probabilities, t)
        assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
        np.testing.assert_allclose(scaled.sum(axis=1), 1)
        np.testing.assert_allclose(
            scaled, softmax(np.log(probabilities) / t, axis=1), atol=1e-9
        )
    assert temperature.apply([[1.0, 0.0]], 2.0)[0, 0] > 0.99


def test_what_was_fitted_to_other_images_is_no_better_than_it_is():
    probabilities, labels = made(n=40, temperature=1.0)
    own = temperature.apply(probabilities, temperature.fit(probabilities, labels))
    others = temperature.cross_fitted(probabilities, labels)

    def loss(rows):
        return -np.log(rows[np.arange(len(labels)), labels]).mean()

    assert loss(others) > loss(own)
    assert (others.argmax(axis=1) == probabilities.argmax(axis=1)).all()


@pytest.mark.parametrize("n", [10, 11, 12])
def test_few_images_are_enough_for_other_folds(n):
    probabilities, labels = made(n=n)
    assert temperature.cross_fitted(probabilities, labels).shape == probabilities.shape


def test_a_temperature_that_does_not_help_others_is_not_believed():
    rng = np.random.default_rng(0)
    sure = softmax(rng.normal(0, 1, (40, 3)) + 2 * np.eye(3)[np.zeros(40, int)], axis=1)
    assert not temperature.helps(sure, sure.argmax(axis=1))  # none is wrong
    assert temperature.helps(*made(n=400, temperature=3.0))
    sound = (made(n=60, temperature=1.0, seed=seed) for seed in range(20))
    assert np.mean([temperature.helps(*each) for each in sound]) < 0.7


def test_sharp_probabilities_keep_their_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (500, 50))
    labels = np.array([rng.choice(50, p=p) for p in softmax(logits, axis=1)])
    for sharper in (10, 40):
        found = temperature.fit(softmax(logits * sharper, axis=1), labels)
        alone = temperature.fit(softmax(logits, axis=1), labels)
        assert found == pytest.approx(min(sharper * alone, 20), rel=0.02)


def test_too_few_images_are_refused():
    probabilities, labels = made(n=9)
    with pytest.raises(InputError, match="at least 10 validation images"):
        temperature.fit(probabilities, labels)
