"""Where a file's bytes are, in a form small enough to hand to a worker process."""

import dataclasses
import struct
import zlib
from pathlib import Path
from typing import Protocol

from kerastransfer.errors import DataError, MissingError

MAX_BYTES = 1 << 28  # far above any photograph; keeps a hostile file out of memory
_FARTHEST = 1 << 60  # bytes from a file's start
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature; lengths of name and extra field
_STORED, _DEFLATED = 0, 8


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
                f"Archive {str(self.path)!r} ends within a file; get it again."
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
    method : {0, 8}
        Stored or deflated.
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
        if self.method != _DEFLATED:
            raise self._damaged(f"compression method {self.method} is not supported")
        try:  # one byte more than stated is enough to see that there is more
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)
        except zlib.error as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, what: str) -> DataError:
        return DataError(f"Zip file {str(self.path)!r} is damaged: {what}.")


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
            f"Archive {str(path)!r} is damaged: a file of {size} bytes at {offset}."
        )
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except FileNotFoundError:
        raise MissingError(f"File {str(path)!r} is not there.") from None


def _check_size(size: int, limit: int, path: Path) -> None:
    if size > limit:
        raise DataError(f"File {str(path)!r} is larger than {limit:,} bytes.")
