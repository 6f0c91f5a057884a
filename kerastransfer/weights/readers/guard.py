"""Size limits that all readers share, and errors that name the file."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.foundation.quoting import quoted

# The largest file in the table is 0.24 GB, 0.49 GB if stored as doubles.
MAX_BYTES = 1 << 30
# Weights hardly compress. A file of constants may unfold to the largest network in the
# table with room to spare, and anything else to so many times its size.
_ANY_NETWORK = 1 << 28
_MOST_TIMES = 16
_LONGEST_PROBLEM = 3_000
NO_MEMORY = "reading it takes more memory than it may; it is damaged or made to harm"


class DamageError(ValueError):
    """What is wrong inside a file; `naming` puts the file's name before it."""


@contextlib.contextmanager
def naming(path: Path, kind: str) -> Iterator[None]:
    """Turn any error while a file is parsed into a `WeightsError`.

    zipfile, h5py and NumPy raise almost any class of exception on damaged input, so
    every class is caught; the original error stays chained.

    Parameters
    ----------
    path : Path
        The file that is read.
    kind : str
        What it should be, such as ``"a .caffemodel file"``.

    Raises
    ------
    WeightsError
        If the body fails.
    """
    try:
        yield
    except (WeightsError, MissingError):
        raise
    except MemoryError as error:
        raise WeightsError(_one_line(path, kind, NO_MEMORY)) from error
    except DamageError as error:
        raise WeightsError(_one_line(path, kind, str(error))) from error
    except Exception as error:
        text = f"it cannot be parsed ({type(error).__name__}: {error})"
        raise WeightsError(_one_line(path, kind, text)) from error


def _one_line(path: Path, kind: str, problem: str) -> str:
    line = " ".join(problem[:_LONGEST_PROBLEM].split())[:300]
    return f"Expected {kind} in {quoted(path)}, but {line}."


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes after checking its size.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no regular file, is empty, larger than `MAX_BYTES`, or cannot be read.
    """
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"Cannot read {quoted(path)}: {error.strerror}.") from error


def check_file(path: Path) -> None:
    """Check that a file exists and has a plausible size for weights.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no regular file, is empty, or is larger than `MAX_BYTES`.
    """
    if not path.exists():
        raise MissingError(
            f"Expected a weight file {quoted(path)}, which is not there."
        )
    if not path.is_file():
        raise WeightsError(f"Expected a weight file, but {quoted(path)} is not a file.")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise WeightsError(
            f"Expected a weight file of 1 to {MAX_BYTES:,} bytes, but {quoted(path)} "
            f"has {size:,}."
        )


def most_unpacked(size: int) -> int:
    """Return how many bytes the arrays of a file of `size` bytes may have.

    >>> most_unpacked(1_000_000)
    268435456
    """
    return min(MAX_BYTES, max(_ANY_NETWORK, _MOST_TIMES * size))


def volume(shape: tuple[int, ...]) -> int:
    """Return the number of elements of a shape that a file claims, after checking it.

    Parameters
    ----------
    shape : tuple of int
        As the file claims it.

    Returns
    -------
    int
        The number of elements; 1 for ``()``.

    Raises
    ------
    DamageError
        If an entry is no integer from 0 on, there are more than eight, or the product
        is above `MAX_BYTES`.
    """
    if len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise DamageError(f"it claims a shape of {quoted(shape)}")
    if max(shape, default=0) > MAX_BYTES or (product := math.prod(shape)) > MAX_BYTES:
        raise DamageError(f"it claims a shape of {quoted(shape)}, which is too large")
    return product
