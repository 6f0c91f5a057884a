"""Headers of tar files, read with distrust.

Python's ``tarfile`` takes a damaged header behind the first one for the end of the
archive, reads headers that extend others whole, however long they say they are, and
believes a negative size. Here a damaged header is an error and the others are refused.
"""

import tarfile
from typing import NoReturn

from kerastransfer.foundation.quoting import quoted

_MOST = 1 << 53  # bytes of a member: beyond any disk, and offsets stay small numbers
# Bytes of a header that extends others: names, times, attributes. ``tarfile`` searches
# it in a time that grows with the square of its length.
_LARGEST = 1 << 16
_CHAIN = 16  # such headers before one member; honest archives have two or three
_CUT_SHORT = (
    tarfile.EmptyHeaderError,  # type: ignore[attr-defined]
    tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]
)
_EXTENDING = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)


class RefusedError(tarfile.TarError):
    """A header is one that no honest dataset needs; the message says which."""


class Header(tarfile.TarInfo):
    """One member's header, with what extends it."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "Header":
        """Read the next member's header.

        Raises
        ------
        tarfile.EOFHeaderError
            If the archive ends here as it should, with a block of zeros.
        tarfile.ReadError
            If the header is damaged, or there is none.
        RefusedError
            If it is hostile.
        """
        try:
            header = super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except _CUT_SHORT:
            raise tarfile.ReadError("its end is missing") from None
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"a header does not hold, {error}") from None
        assert isinstance(header, Header)
        header.check_size()  # which an extending header may have changed
        return header

    def check_size(self) -> None:
        """Refuse a size that leads backwards, or beyond every disk."""
        if not 0 <= self.size <= _MOST:
            raise RefusedError(
                f"{quoted(self.name)} states a size of {self.size} bytes"
            )

    def _proc_member(self, tar: "CheckedTar") -> "Header":
        self.check_size()
        tar.count(self)
        header: Header = super()._proc_member(tar)  # type: ignore[misc]
        return header

    def _proc_sparse(self, *_: object) -> NoReturn:
        raise RefusedError(f"{quoted(self.name)} is a sparse file")

    # Where POSIX's style says so in an extending header.
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_sparse


class CheckedTar(tarfile.TarFile):
    """A tar file whose every header is checked; open it to read only."""

    tarinfo = Header
    # Numbers of the class, for the first header is read while the object is made.
    _chain = 0  # extending headers since the last member
    _lasting = 0  # bytes of those that hold for all members behind them

    def count(self, header: Header) -> None:
        """Refuse extending headers that are large or many, before one is read.

        Raises
        ------
        RefusedError
        """
        if header.type not in _EXTENDING:
            self._chain = 0
            return
        self._chain += 1
        size = header.size
        if header.type == tarfile.XGLTYPE:
            self._lasting += tarfile.BLOCKSIZE + size
            size = self._lasting
        if size > _LARGEST:
            raise RefusedError(f"it holds {size:,} bytes that extend a header")
        if self._chain > _CHAIN:
            raise RefusedError(f"over {_CHAIN} headers extend one")
