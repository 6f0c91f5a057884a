import numpy as np
import pytest

from kerastransfer.errors import InputError
from kerastransfer.evaluation import arrays


def test_class_indices_are_returned_as_int64():
    found = arrays.class_indices("labels", np.array([0, 2, 1], np.uint8), 3)
    assert found.dtype == np.int64
    assert found.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [],
            r"Expected labels to be integers of shape \(n,\) .*, got float64 of shape",
        ),
        ([0.0, 1.0], "got float64 of shape"),
        ([[0], [1]], r"got int64 of shape \(2, 1\)"),
        (3, r"got int64 of shape \(\)"),
        ([True, False], "got bool of shape"),
        ([0, 3, 5], r"Expected labels from 0 to 2, got 3 \(2 of 3 are out of range\)"),
        ([0, -1], r"Expected labels from 0 to 2, got -1 \(1 of 2 are"),
    ],
)
def test_class_indices_says_what_is_wrong(values, message):
    with pytest.raises(InputError, match=message):
        arrays.class_indices("labels", values, 3)


def test_class_indices_without_a_number_of_classes_refuses_negative_ones():
    assert arrays.class_indices("labels", [0, 999]).tolist() == [0, 999]
    with pytest.raises(InputError, match="Expected labels from 0 and up, got -2"):
        arrays.class_indices("labels", [4, -2])


def test_same_length_names_each_array():
    arrays.same_length(labels=np.zeros(3), predictions=np.zeros(3))
    message = "one row an image in each array, got 3 labels, 1,200 predictions"
    with pytest.raises(InputError, match=message):
        arrays.same_length(labels=np.zeros(3), predictions=np.zeros(1_200))


@pytest.mark.parametrize(
    ("given", "kept"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.float16, np.float64)],
)
def test_finite_matrix_keeps_single_and_double_precision(given, kept):
    assert arrays.finite_matrix("features", np.ones((2, 3), given)).dtype == kept


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"numbers of shape \(n, d\), got float64 of shape \(2,\)"),
        (np.zeros((0, 3)), r"got float64 of shape \(0, 3\)"),
        ([["a"]], "got <U1 of shape"),
        ([[1j]], "got complex128 of shape"),
        ([[1.0], [np.nan]], r"a NaN or an infinity in row 1 \(1 of 2 rows\)"),
        ([[np.inf], [np.nan]], r"infinity in row 0 \(2 of 2 rows\); did the training"),
    ],
)
def test_finite_matrix_says_what_is_wrong(values, message):
    with pytest.raises(InputError, match=message):
        arrays.finite_matrix("features", values)


@pytest.mark.parametrize("row", [[0.5, 0.5], [1.0, 0.0], [0.4999, 0.5]])
def test_distributions_passes_rows_that_sum_to_one(row):
    assert arrays.distributions("probabilities", [row]).tolist() == [row]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.6], "got the sum 1.1 and the least entry 0.5 in row 1; are these log"),
        ([1.5, -0.5], "got the sum 1 and the least entry -0.5 in row 1"),
        ([0.4, 0.5], "got the sum 0.9 "),
        ([np.nan, 1.0], "NaN or an infinity in row 1"),
    ],
)
def test_distributions_says_what_is_wrong(row, message):
    with pytest.raises(InputError, match=message):
        arrays.distributions("probabilities", [[0.5, 0.5], row])
