import importlib.util
import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics.pairwise

from kerastransfer.distances import kernel
from kerastransfer.distances.kernel import gaussian_mmd
from kerastransfer.errors import DataError


def draw(count, shift=0.0, seed=0, width=8):
    return np.random.default_rng(seed).standard_normal((count, width)) + shift


def plain(source, target, width):
    """The unbiased estimate from whole kernel matrices."""
    gamma = 1 / (2 * width**2)
    rbf = sklearn.metrics.pairwise.rbf_kernel
    own = [rbf(each, each, gamma) for each in (source, target)]
    inside = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in own]
    return sum(inside) - 2 * rbf(source, target, gamma).mean()


def test_a_value_worked_by_hand():
    # On a line, nine images at 0 and one at 1 against nine at 1 and one at 0. With
    # s = 1 / sqrt(2) k is exp(-distance^2): 1 for equals, 1/e for the others. Within a
    # domain 36 of 45 pairs are equal.
    first, second = np.zeros((10, 1)), np.ones((10, 1))
    first[0] = 1
    second[0] = 0
    pairs = (36 + 9 / math.e) / 45
    # Across: 9 x 9 pairs of (0, 1) and one of (1, 0), 9 of (0, 0), 9 of (1, 1).
    across = (18 + 82 / math.e) / 100
    found = gaussian_mmd(first, second, bandwidth=1 / math.sqrt(2))
    assert found.squared == pytest.approx(2 * pairs - 2 * across)


@pytest.mark.parametrize("sizes", [(40, 40), (700, 450), (513, 30)])
def test_agrees_with_scikit_learn(sizes):
    source, target = draw(sizes[0], seed=1), draw(sizes[1], 0.3, seed=2)
    found = gaussian_mmd(source, target, bandwidth=2.5, permutations=20)
    assert found.squared == pytest.approx(plain(source, target, 2.5), rel=1e-9)
    narrow = gaussian_mmd(
        source.astype(np.float32), target.astype(np.float32), bandwidth=2.5
    )
    assert narrow.squared == pytest.approx(found.squared, abs=2e-6)


def test_the_median_distance():
    source, target = draw(30), draw(30, 1, seed=1)
    both = np.concatenate([source, target])
    distances = sklearn.metrics.pairwise.euclidean_distances(both)
    median = np.median(distances[np.triu_indices(60, 1)])
    assert gaussian_mmd(source, target).bandwidth == pytest.approx(median)


@pytest.mark.skipif(not importlib.util.find_spec("hyppo"), reason="needs hyppo")
def test_agrees_with_hyppo(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling takes a minute and a half
    from hyppo.ksample import MMD

    source, target = draw(60, seed=1), draw(60, 0.15, seed=2)
    width = gaussian_mmd(source, target).bandwidth
    # Its statistic is scaled otherwise, but the permutation test is the same.
    theirs = MMD(compute_kernel="gaussian", bias=True, gamma=1 / (2 * width**2))
    options = {"reps": 1_000, "auto": False, "random_state": 0}
    ours = gaussian_mmd(source, target, permutations=1_000)
    assert 0.01 < ours.p_value < 0.3
    assert ours.p_value == pytest.approx(
        theirs.test(source, target, **options).pvalue, abs=0.04
    )


def test_permuted_values_are_those_of_permuted_rows(monkeypatch):
    rows = draw(60)
    members = np.random.default_rng(0).permuted(
        np.tile(np.arange(60) < 25, (7, 1)), axis=1
    )
    monkeypatch.setattr(kernel, "_BLOCK", 16)  # so that there are many
    found = kernel._squared_mmds(
        kernel._Rows(rows[:25], rows[25:]), members.T.astype(float), 2.0
    )
    expected = [plain(rows[m], rows[~m], 2.0) for m in members]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_one_domain_is_not_told_apart_and_two_are():
    p_values = [
        gaussian_mmd(draw(30, seed=s), draw(30, seed=500 + s), permutations=99).p_value
        for s in range(100)
    ]
    # Uniform, if the test is exact.
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01
    apart = gaussian_mmd(draw(40, seed=1), draw(40, 2.0, seed=2), permutations=99)
    assert apart.p_value == pytest.approx(1 / 100)
    assert apart.squared > 0.1


def test_symmetry_and_scale():
    source, target = draw(40, seed=1), draw(50, 0.5, seed=2)
    there, back = gaussian_mmd(source, target), gaussian_mmd(target, source)
    assert there.squared == pytest.approx(back.squared)
    assert there.bandwidth == pytest.approx(back.bandwidth)
    # The bandwidth follows the scale, so the distance does not.
    larger = gaussian_mmd(8 * source, 8 * target)
    assert larger.squared == pytest.approx(there.squared)
    assert larger.bandwidth == pytest.approx(8 * there.bandwidth)


def test_not_above_zero_on_itself():
    source = draw(50)
    found = gaussian_mmd(source, source)
    assert found.squared <= 0
    assert found.p_value > 0.9


def test_a_difference_that_means_do_not_show():
    wide = gaussian_mmd(draw(100, seed=1), 2 * draw(100, seed=2), permutations=200)
    assert wide.p_value < 0.01


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (draw(2), draw(40), "10 images of the source or more, got 2"),
        (draw(40), draw(2), "10 images of the target or more, got 2"),
        (draw(40), np.zeros((40, 8)), "All 40 images of the target"),
        (draw(40), draw(40, width=9), "of one network, got 8 and 9"),
        (draw(40), np.full((40, 8), np.nan), "a NaN or an infinity in row 0"),
    ],
)
def test_bad_features(source, target, message):
    with pytest.raises(DataError, match=message):
        gaussian_mmd(source, target)
