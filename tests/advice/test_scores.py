"""Transferability scores against arithmetic that is not ours."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from kerastransfer.advice import scores
from kerastransfer.errors import InputError


def made(n=60, d=8, classes=3, apart=2.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = apart * rng.standard_normal((classes, d))
    return centres[labels] + rng.standard_normal((n, d)), labels


@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 40)])
def test_log_me_is_the_best_evidence_that_an_optimiser_finds(n, d):
    x, labels = made(n, d)

    def evidence(logs, target):
        # The labels themselves are normal, with covariance I / b + F F' / a.
        a, b = np.exp(logs)
        covariance = np.eye(n) / b + x @ x.T / a
        return -scipy.stats.multivariate_normal(np.zeros(n), covariance).logpdf(target)

    best = []
    for label in range(3):
        target = (labels == label).astype(float)
        starts = [(0, 0), (3, 3), (-2, 4), (5, 1)]
        fits = [
            scipy.optimize.minimize(evidence, start, (target,), method="Nelder-Mead")
            for start in starts
        ]
        best.append(-min(fit.fun for fit in fits) / n)
    assert scores.log_me(x, labels) == pytest.approx(np.mean(best), abs=2e-3)


def test_h_score_is_a_trace_of_shrunk_covariances():
    x, labels = made(30, 12)
    fitted = LedoitWolf().fit(x)
    means = np.stack([x[labels == label].mean(axis=0) for label in labels])
    between = np.cov(means.T, bias=True) * (1 - fitted.shrinkage_)
    expected = np.trace(np.linalg.inv(fitted.covariance_) @ between)
    assert scores.h_score(x, labels) == pytest.approx(expected)


def test_leep_by_hand():
    # Joint: class 0 has (.6, .4) / 2 ..., so P(y | z) follows column by column.
    p, labels = np.array([[0.6, 0.4], [0.2, 0.8]]), [0, 1]
    first = 0.6 * 0.6 / 0.8 + 0.4 * 0.4 / 1.2
    second = 0.2 * 0.2 / 0.8 + 0.8 * 0.8 / 1.2
    expected = (np.log(first) + np.log(second)) / 2
    assert scores.leep(p, labels) == pytest.approx(expected)


def test_leep_of_a_source_that_says_nothing_is_the_entropy_of_the_labels():
    labels = np.array([0] * 30 + [1] * 10)
    expected = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    assert scores.leep(np.full((40, 5), 0.2), labels) == pytest.approx(expected)


def test_neighbours_are_those_of_scikit_learn():
    x, labels = made(90, 6, apart=1.0)
    right = scores.neighbours(x, labels, 1)
    knn = KNeighborsClassifier(1, metric="cosine")
    expected = cross_val_predict(knn, x, labels, cv=LeaveOneOut())
    np.testing.assert_array_equal(right, expected == labels)
    assert scores.neighbours(x, labels).mean() > 0.4


def test_images_of_a_group_are_no_neighbours():
    x, labels = made(40, 6, apart=0.0)
    x, labels, groups = (
        np.repeat(x, 2, 0),
        np.repeat(labels, 2),
        np.repeat(range(40), 2),
    )
    assert scores.neighbours(x, labels, 1).all()  # each has its copy beside it
    apart = scores.neighbours(x, labels, 1, groups)
    alone = scores.neighbours(x[::2], labels[::2], 1)
    np.testing.assert_array_equal(apart[::2], alone)


@pytest.mark.parametrize("score", [scores.log_me, scores.h_score, scores.leep])
def test_classes_that_are_farther_apart_score_higher(score):
    def value(apart):
        x, labels = made(300, 6, apart=apart)
        if score is scores.leep:
            x = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return score(x, labels)

    assert value(0.0) < value(1.0) < value(3.0)


@pytest.mark.parametrize(
    ("x", "labels", "words"),
    [
        (np.zeros((3, 2)), [0, 0, 0], "two classes"),
        (np.zeros((3, 2)), [0, 1], "as many labels"),
        (np.full((2, 2), np.nan), [0, 1], "finite"),
    ],
)
def test_what_is_no_sample_is_refused(x, labels, words):
    for score in (scores.log_me, scores.h_score, scores.leep, scores.neighbours):
        with pytest.raises(InputError, match=words):
            score(x, labels)


def test_features_that_do_not_vary_have_a_score():
    labels = np.arange(10) % 2
    assert np.isfinite(scores.log_me(np.ones((10, 3)), labels))
