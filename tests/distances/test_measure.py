import numpy as np
import pytest

from kerastransfer.distances import measure
from kerastransfer.distances.domain import Domain, check_classes
from kerastransfer.errors import DataError, UnknownNameError
from kerastransfer.features.source_statistics import SourceStatistics

NAMES = {"dataset": "web", "backbone": "b", "weights": "w"}


def features(count, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    shifts = shift * (np.arange(16) < 8)
    return (rng.gamma(2, 1, (count, 16)) + shifts).astype(np.float32)


def pair(source=40, target=40):
    return (
        Domain("web", 1, features=features(source)),
        Domain("pets", 2, features=features(target, 1.0, 5)),
    )


def test_every_distance_has_a_value_and_a_baseline():
    told = []
    names = ("cosine", "mmd", "kernel_mmd", "svm")
    found = measure.measure(*pair(60, 60), names, told.append)
    assert tuple(found) == names == tuple(told)
    for each in found.values():
        assert each.baseline_of == "web, halved"
        assert each.seconds >= 0
    assert found["cosine"].value["corrected"]["low"] > 0
    assert found["mmd"].baseline["corrected"]["low"] == 0
    assert found["kernel_mmd"].value["p_value"] < 0.01
    assert found["kernel_mmd"].baseline["p_value"] > 0.01
    accuracy = found["svm"].baseline["accuracy"]
    assert accuracy["low"] <= 0.5 <= accuracy["high"]
    assert found["svm"].value["accuracy"]["low"] > 0.5


def test_without_source_images():
    mean = features(500).mean(axis=0, dtype=float)
    statistics = SourceStatistics(mean=mean, count=None, scatter=0.0, **NAMES)
    source = Domain("web", 1, statistics=statistics)
    found = measure.measure(source, pair()[1])
    for name in ("kernel_mmd", "svm", "cnn"):
        assert found[name].value is found[name].baseline is None
        assert found[name].missing == "needs source images"
    assert found["cosine"].value is not None
    assert found["cosine"].baseline_of == "pets, halved"


def test_features_without_images():
    found = measure.measure(*pair(), ("cnn",))["cnn"]
    assert found.missing == "needs source images"


def test_too_few_for_a_baseline():
    found = measure.measure(*pair(15, 40), ("mmd",))["mmd"]
    assert found.value is not None
    assert found.baseline is None
    assert found.baseline_of == "none: a baseline needs 20 images, got 15"


def test_halves_are_disjoint_and_random():
    domain = Domain("web", 1, features=features(41))
    first, second = domain.halves()
    rows = [{r.tobytes() for r in half.features} for half in (first, second)]
    assert len(rows[0]) == len(rows[1]) == 20
    assert not rows[0] & rows[1]
    assert not np.array_equal(first.features, domain.features[:20])
    assert first.seed != second.seed


def test_an_unknown_metric():
    with pytest.raises(UnknownNameError, match=r"'cosin'.*Did you mean 'cosine'"):
        measure.measure(*pair(), ("cosin",))


def test_two_images():
    with pytest.raises(DataError, match="10 images of pets or more, got 2"):
        measure.measure(*pair(target=2))


def test_one_class():
    with pytest.raises(DataError, match="pets to hold images of two classes or more"):
        check_classes("pets", np.zeros(50, np.int64))
    check_classes("pets", np.array([0, 1]))


def test_nothing_known():
    with pytest.raises(DataError, match="Nothing is known of the responses to web"):
        _ = Domain("web", 1).response
    with pytest.raises(DataError, match="No images of web"):
        _ = Domain("web", 1).pixels
