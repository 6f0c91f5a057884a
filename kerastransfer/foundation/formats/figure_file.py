"""Figures in files: matplotlib, which is an extra, and the same bytes each time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")
_DPI = 200
_DATES = {".svg": "Date", ".pdf": "CreationDate"}
_SETTINGS: Any = {"svg.hashsalt": "kerastransfer"}


def check(path: Path, what: str, tables: Sequence[str] = ()) -> None:
    """Refuse a file that could not be written; cheap, to be asked before the work.

    Parameters
    ----------
    what : str
        Such as ``"a confusion matrix"``.
    tables : sequence of str
        Endings that are no figures and are written all the same.

    Raises
    ------
    InputError
        If it is a folder, or its ending is none of these.
    MissingError
        If a figure is asked for and matplotlib is not installed.
    """
    ending = path.suffix.lower()
    if path.is_dir():
        raise InputError(f"Expected a file, and {quoted(path)} is a folder.")
    if ending not in (*tables, *ENDINGS):
        raise InputError(
            f"Expected {what} that ends in {', '.join((*tables, *ENDINGS))}, got "
            f"{quoted(path)}."
        )
    if ending in ENDINGS:
        try:
            import matplotlib as mpl  # noqa: F401
        except ImportError:
            others = f", or name a {tables[0]}" if tables else ""
            raise MissingError(
                f"A figure needs matplotlib: pip install 'kerastransfer[plot]'{others}."
            ) from None


def write(path: Path, figure: "Figure") -> None:
    """Write a figure, whole or not at all, without a date."""
    import matplotlib as mpl

    key = _DATES.get(path.suffix.lower())
    metadata = {key: None} if key else {}
    with mpl.rc_context(_SETTINGS), atomic.replacing(path, path.suffix) as scratch:
        figure.savefig(scratch, dpi=_DPI, metadata=metadata)
