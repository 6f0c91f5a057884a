"""What a prediction says; that a model classifies is tested in the journeys."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.errors import MissingError
from kerastransfer.export.predictor import Prediction, find_saved_model

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
