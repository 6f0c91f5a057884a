"""Images that a table names, a row each: shared by CSV files and data frames."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

from kerastransfer.datasets.class_names import match_rows
from kerastransfer.datasets.listing import Item, Listing, SplitName, make_listing
from kerastransfer.datasets.own.alike_paths import AlikePaths
from kerastransfer.datasets.own.folder import SPLITS, stamp
from kerastransfer.errors import DataError

NEEDED = ("path", "label")
OPTIONAL = ("split", "group")
# Splits depend on paths and this word, not on where the table is.
SALT = "csv"


class ImageRow(NamedTuple):
    """One image.

    Parameters
    ----------
    number : int
        Of the row or line, for messages.
    path : str
        Relative to the table's folder, or absolute.
    split, group : str
        Empty where there is none.
    """

    number: int
    path: str
    label: str
    split: str = ""
    group: str = ""


class Digest(Protocol):
    """A hash that is being computed, such as ``hashlib.sha256()``."""

    def update(self, data: bytes, /) -> None:
        """Add some bytes."""

    def hexdigest(self) -> str:
        """Return the hash."""


def list_rows(
    rows: Iterable[ImageRow],
    folder: Path,
    *,
    source: str,
    row_word: str,
    digest: Digest,
    class_order: Callable[[str], Any] = str,
) -> Listing:
    """List the images that rows name; none is read, but each must be there.

    Parameters
    ----------
    folder : Path
        That relative paths start from.
    source, row_word : str
        Name the table and its rows in messages, such as ``'a.csv'`` and ``line``.
    digest : Digest
        Of the table; the files' sizes and times are added to it.
    class_order : callable
        From a label to what classes are sorted by.

    Raises
    ------
    DataError
        If a row cannot be used; the message names it.
    """
    checked = [_checked(row, f"{source}, {row_word}") for row in rows]
    class_of = match_rows([(_split_of(row) or "", row.label) for row in checked])
    classes = sorted(set(class_of.values()), key=class_order)
    labels = {name: label for label, name in enumerate(classes)}
    items: dict[str, Item] = {}
    alike = AlikePaths()
    for row in checked:
        path = _path(row, folder, f"{source}, {row_word}", alike)
        if path in items:
            fail(f"{source}, {row_word}", row, f"path {row.path!r} stands twice")
        digest.update(stamp(path, folder / path))
        split = _split_of(row)
        label = labels[class_of[split or "", row.label]]
        items[path] = Item(path, label, split, row.group or None)
    alike.tell(source)
    return make_listing(classes, items.values(), digest.hexdigest(), where=source)


def fail(where: str, row: ImageRow, reason: str) -> NoReturn:
    """Raise DataError for a row."""
    raise DataError(f"{where} {row.number:,}: {reason}.")


def _checked(row: ImageRow, where: str) -> ImageRow:
    for name in NEEDED:
        if not getattr(row, name):
            fail(where, row, f"the {name} is empty")
    if row.split and row.split.lower() not in SPLITS:
        fail(where, row, f"expected split train, val or test, got {row.split!r}")
    return row


def _split_of(row: ImageRow) -> SplitName | None:
    return SPLITS[row.split.lower()] if row.split else None


def _path(row: ImageRow, folder: Path, where: str, alike: AlikePaths) -> str:
    """Spell a path in one way, so that a file named twice is seen."""
    whole = Path(os.path.normpath(folder / row.path))
    whole = whole if whole.is_file() else alike.find(whole) or whole
    if not whole.is_file():
        fail(where, row, f"file {row.path!r} is not there")
    if whole.is_relative_to(folder):
        return whole.relative_to(folder).as_posix()
    return whole.as_posix()
