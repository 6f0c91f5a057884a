"""Runs read back."""

import json

import numpy as np
import pytest

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.runs import finished, sources


def mean_image(value):
    return MeanImage.from_planes(np.full((3, 4, 4), value))


@pytest.fixture
def run(tmp_path):
    """A run with a mean image; its network is not read here."""
    facts = DataSummary(
        records="r",
        weights="w",
        num_images=9,
        mirror=False,
        mean_image=mean_image(90).sha256,
    )
    chosen = {"dataset": "digits", "backbone": "caffenet", "recipe": "F1-7R8"}
    config = resolve(chosen, facts)
    (tmp_path / "config.json").write_text(json.dumps(config.as_dict()))
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    (tmp_path / "model.keras").touch()
    result = {key: {} for key in ("recipe", "dataset", "backbone", "test", "probe")}
    (tmp_path / "result.json").write_text(json.dumps(result))
    mean_image(90).write(tmp_path / "mean_image.npy")
    return tmp_path


def test_a_run_brings_its_config_classes_and_mean_image(run):
    found = finished.read(run)
    assert found.classes == ("ant", "bee")
    assert found.config.backbone == "caffenet"
    assert found.mean_image == mean_image(90)


def test_another_run_from_it_subtracts_its_mean_image(run):
    image = MeanImage.from_planes(np.full((3, 256, 256), 90))
    image.write(run / "mean_image.npy")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"mean_image": image.sha256}))
    settings = {"dataset": "digits", "recipe": "R1-8"}
    inputs = sources.find(settings, weights=run)
    assert inputs.mean_image == image
    assert inputs.hashes["mean_image"] == image.sha256
    assert inputs.settings["backbone"] == "caffenet"


def test_another_mean_image_than_the_run_was_trained_with_is_refused(run):
    mean_image(91).write(run / "mean_image.npy")
    with pytest.raises(WeightsError, match="Expected this run's mean image, with hash"):
        finished.read(run)


def test_a_run_sees_images_as_it_was_trained_to(run):
    config = json.loads((run / "config.json").read_text())
    config |= {"fit": "squash", "mean_image": ""}
    (run / "config.json").write_text(json.dumps(config))
    (run / "mean_image.npy").unlink()
    assert finished.read(run).backbone.preprocessing.fit == "squash"


# result.json comes last: a run without it has not finished, whatever else is there.
@pytest.mark.parametrize("name", ["model.keras", "result.json", "labels.txt"])
def test_what_is_missing_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(MissingError, match=f"{name} is not there; the same train"):
        finished.read(run)


def test_a_config_that_is_no_json_is_named(run):
    (run / "config.json").write_text("{")
    with pytest.raises(InputError, match="Expected JSON in"):
        finished.read(run)
