"""Checks that the arrays of a measurement are what they claim to be."""

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError

_SUM_TOLERANCE = 1e-3  # float32 softmax over 1,000 classes errs by about 1e-6


def class_indices(
    name: str, values: npt.ArrayLike, num_classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Return `values` as class indices, or say what is wrong with them.

    Parameters
    ----------
    name : str
        What the values are, for the message.
    values : array_like of int, shape (n,)
        One class index an image.
    num_classes : int, optional
        Number of classes; without it only negative indices are refused.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        If there are none, they are not a row of integers or one is out of range.
    """
    found = np.asarray(values)
    if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "iu":
        raise InputError(
            f"Expected {name} to be integers of shape (n,) with n of 1 or more, got "
            f"{found.dtype} of shape {found.shape}; give one class index an image."
        )
    top = int(found.max()) if num_classes is None else num_classes - 1
    outside = found[(found < 0) | (found > top)]
    if outside.size:
        upper = f"to {top}" if num_classes is not None else "and up"
        raise InputError(
            f"Expected {name} from 0 {upper}, got {outside[0]} "
            f"({outside.size:,} of {found.size:,} are out of range)."
        )
    return found.astype(np.int64)


def same_length(**arrays: npt.NDArray[np.generic]) -> None:
    """Refuse arrays that do not speak of the same images.

    Raises
    ------
    InputError
        If their first dimensions differ.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{n:,} {name}" for name, n in lengths.items())
        raise InputError(f"Expected one row an image in each array, got {given}.")


def finite_matrix(name: str, values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Return `values` as a matrix of finite numbers; float32 and float64 are kept.

    Parameters
    ----------
    name : str
        What the values are, for the message.
    values : array_like of shape (n, d)
        Real numbers.

    Returns
    -------
    ndarray of float32 or float64, shape (n, d)

    Raises
    ------
    InputError
        If it is no matrix of real numbers, is empty or holds a NaN or an infinity.
    """
    found = np.asarray(values)
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "fiub":
        raise InputError(
            f"Expected {name} to be numbers of shape (n, d), got {found.dtype} of "
            f"shape {found.shape}; give one row an image."
        )
    if found.dtype not in (np.float32, np.float64):
        found = found.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if bad.size:
        raise InputError(
            f"Expected finite {name}, got a NaN or an infinity in row {bad[0]} "
            f"({bad.size:,} of {len(found):,} rows); did the training diverge?"
        )
    return found


def distributions(name: str, values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Return `values` as rows of probabilities, or say what is wrong with them.

    Parameters
    ----------
    name : str
        What the values are, for the message.
    values : array_like of shape (n, num_classes)
        One distribution an image. Rows are not scaled anew.

    Returns
    -------
    ndarray of float32 or float64, shape (n, num_classes)

    Raises
    ------
    InputError
        As `finite_matrix`; or if an entry is negative or a row does not sum to one.
    """
    found = finite_matrix(name, values)
    sums = found.sum(axis=1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > _SUM_TOLERANCE) | (found < 0).any(axis=1)
    rows = np.flatnonzero(wrong)
    if rows.size:
        row = int(rows[0])
        raise InputError(
            f"Expected {name} that are 0 or more and sum to 1 in each row, got the sum "
            f"{sums[row]:.6g} and the least entry {found[row].min():.6g} in row {row}; "
            "are these logits? Apply a softmax first."
        )
    return found
