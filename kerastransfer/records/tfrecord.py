"""TFRecord files, read without TensorFlow.

A record is framed as an 8-byte little-endian length, its 4-byte checksum, the data,
and their 4-byte checksum. A checksum is a CRC-32C that is turned and added to, so that
it is none of data that hold checksums (TensorFlow, ``lib/hash/crc32c.h``).
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_HEAD, _TAIL = 12, 4  # bytes before and after a record's data
LEAST = _HEAD + _TAIL  # bytes of a record without data
_ADDED = 0xA282EAD8
_SEARCHED = 1 << 22  # bytes in which the next record is looked for
_ANOTHER = "its checksum is another"


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
            f"Record {number:,} of {quoted(path)} is damaged: {_ANOTHER}; convert the "
            "dataset again."
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


def survey(file: int) -> Iterator[str]:
    """Check every record of a file, and go on behind those that are damaged.

    Where a record's length is damaged, the next one is where its own length and the
    checksum of that agree.

    Parameters
    ----------
    file : int
        Its open descriptor.

    Yields
    ------
    str
        What is wrong with each record; empty where nothing is.
    """
    size = os.fstat(file).st_size
    if size == 0:  # which cannot be mapped
        return
    with mmap.mmap(file, size, access=mmap.ACCESS_READ) as data:
        place = 0
        while place < size:
            length = _length_at(data, place, size)
            if length is None:
                yield "its length is damaged, or the file ends within it"
                place = _next(data, place, size)
                continue
            start, end = place + _HEAD, place + _HEAD + length
            sound = _CHECKSUM.unpack_from(data, end)[0] == checksum(data[start:end])
            yield "" if sound else _ANOTHER
            place = end + _TAIL


def _length_at(data: mmap.mmap, place: int, size: int) -> int | None:
    """Return the length of the record that begins there; None where none does."""
    if place + LEAST > size:
        return None
    length: int = _LENGTH.unpack_from(data, place)[0]
    if length > size - place - LEAST:
        return None
    head = data[place : place + _LENGTH.size]
    held: int = _CHECKSUM.unpack_from(data, place + _LENGTH.size)[0]
    return length if held == checksum(head) else None


def _next(data: mmap.mmap, place: int, size: int) -> int:
    """Return where the record behind a damaged one begins; the end if none is seen."""
    if place + LEAST <= size:
        # Often it is the length's checksum that is damaged, and the length is well.
        behind = place + LEAST + int(_LENGTH.unpack_from(data, place)[0])
        if behind == size or _length_at(data, behind, size) is not None:
            return behind
    for start in range(place + 1, min(place + _SEARCHED, size)):
        if _length_at(data, start, size) is not None:
            return start
    return size


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
