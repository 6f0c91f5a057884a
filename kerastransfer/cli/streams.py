r"""Standard output and error as they come: in ASCII, closed, or with nobody reading.

What an encoding cannot hold is printed escaped (``\xe9``, ``\udcff``), so that no row
is lost. Notes on standard error that nobody can read do not end the work; results on
standard output that nobody reads do, quietly, with the code of a broken pipe.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import printable
from kerastransfer.foundation.report import say

if TYPE_CHECKING:
    from rich.console import Console

BROKEN_PIPE = 141  # 128 and SIGPIPE, as a shell reports tools that the signal ended
_NARROWEST = 80  # columns of a table; in fewer its words would be cut
_PLAIN = (None, 0, 1)  # exit codes that say nothing which a failed output does not


def prepare() -> None:
    """Make the standard streams such that printing to them does not fail for nothing.

    Before anything else is opened: a file that took the number of a closed stream would
    get what libraries write there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.excepthook, sys.unraisablehook = _report, _report_unraisable
    # Python makes streams that were closed None, which print and libraries trip over.
    sys.stdout = _Watched.around(sys.stdout or _null(), ends_work=True)
    sys.stderr = _Watched.around(sys.stderr or _null(), ends_work=False)


@contextmanager
def flushed() -> Iterator[None]:
    """Bring what was printed to its reader, and say with the exit code if that failed.

    Raises
    ------
    SystemExit
        With `BROKEN_PIPE` where nobody reads standard output any more, and 1 where its
        disk is full.
    """
    try:
        yield
    except (SystemExit, OSError) as ended:
        with suppress(OSError):
            sys.stdout.flush()
        error = output_error()
        if error is None or getattr(ended, "code", 1) not in _PLAIN:
            raise
        # Windows says EINVAL of a pipe without a reader.
        if isinstance(error, BrokenPipeError) or error.errno == errno.EINVAL:
            raise SystemExit(BROKEN_PIPE) from None
        say(f"kerastransfer: error: {error.strerror or error}: standard output")
        raise SystemExit(1) from None


def output_error() -> OSError | None:
    """Return why standard output cannot be written, where that was tried in vain."""
    raw = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    return raw.error if isinstance(raw, _Watched) else None


def show(value: object) -> None:
    """Print what a value says of itself, in one line or several, on standard output."""
    print(printable(str(value), lines=True))


def console() -> "Console":
    """Return what tables are printed on, which takes texts as they are."""
    from rich.console import Console

    # [red] and :cat: may be parts of a folder's name.
    return Console(width=max(Console().width, _NARROWEST), markup=False, emoji=False)


def _is_repeated(error: BaseException | None) -> bool:
    """Whether HDF5 says again, of a file that is given up, that its disk is full."""
    return system.is_full(error) and "decrement id ref count" in str(error)


def _report(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if not _is_repeated(error):
        sys.__excepthook__(kind, error, trace)


def _report_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if not _is_repeated(unraisable.exc_value):
        sys.__unraisablehook__(unraisable)


class _Watched(io.RawIOBase):
    """Writes until that fails, and then passes over what it is given.

    Parameters
    ----------
    stream : text file
        Kept, for it would close its descriptor if it went.
    ends_work : bool
        Whether the failure is raised, once.
    """

    def __init__(self, stream: TextIO, raw: Any, *, ends_work: bool) -> None:
        self.error: OSError | None = None
        self._stream = stream
        self._raw = raw
        self._ends_work = ends_work

    @classmethod
    def around(cls, stream: TextIO, *, ends_work: bool) -> TextIO:
        """Return a text file like a standard stream, that escapes and is watched."""
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", buffer)
        if not (isinstance(stream, io.TextIOWrapper) and isinstance(raw, io.RawIOBase)):
            return stream  # somebody's own
        watched = cls(stream, raw, ends_work=ends_work)
        unbuffered = stream.write_through
        return io.TextIOWrapper(
            watched if unbuffered else io.BufferedWriter(watched),  # type: ignore
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=unbuffered,
        )

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int | None:
        if self.error is None:
            try:
                written: int | None = self._raw.write(data)
                return written
            except OSError as error:
                self.error = error
                if self._ends_work:
                    raise
        return len(data)


def _null() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (stays open)
