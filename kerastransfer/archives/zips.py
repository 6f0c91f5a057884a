"""Zip files, by their table of contents."""

import contextlib
import dataclasses
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.archives.members import Enter, Member, Passing, refused, safe_name
from kerastransfer.archives.spans import METHODS, ZipSpan
from kerastransfer.errors import DataError
from kerastransfer.foundation.formats import zip_headers
from kerastransfer.foundation.quoting import quoted

_ENCRYPTED = 1  # bit of a member's flags
# APPNOTE 4.4.5; the first is what Windows writes above 2 GB
_METHOD_NAMES = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 97: "WavPack", 98: "PPMd"}
# The last four: names that are no UTF-8, fields that end too soon, places that no file
# has, and a disk that fails.
_FAILURES = (
    *(zipfile.BadZipFile, EOFError, NotImplementedError),
    *(ValueError, struct.error, IndexError, OverflowError, OSError),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Zip:
    """A zip file; its members can be read in any order."""

    path: Path
    sequential: bool = False

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """See `members.Archive`; nested archives are not entered."""
        with self._naming(), self.path.open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                infos, table = archive.infolist(), archive.start_dir
            for info in zip_headers.checked(file, infos, table):
                if not info.is_dir():
                    yield self._member(info)

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Turn what reading the table of contents raises into one line."""
        try:
            yield
        except DataError:  # it is a ValueError too
            raise
        except _FAILURES as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise DataError(
                f"Zip file {quoted(self.path)} is damaged or cut short: {reason}; get "
                "it again."
            ) from None

    def _member(self, info: zipfile.ZipInfo) -> Member:
        mode = info.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            kind = "link" if stat.S_ISLNK(mode) else "device"
            raise refused(self.path, f"{quoted(info.filename)} is a {kind}")
        if info.flag_bits & _ENCRYPTED:
            raise refused(self.path, f"{quoted(info.filename)} is encrypted")
        if info.compress_type not in METHODS:
            raise self._unreadable(info)
        span = ZipSpan(
            self.path,
            info.header_offset,
            info.compress_size,
            info.file_size,
            info.compress_type,
            info.CRC,
        )
        return Member(safe_name(info.filename, self.path), info.file_size, span)

    def _unreadable(self, info: zipfile.ZipInfo) -> DataError:
        """Make the error for a zip whose members cannot all be had: none is lost."""
        method = info.compress_type
        name = (
            f"{_METHOD_NAMES[method]} ({method})" if method in _METHOD_NAMES else method
        )
        return refused(
            self.path,
            f"{quoted(info.filename)} is compressed by method {name}, expected stored, "
            "deflate, bzip2 or LZMA; unpack it and name the folder, or pack it again "
            "with deflate",
        )
