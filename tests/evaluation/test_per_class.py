"""Each class by itself: against scikit-learn and Wilson's interval."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from kerastransfer.evaluation.per_class import per_class, per_class_text


def test_precision_and_recall_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 200)
    given = np.where(rng.random(200) < 0.6, true, rng.integers(0, 4, 200))
    matrix = np.zeros((4, 4), np.int64)
    np.add.at(matrix, (true, given), 1)
    precision, recall, _, images = precision_recall_fscore_support(true, given)
    measured = per_class(matrix, "abcd")
    assert [each.recall.value for each in measured] == pytest.approx(recall)
    assert [each.precision.value for each in measured] == pytest.approx(precision)
    assert [each.images for each in measured] == images.tolist()
    assert [each.predicted for each in measured] == np.bincount(given).tolist()
    interval = binomtest(int(matrix[0, 0]), int(images[0])).proportion_ci(
        method="wilson"
    )
    assert measured[0].recall.low == pytest.approx(interval.low)
    assert measured[0].recall.high == pytest.approx(interval.high)


def test_a_class_without_images_or_answers_has_no_number():
    first, second = per_class(np.array([[0, 0], [3, 0]]), ("none", "never"))
    assert first.recall is None and first.precision.value == 0
    assert second.precision is None and second.recall.value == 0
    assert "none" in per_class_text([first, second])
    assert second.as_dict()["precision"] is None


def test_of_many_classes_those_with_the_lowest_recall_are_shown():
    matrix = np.diag(np.arange(30) + 1)
    matrix[:5, 29] += 9
    text = per_class_text(per_class(matrix, [f"class {i}" for i in range(30)]))
    assert text.startswith("the 10 of 30 classes with the lowest recall")
    assert len(text.splitlines()) == 12
    assert text.splitlines()[2].startswith("class 0 ")
