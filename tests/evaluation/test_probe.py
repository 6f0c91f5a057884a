import dataclasses
import warnings

import numpy as np
import pytest
import scipy.special
import sklearn.datasets
from sklearn.linear_model import LogisticRegression, Ridge

from kerastransfer.errors import InputError
from kerastransfer.evaluation import probe as probes
from kerastransfer.evaluation.probe import fit_probe


@pytest.fixture(scope="module")
def digits():
    x, y = sklearn.datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order].astype(np.float32), y[order]
    return {"train": (x[:300], y[:300]), "val": (x[300:500], y[300:500]),
            "test": (x[500:], y[500:])}  # fmt: skip


@pytest.fixture
def ridge(monkeypatch):
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_IMAGES", 10)


def fit(digits):
    return fit_probe(*digits["train"], *digits["val"])


def accuracy(probe, sample):
    return np.mean(probe.probabilities(sample[0]).argmax(axis=1) == sample[1])


@pytest.mark.parametrize("n", [300, 40])  # more and fewer images than the 64 features
def test_logistic_regression_agrees_with_scikit_learn_on_framed_features(digits, n):
    x, y = digits["train"][0][:n].astype(np.float64), digits["train"][1][:n]
    probe = fit_probe(x, y, *digits["val"])
    assert probe.kind == "logistic regression"
    mean = x.mean(axis=0)
    scale = np.sqrt(np.mean(np.sum((x - mean) ** 2, axis=1)))
    reference = LogisticRegression(C=probe.strength, max_iter=10_000, tol=1e-8)
    reference.fit((x - mean) / scale, y)
    test = digits["test"][0].astype(np.float64)
    expected = reference.predict_proba((test - mean) / scale)
    np.testing.assert_allclose(probe.probabilities(test), expected, atol=0.02)


def test_the_strength_is_the_best_on_the_validation_set(digits):
    probe = fit(digits)
    x, y = digits["train"][0].astype(np.float64), digits["train"][1]
    mean = x.mean(axis=0)
    scale = np.sqrt(np.mean(np.sum((x - mean) ** 2, axis=1)))
    scores = {}
    for strength in probes._STRENGTHS:
        one = LogisticRegression(C=strength, max_iter=10_000)
        one.fit((x - mean) / scale, y)
        p = one.predict_proba((digits["val"][0] - mean) / scale)
        hit = np.mean(p.argmax(axis=1) == digits["val"][1])
        own = p[np.arange(len(p)), digits["val"][1]]
        scores[strength] = (hit, np.log(own).mean())
    assert probe.strength == max(scores, key=scores.get)


def test_ridge_agrees_with_scikit_learn(digits, ridge):
    probe = fit(digits)
    assert probe.kind == "ridge"
    assert probe.converged
    x, y = digits["train"][0].astype(np.float64), digits["train"][1]
    square = np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1))
    reference = Ridge(alpha=probe.strength * len(y) * square).fit(x, np.eye(10)[y])
    test = digits["test"][0].astype(np.float64)
    # the same up to the temperature, which the logits' ratio gives
    ours, theirs = test @ probe.weights + probe.bias, reference.predict(test)
    factor = np.sum(ours * theirs) / np.sum(theirs**2)
    np.testing.assert_allclose(ours, factor * theirs, atol=1e-6 * np.abs(ours).max())
    expected = scipy.special.softmax(ours, axis=1)
    np.testing.assert_allclose(probe.probabilities(test), expected, atol=1e-12)


def test_the_temperature_is_the_best_on_the_validation_set(digits, ridge):
    probe = fit(digits)
    x, y = digits["val"]

    def loss(factor):
        logits = (x @ probe.weights + probe.bias) * factor
        return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(y)), y].mean()

    assert loss(1.0) < min(loss(0.97), loss(1.03))


def test_both_kinds_learn_the_digits(digits, monkeypatch):
    assert accuracy(fit(digits), digits["test"]) > 0.93
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_IMAGES", 10)
    assert accuracy(fit(digits), digits["test"]) > 0.90


def test_many_images_times_classes_take_the_ridge(digits, monkeypatch):
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_CELLS", 2_999)
    assert fit(digits).kind == "ridge"
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_CELLS", 3_000)
    assert fit(digits).kind == "logistic regression"


@pytest.mark.parametrize("chunk", [1, 7, 300])
def test_chunks_do_not_change_the_fit(digits, ridge, monkeypatch, chunk):
    whole = fit(digits).probabilities(digits["test"][0])
    monkeypatch.setattr(probes, "_CHUNK", chunk)
    parts = fit(digits).probabilities(digits["test"][0])
    np.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.parametrize("limit", [20_000, 10])
def test_two_classes_and_absent_ones(digits, monkeypatch, limit):
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_IMAGES", limit)
    x, y = digits["train"]
    kept = np.isin(y, [3, 5])
    val = digits["val"][0][:6], np.array([3, 5, 3, 5, 3, 8])
    probe = fit_probe(x[kept], y[kept], *val)
    p = probe.probabilities(digits["test"][0])
    assert p.shape[1] == 9
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.all(p[:, [0, 1, 2, 4, 6, 7, 8]] == 0)
    test_x, test_y = digits["test"]
    pair = np.isin(test_y, [3, 5])
    assert accuracy(probe, (test_x[pair], test_y[pair])) > 0.95


@pytest.mark.parametrize("limit", [20_000, 10])
def test_units_of_the_features_do_not_matter(digits, monkeypatch, limit):
    monkeypatch.setattr(probes, "_MAX_LOGISTIC_IMAGES", limit)
    x, y = digits["train"]
    plain = fit(digits).probabilities(digits["test"][0])
    moved = fit_probe(x * 1e3 + 5.0, y, digits["val"][0] * 1e3 + 5.0, digits["val"][1])
    np.testing.assert_allclose(
        moved.probabilities(digits["test"][0] * 1e3 + 5.0), plain, atol=2e-3
    )


def test_silent_features_and_one_image_a_class_are_no_trouble():
    x = np.zeros((3, 40))
    x[[0, 1, 2], [0, 1, 2]] = 1.0
    probe = fit_probe(x, [0, 1, 2], x, [0, 1, 2])
    assert accuracy(probe, (x, np.arange(3))) == 1


def test_a_solver_that_stops_early_is_said_and_does_not_warn(digits, monkeypatch):
    monkeypatch.setattr(probes, "_MAX_ITERATIONS", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fit(digits).converged


def test_the_fit_can_be_replayed(digits):
    one, two = fit(digits), fit(digits)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert dataclasses.asdict(one)["strength"] == two.strength


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_y": [0, 0, 0, 0]}, "two classes or more, got class 0 only"),
        ({"train_x": np.ones((4, 3))}, "differ between images, got equal rows"),
        ({"train_y": [0, 1]}, "got 4 features, 2 labels"),
        ({"val_x": np.eye(4)[:2]}, "validation features with 3 columns .*, got 4; do"),
        ({"val_x": np.zeros((0, 3)), "val_y": []}, "Expected validation features to"),
        ({"val_y": [0, -1]}, "Expected validation labels from 0 and up, got -1"),
        ({"train_x": np.full((4, 3), np.nan)}, "Expected finite training features"),
    ],
)
def test_fit_probe_says_what_is_wrong(change, message):
    x = np.arange(12.0).reshape(4, 3)
    given = {"train_x": x, "train_y": [0, 1, 0, 1], "val_x": x[:2], "val_y": [0, 1]}
    with pytest.raises(InputError, match=message):
        fit_probe(**(given | change))


def test_probabilities_refuses_features_of_another_backbone(digits):
    with pytest.raises(InputError, match="features with 64 columns as in training, go"):
        fit(digits).probabilities(np.zeros((2, 65)))
