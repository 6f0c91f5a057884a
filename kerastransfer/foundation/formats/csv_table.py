"""CSV tables that a spreadsheet opens, and in which nothing is a formula."""

import csv
from collections.abc import Iterable
from pathlib import Path

from kerastransfer.foundation import atomic

# How a cell begins that a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: it gets an apostrophe.

    Examples
    --------
    >>> harmless("=1+1.png"), harmless("cat.png"), harmless(-0.5)
    ("'=1+1.png", 'cat.png', -0.5)
    """
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def write(path: Path, rows: Iterable[Iterable[object]], delimiter: str = ",") -> None:
    """Write rows of cells, whole or not at all, as UTF-8 with its mark.

    The mark is what spreadsheets know UTF-8 by. Names that are no text keep their
    bytes.
    """
    with (
        atomic.replacing(path, path.suffix) as scratch,
        scratch.open(
            "w", newline="", encoding="utf-8-sig", errors="surrogateescape"
        ) as file,
    ):
        writer = csv.writer(file, delimiter=delimiter)
        for row in rows:
            writer.writerow([harmless(cell) for cell in row])
