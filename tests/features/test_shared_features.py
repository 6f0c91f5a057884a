"""Training, 'features' and 'distance' find each other's features."""

import json

import numpy as np
import pytest

from kerastransfer import cli, views
from kerastransfer.backbones import table as backbones
from kerastransfer.datasets import table as datasets
from kerastransfer.features import image_set, responses
from kerastransfer.features.extraction import Extractor
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.training import source_features
from kerastransfer.training.caching import Caching
from kerastransfer.weights import store

SPLIT = "val"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    with pytest.warns(KerasTransferWarning, match="on first use"):
        find_or_convert(datasets.resolve("digits"), folder, workers=1)
    return folder


@pytest.fixture
def passes(tmp_path, monkeypatch):
    """Count the images that are run through a network; the cache is empty at first."""
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    counts = []
    run = Extractor._outputs

    def counting(self, images):
        counts.append(len(images))
        return run(self, images)

    monkeypatch.setattr(Extractor, "_outputs", counting)
    return counts


def probe_features(folder):
    """What a training run fits its number to beat on."""
    records = find_or_convert(datasets.resolve("digits"), folder)
    backbone = backbones.get("efficientnet_lite0")
    loaded = store.load(backbone.name)
    network = responses.source_network(backbone, loaded.mapping)
    positions = {SPLIT: np.arange(records.size(SPLIT))}
    found = source_features.compute(
        records, network, backbone, positions=positions, caching=Caching()
    )
    return found[SPLIT][0]


def run(command, folder, *arguments):
    common = ["--backbone", "efficientnet_lite0", "--split", SPLIT]
    common += ["--records", str(folder), "--json"]
    assert cli.main([command, *common, *map(str, arguments)]) == 0


def write_features(folder, out):
    run("features", folder, "--dataset", "digits", "--out", out)
    return np.array(FeatureFile.read(out).features)


def distance(folder, capsys):
    capsys.readouterr()
    run("distance", folder, "--target", "digits", "--metrics", "cosine")
    return json.loads(capsys.readouterr().out)["metrics"]["cosine"]["value"]


def test_what_training_computed_the_commands_find(folder, passes, tmp_path, capsys):
    trained = probe_features(folder)
    assert sum(passes) == len(trained) == 100
    passes.clear()
    written = write_features(folder, tmp_path / "f.npz")
    distance(folder, capsys)
    assert not passes
    np.testing.assert_array_equal(written, trained)


def test_what_a_command_computed_training_finds(folder, passes, tmp_path, capsys):
    first = distance(folder, capsys)
    assert sum(passes) == 100
    passes.clear()
    trained = probe_features(folder)
    written = write_features(folder, tmp_path / "f.npz")
    assert distance(folder, capsys) == first
    assert not passes
    np.testing.assert_array_equal(written, trained)


def test_where_there_is_no_room_nothing_is_kept(folder, passes, tmp_path, monkeypatch):
    kept = write_features(folder, tmp_path / "kept.npz")
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(responses, "CACHE_LIMIT", 1)
    passes.clear()
    alone = write_features(folder, tmp_path / "alone.npz")
    assert sum(passes) == 100
    np.testing.assert_array_equal(alone, kept)
    assert not list((tmp_path / "elsewhere").glob("features/*"))


@pytest.mark.parametrize("number", views.NUM_VIEWS)
def test_a_view_s_number_is_its_place_among_the_ten(number):
    for view, index in zip(views.fixed(number), views.indices(number), strict=True):
        np.testing.assert_array_equal(view, image_set._VIEWS[index])
