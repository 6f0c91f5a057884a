"""Features of a domain: checked, in blocks, halved and balanced."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import DataError

LEAST = 10  # images; fewer give no number
ENOUGH = 30  # images; fewer give no verdict

Matrix = npt.NDArray[np.floating]
_BLOCK = 256


def checked(name: str, features: Matrix) -> Iterator[Matrix]:
    """Yield features in blocks of rows, each in memory, and refuse bad ones.

    Parameters
    ----------
    name : str
        Whose features they are, for the message.
    features : array of shape (n, d)
        Any array that can be sliced, such as one mapped from a file.

    Yields
    ------
    array of shape (k, d)

    Raises
    ------
    DataError
        If there are fewer than `LEAST` rows, they are no matrix of finite numbers, or
        all of them are equal (as all-black images give).
    """
    if features.ndim != 2 or features.dtype.kind != "f" or not features.shape[1]:
        raise DataError(
            f"Expected features of {name} as floating-point numbers of shape (n, d), "
            f"got {features.dtype} of shape {features.shape}."
        )
    enough(name, len(features))
    varies = False
    for start in range(0, len(features), _BLOCK):
        block = np.array(features[start : start + _BLOCK])
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if bad.size:
            raise DataError(
                f"Expected finite features of {name}, got a NaN or an infinity in row "
                f"{start + bad[0]:,}; extract them again."
            )
        varies = varies or bool((block != features[0]).any())
        yield block
    if not varies:
        raise DataError(
            f"All {len(features):,} images of {name} give the same response; are they "
            "blank, or copies of one image?"
        )


def check_pair(source: Matrix, target: Matrix) -> None:
    """Refuse two domains' features where `checked` or `same_width` would."""
    for name, features in (("the source", source), ("the target", target)):
        for _ in checked(name, features):
            pass
    same_width(source, target)


def enough(name: str, count: int) -> None:
    """Refuse a domain of fewer than `LEAST` images."""
    if count < LEAST:
        raise DataError(
            f"Expected {LEAST} images of {name} or more, got {count:,}: a mean over so "
            "few is noise."
        )


def same_width(source: Matrix, target: Matrix) -> None:
    """Refuse features of two networks.

    Raises
    ------
    DataError
        If they differ in their number of features.
    """
    if source.shape[-1] != target.shape[-1]:
        raise DataError(
            f"Expected source and target features of one network, got "
            f"{source.shape[-1]:,} and {target.shape[-1]:,} a row; extract both with "
            "the same backbone."
        )


def balanced(
    source: Matrix, target: Matrix, most: int, seed: int
) -> tuple[Matrix, Matrix]:
    """Draw equally many rows of both at random, where there are more.

    Parameters
    ----------
    source, target : array of shape (n, d), (m, d)
    most : int
        Rows of each at most.

    Returns
    -------
    two arrays of shape (min(n, m, most), d)
    """
    count = min(len(source), len(target), most)
    rng = np.random.default_rng(seed)
    first, second = (_draw(each, count, rng) for each in (source, target))
    return first, second


def _draw(features: Matrix, count: int, rng: np.random.Generator) -> Matrix:
    if len(features) == count:
        return features
    return features[np.sort(rng.choice(len(features), count, replace=False))]
