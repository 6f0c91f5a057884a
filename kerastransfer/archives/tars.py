"""Tar files: plain ones at any offset, compressed ones from front to back, and nested.

Python's ``tarfile`` reads the headers. What it passes over is checked here: an archive
that is cut off between two members, and one whose compressed stream is damaged at its
end.
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

from kerastransfer.archives.members import Enter, Member, refused, safe_name
from kerastransfer.archives.spans import MAX_BYTES, FileSpan
from kerastransfer.errors import DataError

_BLOCK = tarfile.BLOCKSIZE
# Compressed tars, by their first bytes.
COMPRESSIONS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_FAILURES = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclasses.dataclass(frozen=True, slots=True)
class Tar:
    """A tar file that is not compressed; its members can be read at any offset.

    Parameters
    ----------
    path : Path
    """

    path: Path
    sequential: bool = False

    def members(self, enter: Enter | None = None) -> Iterator[Member]:
        """See `members.Archive`."""
        with self.path.open("rb") as file, _naming(self.path):
            size = self.path.stat().st_size
            for info in _headers(file, self.path, size):
                name = safe_name(info.name, self.path)
                if enter is not None and enter(name):
                    inner = FileSpan(self.path, info.offset_data, info.size)
                    yield from _nested(file, inner, name)
                else:
                    span = FileSpan(self.path, info.offset_data, info.size)
                    yield Member(name, info.size, span)


@dataclasses.dataclass(frozen=True, slots=True)
class CompressedTar:
    """A tar.gz (or bz2, xz): read from front to back, never unpacked to disk.

    Parameters
    ----------
    path : Path
    open : callable
        Of `COMPRESSIONS`.
    """

    path: Path
    open: Callable[[Path], Any]
    sequential: bool = True

    def members(self, enter: Enter | None = None) -> Iterator[Member]:
        """See `members.Archive`; nested archives are not entered."""
        with (
            _naming(self.path),
            self.open(self.path) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for info in _regular(tar, self.path):
                passing = _Passing(tar, info, self.path)
                yield Member(safe_name(info.name, self.path), info.size, passing)
            while stream.read(1 << 20):  # to its checksum, which is at the end
                pass


@dataclasses.dataclass(frozen=True, slots=True)
class _Passing:
    """A member of a stream, there until the next one is asked for."""

    tar: tarfile.TarFile
    info: tarfile.TarInfo
    path: Path

    def read(self) -> bytes:
        if self.info.size > MAX_BYTES:
            raise DataError(f"{self.info.name!r} is larger than {MAX_BYTES:,} bytes")
        with _naming(self.path):
            file = self.tar.extractfile(self.info)
            data = b"" if file is None else file.read()
            if len(data) < self.info.size:
                raise EOFError("it ends within a file")
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
    section = _Section(file, span.offset, span.size)
    for info in _headers(section, span.path, span.size):  # type: ignore[arg-type]
        where = FileSpan(span.path, span.offset + info.offset_data, info.size)
        yield Member(f"{name}/{safe_name(info.name, span.path)}", info.size, where)


def _headers(file: IO[bytes], path: Path, size: int) -> Iterator[tarfile.TarInfo]:
    """Yield regular files' headers; refuse an archive without its end mark."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        yield from _regular(tar, path)
        # Two blocks of zeros end a tar; what stops before them has been cut off.
        file.seek(max(size - _BLOCK, 0))
        if file.read(_BLOCK).strip(b"\0"):
            raise EOFError("its end is missing")


def _regular(tar: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined] # or a million would be held
        if info.isdir():
            continue
        if not info.isreg():
            kind = "link" if info.issym() or info.islnk() else "device"
            raise refused(path, f"{info.name!r} is a {kind}")
        if info.sparse is not None:
            raise refused(path, f"{info.name!r} is a sparse file")
        yield info


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what reading an archive raises into one line."""
    try:
        yield
    except _FAILURES as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(
            f"Archive {str(path)!r} is damaged or cut short: {reason}; get it again."
        ) from None
