"""TFRecord files, read without TensorFlow.

A record is framed as an 8-byte little-endian length, its 4-byte checksum, the data,
and their 4-byte checksum. A checksum is a CRC-32C that is turned and added to, so that
it is none of data that hold checksums (TensorFlow, ``lib/hash/crc32c.h``).
"""

import mmap
import os
import struct
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_HEAD, _TAIL = 12, 4  # bytes before and after a record's data
_ADDED = 0xA282EAD8


def read(file: int, path: Path, number: int, offset: int, length: int) -> bytes:
    """Read a record's data, and hold them against their checksum.

    Parameters
    ----------
    file : int
        The file's open descriptor.
    path : Path
        Its name, for messages.
    number : int
        The record's, from 0, for messages.
    offset, length : int
        Of its data, as `index` gives them.

    Raises
    ------
    DataError
        If the data are not those that were written, or end early.
    """
    data = system.read_at(file, length + _TAIL, offset)
    content, tail = data[:length], data[length:]
    if len(tail) < _TAIL or _CHECKSUM.unpack(tail)[0] != checksum(content):
        raise DataError(
            f"Record {number:,} of {quoted(path)} is damaged: its checksum is another; "
            "convert the dataset again."
        )
    return content


def checksum(data: bytes) -> int:
    """Return the masked CRC-32C of some bytes.

    >>> hex(checksum(bytes(32)))  # 0x8a9136aa unmasked: RFC 3720, B.4
    '0xfd7fffa'
    """
    plain = google_crc32c.value(data)
    turned = (plain >> 15 | plain << 17) + _ADDED
    return int(turned & 0xFFFFFFFF)


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
        if place + _HEAD <= size:
            head = data[place : place + _LENGTH.size]
            if _CHECKSUM.unpack_from(data, place + _LENGTH.size)[0] != checksum(head):
                raise DataError(
                    f"Record {len(spans):,} of {quoted(path)} is damaged: the checksum "
                    "of its length is another; convert the dataset again."
                )
        if length > size - place - _HEAD - _TAIL:
            raise DataError(
                f"Record file {quoted(path)} ends within record {len(spans):,}; "
                "convert the dataset again."
            )
        spans.append((place + _HEAD, length))
        place += _HEAD + length + _TAIL
    return np.array(spans, np.int64).reshape(-1, 2)
