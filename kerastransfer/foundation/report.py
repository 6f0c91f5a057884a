"""What a person is told: lines on standard error, warnings, and values in notebooks.

Results go elsewhere. A warning points at the line outside this package from which it
was reached, however deep the code that gives it lies.
"""

import contextlib
import html
import sys
import warnings
from pathlib import Path
from typing import IO

from kerastransfer.foundation.quoting import printable

# Frames of context managers stand between this package's own.
_INSIDE = (str(Path(__file__).parents[1]), contextlib.__file__)


class KerasTransferWarning(UserWarning):
    """Something that was done, and that the person who called may not expect."""


class Preformatted:
    """A value that shows in a notebook what `str` gives, as it stands."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def say(text: str, *, end: str = "\n", stream: IO[str] | None = None) -> None:
    """Print a line on standard error; nothing where nobody can read it.

    Parameters
    ----------
    text : str
        One line or several; what else would speak to the terminal is escaped.
    end : str
        What follows the text.
    stream : text file, optional
        What stands for standard error.
    """
    stream = sys.stderr if stream is None else stream
    if stream is None:  # as without a console; print would take standard output
        return
    # A terminal or a pipe that is gone must not end the work that it was told of.
    with contextlib.suppress(OSError):
        print(printable(text, lines=True), end=end, file=stream, flush=True)


def warn(text: str) -> None:
    """Warn of something that goes on all the same."""
    warnings.warn(text, KerasTransferWarning, stacklevel=_level())


def _level() -> int:
    """Count the frames from `warn` to the first one outside the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    return level
