"""Where a file's bytes are, in a form small enough to hand to a worker process."""

import bz2
import dataclasses
import lzma
import struct
import zlib
from pathlib import Path
from typing import Protocol

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

MAX_BYTES = 1 << 28  # far above any photograph; keeps a hostile file out of memory
_FARTHEST = 1 << 60  # bytes from a file's start
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature; lengths of name and extra field
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
METHODS = frozenset((_STORED, _DEFLATED, _BZIP2, _LZMA))  # of zip, that are read
_UNPACKING = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)


class Readable(Protocol):
    """Something whose bytes can be had, in this process or in a worker's."""

    def read(self) -> bytes:
        """Return the bytes; raises DataError, MissingError or OSError."""


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """Bytes that are in memory already."""

    data: bytes

    @property
    def held_bytes(self) -> int:
        """How much memory they take."""
        return len(self.data)

    def read(self) -> bytes:
        """Return the bytes."""
        return self.data


@dataclasses.dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are not to be had, and why."""

    reason: str

    def read(self) -> bytes:
        """Raise DataError."""
        raise DataError(self.reason)


@dataclasses.dataclass(frozen=True, slots=True)
class FileSpan:
    """A file, or a part of one that is stored as it is.

    Parameters
    ----------
    offset : int
        Of the first byte.
    size : int or None
        In bytes; None for all the rest.
    """

    path: Path
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """Return the bytes; see `read_bounded`."""
        if self.size is None:
            return read_bounded(self.path)
        data = _read_at(self.path, self.offset, min(self.size, MAX_BYTES + 1))
        _check_size(len(data), MAX_BYTES, self.path)
        if len(data) < self.size:
            raise DataError(
                f"Archive {quoted(self.path)} ends within a file; get it again."
            )
        return data


@dataclasses.dataclass(frozen=True, slots=True)
class ZipSpan:
    """A member of a zip file.

    Parameters
    ----------
    path : Path
        The zip file.
    header : int
        Offset of the member's local header.
    packed, size : int
        Bytes in the archive, and unpacked.
    method : {0, 8, 12, 14}
        Stored, deflated, bzip2 or LZMA.
    crc : int
        CRC-32 of the unpacked bytes.
    """

    path: Path
    header: int
    packed: int
    size: int
    method: int
    crc: int

    def read(self) -> bytes:
        """Return the unpacked bytes, checked.

        Raises
        ------
        DataError
            If the member is too large, is damaged, or unpacks to more than it states.
        """
        _check_size(max(self.packed, self.size), MAX_BYTES, self.path)
        head = _read_at(self.path, self.header, _LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size:
            raise self._damaged("its end is missing")
        signature, name, extra = _LOCAL_HEADER.unpack(head)
        if signature != b"PK\x03\x04":
            raise self._damaged("a member's header is not where it should be")
        start = self.header + _LOCAL_HEADER.size + name + extra
        data = self._unpack(_read_at(self.path, start, self.packed))
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise self._damaged("a member's checksum does not hold")
        return data

    def _unpack(self, data: bytes) -> bytes:
        if self.method == _STORED:
            return data
        if self.method not in METHODS:
            raise self._damaged(f"compression method {self.method} is not supported")
        most = self.size + 1  # one byte more than stated is enough to see there is more
        try:
            if self.method == _BZIP2:
                return bz2.BZ2Decompressor().decompress(data, most)
            if self.method == _LZMA:
                return _unpack_lzma(data, self.size)
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most)
        except _UNPACKING as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, what: str) -> DataError:
        return DataError(f"Zip file {quoted(self.path)} is damaged: {what}.")


def _unpack_lzma(data: bytes, size: int) -> bytes:
    """Unpack a member of zip's method 14, to at most one byte more than it states.

    Zip (APPNOTE 5.8.8) puts before the stream: a version of two bytes, the length of
    the properties, and LZMA's own five, one of which holds three small numbers.
    """
    if len(data) < 9 or data[2:4] != b"\x05\0":
        raise ValueError("an LZMA member begins with no properties")
    (packed_numbers, window) = struct.unpack_from("<BI", data, 4)
    positions, rest = divmod(packed_numbers, 45)
    literals, context = divmod(rest, 9)
    properties = {
        "id": lzma.FILTER_LZMA1,
        # Nothing reaches farther back than the member is long; memory stays bounded.
        "dict_size": max(min(window, size + 1), 4096),
        "pb": positions,
        "lp": literals,
        "lc": context,
    }
    stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
    return stream.decompress(data[9:], size + 1)


def read_bounded(path: Path, limit: int | None = None) -> bytes:
    """Read a file of at most `limit` bytes; by default, `MAX_BYTES`.

    Raises
    ------
    DataError
        If it is larger.
    MissingError
        If it is not there.
    """
    limit = MAX_BYTES if limit is None else limit
    data = _read_at(path, 0, limit + 1)
    _check_size(len(data), limit, path)
    return data


def _read_at(path: Path, offset: int, size: int) -> bytes:
    """Read some bytes; fewer where the file ends before."""
    if not (0 <= offset <= _FARTHEST and size >= 0):  # as a damaged header may state
        raise DataError(
            f"Archive {quoted(path)} is damaged: a file of {size} bytes at {offset}."
        )
    if not system.is_file(path):  # a pipe would keep us waiting
        raise MissingError(f"File {quoted(path)} is not there.")
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise DataError(
            f"File {quoted(path)} cannot be read: {error.strerror}."
        ) from None


def _check_size(size: int, limit: int, path: Path) -> None:
    if size > limit:
        raise DataError(f"File {quoted(path)} is larger than {limit:,} bytes.")
