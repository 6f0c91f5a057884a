"""TFRecord files, read without TensorFlow.

A record is framed as an 8-byte little-endian length, its 4-byte checksum, the data, and
their 4-byte checksum. Checksums are not looked at: TensorFlow's reader does that.
"""

import mmap
import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError

_LENGTH = struct.Struct("<Q")
_HEAD, _TAIL = 12, 4  # bytes before and after a record's data


def index(file: int, path: Path) -> NDArray[np.int64]:
    """Find every record of a file.

    Parameters
    ----------
    file : int
        Its open descriptor.
    path : Path
        Its name, for messages.

    Returns
    -------
    array of shape (n, 2), int64
        Offset and length of each record's data, in bytes.

    Raises
    ------
    DataError
        If its end is missing.
    """
    size = os.fstat(file).st_size
    if size == 0:  # which cannot be mapped
        return np.empty((0, 2), np.int64)
    with mmap.mmap(file, size, access=mmap.ACCESS_READ) as data:
        return _walk(data, size, path)


def _walk(data: mmap.mmap, size: int, path: Path) -> NDArray[np.int64]:
    spans: list[tuple[int, int]] = []
    place = 0
    while place < size:
        length = _LENGTH.unpack_from(data, place)[0] if place + _HEAD <= size else size
        if length > size - place - _HEAD - _TAIL:
            raise DataError(
                f"Record file {str(path)!r} ends within record {len(spans):,}; convert "
                "the dataset again."
            )
        spans.append((place + _HEAD, length))
        place += _HEAD + length + _TAIL
    return np.array(spans, np.int64).reshape(-1, 2)
