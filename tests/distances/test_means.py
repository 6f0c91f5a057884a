import numpy as np
import pytest
import scipy.spatial.distance

from kerastransfer.distances import means
from kerastransfer.errors import DataError
from kerastransfer.features.source_statistics import SourceStatistics

NAMES = {"dataset": "d", "backbone": "b", "weights": "w"}


def draw(count=40, width=12, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.gamma(2, 1, (count, width)) + shift).astype(np.float32)


def known(mean):
    """A mean that is known without images."""
    statistics = SourceStatistics(mean=np.array(mean), count=None, scatter=0.0, **NAMES)
    return means.from_statistics(statistics)


def test_a_value_worked_by_hand():
    # Ten images: five at (1, 0), five at (3, 4). Mean (2, 2); each lies (1, 2) off it,
    # so the sum of squares is 10 x 5 and the scatter 50 / 9.
    target = means.respond(np.float32([[1, 0], [3, 4]] * 5))
    np.testing.assert_allclose(target.mean, [2, 2])
    assert target.noise == pytest.approx(50 / 9 / 10)
    source = known([1.0, 0.0])
    cosine = means.cosine(source, target)
    assert cosine.plug_in == pytest.approx(1 - 2 / np.sqrt(8))
    assert cosine.corrected.value == pytest.approx(1 - 2 / np.sqrt(8 - 5 / 9))
    mmd = means.mmd(source, target)
    assert mmd.plug_in == pytest.approx(np.sqrt(5))
    assert mmd.corrected.value == pytest.approx(np.sqrt(5 - 5 / 9))
    assert (mmd.corrected.n, mmd.corrected.method) == (10, "bootstrap")


def test_agrees_with_scipy_and_numpy():
    first, second = draw(70, seed=1), draw(50, shift=0.3, seed=2)
    pair = means.respond(first, 1), means.respond(second, 2)
    a, b = (each.astype(np.float64).mean(axis=0) for each in (first, second))
    assert means.cosine(*pair).plug_in == pytest.approx(
        scipy.spatial.distance.cosine(a, b), rel=1e-9
    )
    assert means.mmd(*pair).plug_in == pytest.approx(np.linalg.norm(a - b), rel=1e-9)
    noise = np.trace(np.cov(first.T.astype(np.float64))) / 70
    assert pair[0].noise == pytest.approx(noise, rel=1e-9)


def test_many_blocks_are_one_pass_in_double_precision():
    # In float32 a mean of 10,000 numbers near 1,000 would lose the digits compared.
    features = draw(3_000, 4) + np.float32(1_000)
    response = means.respond(features)
    exact = features.astype(np.float64)
    np.testing.assert_allclose(response.mean, exact.mean(axis=0), rtol=1e-12)
    assert response.noise == pytest.approx(
        exact.var(axis=0, ddof=1).sum() / 3_000, rel=1e-9
    )


def test_zero_on_itself():
    features = draw()
    pair = means.respond(features, 1), means.respond(features, 2)
    for distance in (means.cosine(*pair), means.mmd(*pair)):
        assert distance.plug_in == pytest.approx(0, abs=1e-12)
        assert distance.corrected.value == 0
        assert distance.corrected.low == 0


@pytest.mark.parametrize("distance", [means.cosine, means.mmd])
def test_symmetry(distance):
    pair = means.respond(draw(seed=1), 1), means.respond(draw(shift=1, seed=2), 2)
    there, back = distance(*pair), distance(*pair[::-1])
    assert there.plug_in == pytest.approx(back.plug_in, rel=1e-12)
    assert there.corrected.value == pytest.approx(back.corrected.value, rel=1e-12)
    assert there.corrected.high == pytest.approx(back.corrected.high, rel=1e-12)


@pytest.mark.parametrize(("distance", "power"), [(means.cosine, 0), (means.mmd, 1)])
def test_scale(distance, power):
    first, second = draw(seed=1), draw(shift=1, seed=2)
    once = distance(means.respond(first, 1), means.respond(second, 2))
    eightfold = distance(means.respond(8 * first, 1), means.respond(8 * second, 2))
    assert eightfold.plug_in == pytest.approx(8**power * once.plug_in)
    assert eightfold.corrected.low == pytest.approx(8**power * once.corrected.low)
    assert eightfold.corrected.value == pytest.approx(8**power * once.corrected.value)


def truth(shift):
    """A population of 200 features: its mean and the distances from a fixed source."""
    source = np.ones(200)
    mean = np.where(np.arange(200) < 100, 1 + shift, 1 - shift)
    return source, mean


@pytest.mark.parametrize(("distance", "true"), [(means.cosine, 0), (means.mmd, 0)])
def test_the_correction_takes_the_noise_of_few_images_away(distance, true):
    source, mean = truth(0.3)
    true = {
        means.cosine: 1 - 1 / np.sqrt(1.09),
        means.mmd: 0.3 * np.sqrt(200),
    }[distance]
    plug_in, corrected, covered = [], [], 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        features = (mean + rng.standard_normal((12, 200))).astype(np.float32)
        found = distance(known(source), means.respond(features, seed))
        plug_in.append(found.plug_in)
        corrected.append(found.corrected.value)
        covered += found.corrected.low <= true <= found.corrected.high
    assert np.mean(plug_in) > 1.2 * true  # so a mean over 12 images is much too far
    assert np.mean(corrected) == pytest.approx(true, rel=0.05)
    assert covered / 200 >= 0.90  # nominal: 0.95


def test_intervals_of_two_samples_cover():
    covered = 0
    for seed in range(150):
        first, second = draw(30, 20, 0, seed), draw(25, 20, 0.5, 1_000 + seed)
        found = means.mmd(means.respond(first, 1), means.respond(second, 2)).corrected
        covered += found.low <= 0.5 * np.sqrt(20) <= found.high
    assert 0.89 <= covered / 150 <= 0.995


def test_replicates_have_the_variance_of_the_mean():
    features = draw(10, 6)
    errors = np.concatenate([means.respond(features, s).errors for s in range(50)])
    expected = features.astype(np.float64).var(axis=0, ddof=1) / 10
    np.testing.assert_allclose(errors.var(axis=0), expected, rtol=0.08)
    assert np.abs(errors.mean(axis=0)).max() < 4 * np.sqrt(expected.max() / 20_000)


def statistics(features, **kept):
    wide = features.astype(np.float64)
    return SourceStatistics(
        mean=wide.mean(axis=0),
        count=len(features),
        scatter=wide.var(axis=0, ddof=1).sum(),
        **kept,
        **NAMES,
    )


def test_statistics_stand_in_for_the_features():
    source, target = draw(60, seed=1), means.respond(draw(30, shift=1, seed=2), 2)
    direct = means.mmd(means.respond(source, 1), target)
    sampled = means.from_statistics(statistics(source, sample=source), 1)
    found = means.mmd(sampled, target)
    assert found.plug_in == pytest.approx(direct.plug_in, rel=1e-9)
    assert found.corrected.value == pytest.approx(direct.corrected.value, rel=1e-9)
    assert found.corrected.high == pytest.approx(direct.corrected.high, rel=1e-9)
    covariance = np.cov(source.T).astype(np.float32)
    normal = means.from_statistics(statistics(source, covariance=covariance), 1)
    np.testing.assert_allclose(
        np.trace(np.cov(normal.errors.T)), normal.noise, rtol=0.15
    )


def test_a_smaller_sample_gives_errors_of_the_whole():
    source = draw(4_000, seed=1)
    some = means.from_statistics(statistics(source, sample=source[:500]), 1)
    np.testing.assert_allclose(np.trace(np.cov(some.errors.T)), some.noise, rtol=0.2)


def test_statistics_without_a_spread():
    with pytest.raises(DataError, match="with a covariance or a sample"):
        means.from_statistics(statistics(draw(60)))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (draw(2), "Expected 10 images of the target or more, got 2"),
        (draw(0), "Expected 10 images of the target or more, got 0"),
        (np.zeros((40, 3), np.float32), "All 40 images of the target give the same"),
        (np.ones((40, 3), np.float32), "blank, or copies of one image"),
        (np.ones(40, np.float32), "of shape \\(n, d\\), got float32 of shape \\(40,"),
        (np.ones((40, 3), int), "as floating-point numbers"),
    ],
)
def test_bad_features(features, message):
    with pytest.raises(DataError, match=message):
        means.respond(features, 0, "the target")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(bad):
    features = draw(600)
    features[300, 2] = bad
    with pytest.raises(DataError, match="a NaN or an infinity in row 300"):
        means.respond(features, 0, "the target")


def test_features_of_two_networks():
    pair = means.respond(draw(width=12)), means.respond(draw(width=13))
    for distance in (means.cosine, means.mmd):
        with pytest.raises(DataError, match="of one network, got 12 and 13"):
            distance(*pair)


def test_a_mean_that_is_only_noise_has_no_angle():
    features = np.random.default_rng(0).standard_normal((20, 50)).astype(np.float32)
    pair = means.respond(draw(20, 50), 1), means.respond(features, 2)
    with pytest.raises(DataError, match="not told from zero"):
        means.cosine(*pair)
    with pytest.raises(DataError, match="other than zero"):
        means.cosine(known(np.zeros(50)), pair[0])
