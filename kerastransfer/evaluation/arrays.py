"""Checks of shapes, types and ranges of the arrays that are measured."""

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError

_SUM_TOLERANCE = 1e-3  # float32 softmax over 1,000 classes errs by about 1e-6


def class_indices(
    name: str, values: npt.ArrayLike, num_classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Check class indices and return them as int64.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    values : array_like of int, shape (n,)
        One class index per image.
    num_classes : int, optional
        Number of classes; without it only negative indices are refused.

    Raises
    ------
    InputError
        If there are none, they are not a row of integers or one is out of range.

    Examples
    --------
    >>> class_indices("labels", [0, 2, 1], num_classes=3)
    array([0, 2, 1])
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise InputError(
            f"Expected {name} to be integers of shape (n,) with n of 1 or more, got "
            f"{array.dtype} of shape {array.shape}; give one class index an image."
        )
    top = int(array.max()) if num_classes is None else num_classes - 1
    outside = array[(array < 0) | (array > top)]
    if outside.size:
        upper = f"to {top}" if num_classes is not None else "and up"
        raise InputError(
            f"Expected {name} from 0 {upper}, got {outside[0]} "
            f"({outside.size:,} of {array.size:,} are out of range)."
        )
    return array.astype(np.int64)


def same_length(**arrays: npt.NDArray[np.generic]) -> None:
    """Check that arrays have a row for each of the same images.

    Raises
    ------
    InputError
        If their first dimensions differ.

    Examples
    --------
    >>> same_length(labels=np.zeros(2), predictions=np.zeros(3))
    Traceback (most recent call last):
    kerastransfer.errors.InputError: Expected one row an image in each array, got ...
    """
    lengths = {name: len(rows) for name, rows in arrays.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{n:,} {name}" for name, n in lengths.items())
        raise InputError(f"Expected one row an image in each array, got {given}.")


def finite_matrix(name: str, values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Check a matrix of finite numbers and return it as float32 or float64.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    values : array_like of shape (n, d)
        Real numbers; float32 and float64 keep their type.

    Raises
    ------
    InputError
        If it is no matrix of real numbers, is empty or holds a NaN or an infinity.

    Examples
    --------
    >>> finite_matrix("features", [[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiub":
        raise InputError(
            f"Expected {name} to be numbers of shape (n, d), got {array.dtype} of "
            f"shape {array.shape}; give one row an image."
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise InputError(
            f"Expected finite {name}, got a NaN or an infinity in row {bad[0]} "
            f"({bad.size:,} of {len(array):,} rows); did the training diverge?"
        )
    return array


def distributions(name: str, values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Check rows of probabilities and return them as float32 or float64.

    Parameters
    ----------
    name : str
        Name of the argument, for the error message.
    values : array_like of shape (n, num_classes)
        One distribution per image. Rows are not rescaled.

    Raises
    ------
    InputError
        As `finite_matrix`; or if an entry is negative or a row does not sum to one.

    Examples
    --------
    >>> distributions("probabilities", [[0.25, 0.75]])
    array([[0.25, 0.75]])
    """
    array = finite_matrix(name, values)
    sums = array.sum(axis=1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > _SUM_TOLERANCE) | (array < 0).any(axis=1)
    rows = np.flatnonzero(wrong)
    if rows.size:
        row = int(rows[0])
        raise InputError(
            f"Expected {name} that are 0 or more and sum to 1 in each row, got the sum "
            f"{sums[row]:.6g} and the least entry {array[row].min():.6g} in row {row}; "
            "are these logits? Apply a softmax first."
        )
    return array
