"""Errors that kerastransfer raises on purpose; each is one line a user can act on.

::

    KerasTransferError
    ├── InputError        (ValueError)         an argument is out of its range
    │   └── RecipeError                        a recipe cannot be read or used
    ├── DataError         (ValueError)         images, records or archives are wrong
    ├── WeightsError      (ValueError)         a weight file is damaged or does not fit
    ├── MissingError      (FileNotFoundError)  a file or folder that is needed is absent
    ├── UnknownNameError  (LookupError)        no table holds that name
    └── Terminated                             stopped by a signal; nothing is lost

Any other exception is a fault of this package and keeps its traceback.
"""

import difflib
import re
from collections.abc import Iterable

from kerastransfer.foundation.quoting import printable, quoted

__all__ = [
    "DataError",
    "InputError",
    "KerasTransferError",
    "MissingError",
    "RecipeError",
    "Terminated",
    "UnknownNameError",
    "WeightsError",
]

_MOST_KNOWN = 1_500  # characters of a list of names, which are those of all datasets
_LONGEST_NAME = 80
_LONGEST = 1_700  # characters of a message
_OF_KERAS = re.compile(
    r"\x1b\[[0-9]*m|Exception encountered when calling [^\n]*"
    r"|Could not automatically infer the output shape[^\n]*Error encountered:"
)


class KerasTransferError(Exception):
    r"""Base class of all errors that the caller can correct.

    Its text is one printable line, whatever it quotes of a file that was made to harm:
    what steers a terminal is spelled out, and the middle of what is long is left out.

    Examples
    --------
    >>> print(KerasTransferError("a\x1b[31mb\nc"))
    a\x1b[31mb c
    """

    def __str__(self) -> str:
        text = re.sub(r"\s*[\r\n]+\s*", " ", super().__str__().strip())
        return printable(text, _LONGEST)


class InputError(KerasTransferError, ValueError):
    """An argument is out of its range."""


class RecipeError(InputError):
    """A recipe cannot be read, or does not fit the network or the data."""


class DataError(KerasTransferError, ValueError):
    """Images, records or archives are not what they should be."""


class WeightsError(KerasTransferError, ValueError):
    """A weight file is damaged, hostile, or does not fit the network."""


class MissingError(KerasTransferError, FileNotFoundError):
    """A file or folder that is needed is not there."""


class Terminated(KerasTransferError):  # noqa: N818 (no error)
    """A signal ended the process, which has saved its progress.

    Parameters
    ----------
    code : int
        Exit code: 128 plus the signal's number.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)  # what a pickle calls the class with

    def __str__(self) -> str:
        return "Stopped; the same command goes on from here."


class UnknownNameError(KerasTransferError, LookupError):
    """A name is not in the table that should hold it.

    Parameters
    ----------
    kind : str
        What the names stand for, such as ``"dataset"``.
    name : str
        The unknown name.
    known : iterable of str
        All names that exist.

    Examples
    --------
    >>> print(UnknownNameError("dataset", "cub20", ["cub200", "coral"]))
    Unknown dataset 'cub20'; known: coral, cub200. Did you mean 'cub200'?
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        # Kept because an exception is pickled as its class and its arguments.
        self._arguments = (kind, name, known)
        names = printable(", ".join(known), _MOST_KNOWN) or "none"
        message = f"Unknown {kind} {quoted(name, _LONGEST_NAME)}; known: {names}."
        # Comparing takes time with the square of a name's length.
        close = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), known, n=1)
        if close:
            message += f" Did you mean {quoted(close[0])}?"
        super().__init__(message)

    def __reduce__(self) -> tuple[type["UnknownNameError"], tuple[str, str, list[str]]]:
        return type(self), self._arguments


def first_line(error: Exception) -> str:
    r"""Return the kind of a foreign error and the first line of what it says.

    Lines that Keras puts before what a layer says are left out.

    Examples
    --------
    >>> first_line(OSError("no table\nof that name"))
    "OSError: 'no table'."
    """
    text = _OF_KERAS.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{type(error).__name__}: {quoted(lines[0] if lines else '')}."
