"""What a prediction says; that a model classifies is tested in the journeys."""

import dataclasses
import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature
from helpers.deep_pictures import png16, ramp, save, scaled
from PIL import Image

from kerastransfer.errors import MissingError
from kerastransfer.export import saved_model
from kerastransfer.export.predictor import Prediction, Predictor, find_saved_model
from kerastransfer.foundation import atomic
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.images import rules as image_rules
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.images.rules import ImageRules

ASSET = Path("assets", image_rules.FILE)
CLASSES = ("ant", "bee", "cow", "dog")
CAT = Path("cat.jpg")


def test_the_most_probable_classes_come_first_and_ties_by_index():
    row = np.array([0.125, 0.5, 0.125, 0.25], np.float32)
    prediction = Prediction(CAT, CLASSES, row)
    assert prediction.top(1) == [("bee", 0.5)]
    one = dataclasses.replace(prediction, num_shown=1)
    assert one.top() == [("bee", 0.5)] and str(one).endswith("bee 50.0 %")
    ordered = [("bee", 0.5), ("dog", 0.25), ("ant", 0.125), ("cow", 0.125)]
    assert prediction.top(9) == ordered
    assert str(prediction) == "cat.jpg: bee 50.0 %, dog 25.0 %, ant 12.5 %"


def test_a_file_that_cannot_be_read_says_why():
    prediction = Prediction(CAT, CLASSES, None, "is empty")
    assert prediction.top(3) == []
    assert str(prediction) == "cat.jpg: error: is empty"


def test_a_saved_model_is_looked_for_in_a_run_too(tmp_path):
    with pytest.raises(MissingError, match="Expected a run or a SavedModel in"):
        find_saved_model(tmp_path)
    model = tmp_path / "saved_model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"x")
    assert find_saved_model(tmp_path) == find_saved_model(model) == model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    network = miniature.build(len(miniature.CLASSES), 0)
    preprocessing = miniature.BACKBONE.preprocessing
    saved_model.save(network, preprocessing, miniature.CLASSES, folder)
    return folder


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


def test_files_are_read_as_the_records_were(folder, tmp_path, monkeypatch):
    # Only what is read of the rules is of interest, not the graph, which takes long to
    # export and to load and stays the same.
    monkeypatch.setattr(tf.saved_model, "load", functools.cache(tf.saved_model.load))

    def probabilities(rules, data, white_level=None):
        (folder / ASSET).unlink(missing_ok=True)
        if rules is not None:
            atomic.write_json(folder / ASSET, rules.as_dict())
        (tmp_path / "x.png").write_bytes(data)
        predictor = Predictor.load(folder, white_level=white_level, ignore_seal=True)
        (prediction,) = predictor.predict([tmp_path / "x.png"])
        return prediction

    deep = ramp(40, 50, most=4095)
    plain = save(Image.fromarray(scaled(deep, 4095)), "PNG")
    known = ImageRules(rendering=Rendering(integer=4095))
    expected = probabilities(known, plain).probabilities
    found = probabilities(known, png16(deep)).probabilities
    np.testing.assert_array_equal(found, expected)
    # 16 times as dark to a model of an earlier version
    old = probabilities(None, png16(deep)).probabilities
    assert np.abs(old - expected).max() > 1e-4
    # nothing is guessed where no image of the records was deep
    none = ImageRules(rendering=Rendering())
    refused = probabilities(none, png16(deep))
    assert refused.probabilities is None and "--white-level N" in refused.error
    found = probabilities(none, png16(deep), "4095").probabilities
    np.testing.assert_array_equal(found, expected)
    # transparency, on the ground of the records
    image = Image.fromarray(scaled(ramp(40, 50), 65_535))
    image.putalpha(128)
    for colour in ("#ffffff", "#000000"):
        rules = ImageRules(rendering=Rendering(background=colour))
        flat = Image.new("RGB", image.size, colour)
        flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
        one = probabilities(rules, save(image, "PNG")).probabilities
        other = probabilities(rules, save(flat, "PNG")).probabilities
        np.testing.assert_array_equal(one, other)


def test_a_stack_is_told(folder, tmp_path):
    path = tmp_path / "x.gif"
    one, other = Image.new("RGB", (40, 50), "red"), Image.new("RGB", (40, 50))
    path.write_bytes(save(one, "GIF", save_all=True, append_images=[other]))
    with pytest.warns(KerasTransferWarning, match="of which the first was taken"):
        list(Predictor.load(folder).predict([path]))
