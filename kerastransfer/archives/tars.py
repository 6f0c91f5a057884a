"""Tar files: plain ones at any offset, compressed ones from front to back, and nested.

Python's ``tarfile`` reads them, `tar_headers` checks each header. What follows the last
member is checked here: zeros to the end of the file, and a compressed stream's own
checksum. So an archive that is cut off, or damaged anywhere but in an image, is an
error and never a smaller dataset.
"""

import bz2
import contextlib
import dataclasses
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from kerastransfer.archives.members import Enter, Member, Passing, refused, safe_name
from kerastransfer.archives.spans import MAX_BYTES, FileSpan
from kerastransfer.archives.tar_headers import CheckedTar, RefusedError
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

_CHUNK = 1 << 20
_ENDS = 8  # reads beyond a stream's end that a sound archive may need; it needs three
# Compressed tars, by their first bytes.
COMPRESSIONS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
# ValueError: text in a header that is not what it should be.
_FAILURES = (
    *(tarfile.TarError, EOFError, OSError, ValueError),
    *(zlib.error, lzma.LZMAError),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Tar:
    """A tar file that is not compressed; its members can be read at any offset."""

    path: Path
    sequential: bool = False

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """See `members.Archive`."""
        with self.path.open("rb") as file, _naming(self.path):
            for info in _headers(file, self.path):
                name = safe_name(info.name, self.path)
                span = FileSpan(self.path, info.offset_data, info.size)
                if passing is not None:
                    passing(info.offset_data, b"")
                if enter is not None and enter(name):
                    yield from _nested(file, span, name)
                else:
                    yield Member(name, info.size, span)


@dataclasses.dataclass(frozen=True, slots=True)
class CompressedTar:
    """A tar.gz (or bz2, xz): read from front to back, never unpacked to disk.

    Parameters
    ----------
    open : callable
        Of `COMPRESSIONS`.
    """

    path: Path
    open: Callable[[Any], Any]
    sequential: bool = True

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """See `members.Archive`; nested archives are not entered."""
        with self.path.open("rb") as file, _naming(self.path):
            watched = _Watched(file, passing)
            with (
                self.open(watched) as unpacked,
                _open(_Ending(unpacked), "r|") as tar,
            ):
                for info in _regular(tar, self.path):
                    passes = _Passing(tar, info, self.path)
                    yield Member(safe_name(info.name, self.path), info.size, passes)
                # To its checksum, which is at the end of the stream.
                _check_rest(tar.fileobj)
            while watched.read(_CHUNK):  # what the stream does not need passes too
                pass


@dataclasses.dataclass(frozen=True, slots=True)
class _Passing:
    """A member of a stream, there until the next one is asked for."""

    tar: tarfile.TarFile
    info: tarfile.TarInfo
    path: Path

    def read(self) -> bytes:
        if self.info.size > MAX_BYTES:
            raise DataError(
                f"{quoted(self.info.name)} is larger than {MAX_BYTES:,} bytes"
            )
        with _naming(self.path):
            file = self.tar.extractfile(self.info)
            data = b"" if file is None else file.read()
            if len(data) < self.info.size:
                raise EOFError("it ends within a file")
            return data


@dataclasses.dataclass(slots=True)
class _Watched:
    """A file that tells what is read of it."""

    file: IO[bytes]
    passing: Passing | None
    place: int = 0

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.place += len(data)
        if self.passing is not None and data:
            self.passing(self.place, data)
        return data


@dataclasses.dataclass(slots=True)
class _Ending:
    """A stream that refuses to be read on at its end.

    ``tarfile`` would: to skip what a header states, it reads that many blocks.
    """

    stream: Any
    ends: int = 0  # reads that found nothing

    def read(self, size: int) -> bytes:
        data: bytes = self.stream.read(size)
        self.ends += not data
        if self.ends > _ENDS:
            raise EOFError("its end is missing")
        return data


class _Section(io.RawIOBase):
    """A part of an open file as a file of its own."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        self._file, self._offset, self._size = file, offset, size
        self._place = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        self._place = base[whence] + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._place, 0)
        self._file.seek(self._offset + self._place)
        data = self._file.read(left if size < 0 else min(size, left))
        self._place += len(data)
        return data


def _nested(file: IO[bytes], span: FileSpan, name: str) -> Iterator[Member]:
    """Yield the members of a tar that is a member itself."""
    assert span.size is not None
    section: Any = _Section(file, span.offset, span.size)
    for info in _headers(section, span.path):
        where = FileSpan(span.path, span.offset + info.offset_data, info.size)
        yield Member(f"{name}/{safe_name(info.name, span.path)}", info.size, where)


def _headers(file: IO[bytes], path: Path) -> Iterator[tarfile.TarInfo]:
    """Yield regular files' headers of a tar that is not compressed."""
    with _open(file, "r:") as tar:
        yield from _regular(tar, path)
        file.seek(tar.offset)
        _check_rest(file)


def _open(file: Any, mode: Any) -> Any:
    # Not the machine's encoding, for names decide who is in which split.
    return CheckedTar.open(fileobj=file, mode=mode, encoding="utf-8")


def _check_rest(file: Any) -> None:
    """Refuse anything but zeros behind the last member.

    A block of zeros ends a tar; one in its middle is a header that was lost.
    """
    while data := file.read(_CHUNK):
        if data.strip(b"\0"):
            raise EOFError("there is more behind its end mark")


def _regular(tar: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined] # or a million would be held
        if info.isdir():
            continue
        if not info.isreg():
            kind = "link" if info.issym() or info.islnk() else "device"
            raise refused(path, f"{quoted(info.name)} is a {kind}")
        yield info


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what reading an archive raises into one line."""
    try:
        yield
    except DataError:  # it is a ValueError too
        raise
    except RefusedError as error:
        raise refused(path, str(error)) from None
    except _FAILURES as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(
            f"Archive {quoted(path)} is damaged or cut short: {reason}; get it again."
        ) from None
