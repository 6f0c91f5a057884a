"""Zip files, by their table of contents."""

import dataclasses
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.archives.members import Enter, Member, Passing, refused, safe_name
from kerastransfer.archives.spans import ZipSpan
from kerastransfer.errors import DataError

_ENCRYPTED = 1  # bit of a member's flags
# The last two: names that are no UTF-8, and fields that end too soon.
_FAILURES = (
    *(zipfile.BadZipFile, EOFError, NotImplementedError),
    *(ValueError, struct.error),
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
        try:
            with zipfile.ZipFile(self.path) as archive:
                infos = archive.infolist()
        except _FAILURES as error:
            raise DataError(
                f"Zip file {str(self.path)!r} is damaged or cut short: {error}; get it "
                "again."
            ) from None
        infos.sort(key=lambda info: info.header_offset)
        for info in infos:
            if not info.is_dir():
                yield self._member(info)

    def _member(self, info: zipfile.ZipInfo) -> Member:
        mode = info.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            kind = "link" if stat.S_ISLNK(mode) else "device"
            raise refused(self.path, f"{info.filename!r} is a {kind}")
        if info.flag_bits & _ENCRYPTED:
            raise refused(self.path, f"{info.filename!r} is encrypted")
        span = ZipSpan(
            self.path,
            info.header_offset,
            info.compress_size,
            info.file_size,
            info.compress_type,
            info.CRC,
        )
        return Member(safe_name(info.filename, self.path), info.file_size, span)
