import dataclasses

import numpy as np
import pytest

from kerastransfer.errors import DataError
from kerastransfer.features import responses
from kerastransfer.features.source_statistics import SAMPLE, SourceStatistics

NAMES = {"dataset": "pets", "backbone": "alexnet", "weights": "12ab"}
FEATURES = np.random.default_rng(0).gamma(2, 1, (1_300, 5)).astype(np.float32) + 100


def test_sums_agree_with_numpy():
    found = responses.summarise(FEATURES, covariance=True, names=NAMES)
    wide = FEATURES.astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(wide.T), rtol=1e-5)
    assert found.scatter == pytest.approx(np.trace(np.cov(wide.T)), rel=1e-9)
    assert found.count == 1_300
    assert found.sample.shape == (SAMPLE, 5)
    rows = {row.tobytes() for row in FEATURES}
    drawn = {row.tobytes() for row in found.sample}
    assert drawn < rows
    assert len(drawn) == SAMPLE


@pytest.mark.parametrize("covariance", [True, False])
def test_what_was_written_is_read(tmp_path, covariance):
    path = tmp_path / "s.npz"
    made = responses.summarise(FEATURES, covariance=covariance, names=NAMES)
    made.write(path)
    found = SourceStatistics.read(path)
    for field in dataclasses.fields(made):
        was, now = getattr(made, field.name), getattr(found, field.name)
        np.testing.assert_array_equal(now, was) if was is not None else was is now


def test_a_mean_without_images_keeps_no_count(tmp_path):
    made = SourceStatistics(mean=np.ones(3), count=None, scatter=0.0, **NAMES)
    made.write(tmp_path / "s.npz")
    found = SourceStatistics.read(tmp_path / "s.npz")
    assert found.count is None
    assert found.sample is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mean": np.array([1, np.nan, 1, 1, 1])}, "finite numbers in 'mean'"),
        ({"mean": np.ones((5, 1))}, r"mean of shape \(5,\)"),
        ({"sample": np.ones((3, 4))}, r"sample of shape \(3, 5\)"),
        ({"covariance": np.ones((5, 4))}, r"covariance of shape \(5, 5\)"),
        ({"scatter": np.nan}, "a number 'scatter'"),
        ({"scatter": -1.0}, "a scatter of 0 or more"),
        ({"count": 1}, "two images or more"),
        ({"count": -4}, "two images or more"),
    ],
)
def test_other_contents(tmp_path, changed, message):
    made = responses.summarise(FEATURES, covariance=False, names=NAMES)
    dataclasses.replace(made, **changed).write(tmp_path / "s.npz")
    with pytest.raises(DataError, match=message):
        SourceStatistics.read(tmp_path / "s.npz")
