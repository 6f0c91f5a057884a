"""A pandas data frame with a row for each image: path, label and, at will, more.

It is read like a CSV file in the current folder: ``split`` and ``group`` have the same
meaning, and the same rows give the same splits. Columns of other names are found as a
CSV file's are; others are ignored.
"""

import dataclasses
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.archives.spans import FileSpan
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.own import grouping
from kerastransfer.datasets.own.grouping import Grouping
from kerastransfer.datasets.own.rows import NEEDED, OPTIONAL, SALT, ImageRow, list_rows
from kerastransfer.datasets.own.tables.cells import Table, TableRow
from kerastransfer.datasets.own.tables.choosing import choose
from kerastransfer.datasets.own.tables.columns import Columns
from kerastransfer.datasets.own.tables.origins import Origin
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description="A data frame with a row for each image.",
    auto_convert=True,
    may_change=True,
)


@dataclasses.dataclass(frozen=True, slots=True)
class FrameSource(ImageSource):
    """Reads the images that a data frame names.

    Parameters
    ----------
    folder : Path
        That relative paths start from.
    numbered : bool
        Whether labels are whole numbers, by which classes are then sorted.
    grouping : Grouping, optional
        How paths tell groups, in the place of a column.
    """

    rows: tuple[ImageRow, ...]
    folder: Path
    numbered: bool
    grouping: Grouping | None = None

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every row's image; reads none, but looks that each is there.

        Raises
        ------
        DataError
            If a row cannot be used; the message names it, counted from 0.
        """
        return list_rows(
            self.rows,
            Origin(self.folder),
            source="the data frame",
            row_word="row",
            digest=hashlib.sha256(self.content_hash().encode()),
            class_order=int if self.numbered else str,
            grouping=self.grouping,
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield image files."""
        return (whole(path, FileSpan(self.folder / path)) for path in sorted(paths))

    def content_hash(self) -> str:
        """Hash every row, with its file's whole path."""
        digest = hashlib.sha256(str(self.numbered).encode())
        for row in self.rows:
            path = os.path.normpath(self.folder / row.path)
            cells = repr((path, row.label, row.split, row.group))
            digest.update(cells.encode("utf-8", "surrogateescape"))
        if self.grouping is not None:
            digest.update(repr(self.grouping).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def is_frame(data: object) -> bool:
    """Whether a value is a pandas data frame; pandas is not imported for it."""
    return any(
        base.__name__ == "DataFrame" and base.__module__.partition(".")[0] == "pandas"
        for base in type(data).__mro__
    )


def dataset(frame: Any, options: Mapping[str, OptionValue] | None = None) -> Dataset:
    """Return the dataset that a data frame lists.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the columns ``path`` and ``label`` and, at will, ``split`` and ``group``,
        or with others that mean the same.
    options : mapping of str to value, optional
        Which column is what, and what tells groups; see `column_options.FRAME`.

    Raises
    ------
    InputError
        If the user names a column that is not there, or no pattern can be read.
    DataError
        If a column is missing or a cell cannot be used.
    """
    names = [str(name) for name in frame.columns]
    options = grouping.with_column(options or {}, "a data frame")
    exact = all(frame.columns.tolist().count(name) == 1 for name in NEEDED)
    if exact and all(value is None for value in options.values()):
        chosen = Columns(
            path=names.index("path"),
            label=names.index("label"),
            split=names.index("split") if "split" in names else None,
            group=names.index("group") if "group" in names else None,
        )
    else:
        chosen = _choose(frame, names, options)
    rows = _rows(frame, names, chosen)
    label = None if chosen.label is None else frame.iloc[:, chosen.label].tolist()
    source = FrameSource(
        rows=tuple(rows),
        folder=Path.cwd(),
        numbered=label is not None and all(isinstance(cell, int) for cell in label),
        grouping=grouping.read_grouping(options.get("group_by")),
    )
    content = source.content_hash()[:8]
    return Dataset(
        name=f"frame_{content}",
        spec=f"frame:{content}",
        info=INFO,
        source=source,
        salt=SALT,
    )


def _choose(
    frame: Any, names: list[str], options: Mapping[str, OptionValue]
) -> Columns:
    """Find the columns by their names and what they hold, and say what was guessed."""
    cells = [
        ["" if missing else str(cell).strip() for cell, missing in _pairs(frame, index)]
        for index in range(len(names))
    ]
    rows = (
        TableRow(number, each) for number, each in enumerate(zip(*cells, strict=True))
    )
    table = Table(tuple(names), tuple(rows), row_word="row")

    def lacking(roles: Sequence[str]) -> DataError:
        missing = " and ".join(map(repr, roles))
        listed = ", ".join(map(repr, names)) or "none"
        return DataError(
            "Expected columns 'path' and 'label' (and, if wanted, 'split' and 'group') "
            f"in the data frame, got {listed}; {missing} is missing."
        )

    columns = choose(table, "the data frame", options, lacking)
    if columns.note:
        report.say(f"The data frame: {columns.note}.")
    return columns


def _rows(frame: Any, names: list[str], columns: Columns) -> list[ImageRow]:
    """Return the rows with the cells that count."""
    blank = [""] * len(frame)
    indices = (columns.path, columns.label, columns.split, columns.group)
    read = [
        blank if index is None else _cells(frame, index, role)
        for index, role in zip(indices, (*NEEDED, *OPTIONAL), strict=True)
    ]
    if columns.label is None:
        marks = [_marks(frame, index) for index in columns.classes]
        table = Table(
            tuple(names[index] for index in columns.classes),
            tuple(TableRow(n, row) for n, row in enumerate(zip(*marks, strict=True))),
            row_word="row",
        )
        every = tuple(range(len(marks)))
        own = dataclasses.replace(columns, classes=every)
        read[1] = own.labels(table, "the data frame")
    return [
        ImageRow(number, *cells) for number, cells in enumerate(zip(*read, strict=True))
    ]


def _pairs(frame: Any, index: int) -> Iterator[tuple[Any, bool]]:
    column = frame.iloc[:, index]
    return zip(column.tolist(), column.isna().tolist(), strict=True)


def _marks(frame: Any, index: int) -> list[str]:
    return [str(cell).strip() for cell, _ in _pairs(frame, index)]


def _cells(frame: Any, index: int, role: str) -> list[str]:
    """Return a column's cells as text, empty where there is none."""
    return [
        "" if missing else _text(cell, role, number)
        for number, (cell, missing) in enumerate(_pairs(frame, index))
    ]


def _text(cell: object, name: str, number: int) -> str:
    if isinstance(cell, os.PathLike) and name == "path":
        return os.fspath(cell)
    if isinstance(cell, str) or (type(cell) is int and name != "path"):
        return str(cell).strip()
    raise DataError(
        f"The data frame, row {number:,}: expected a {name} of text"
        f"{'' if name == 'path' else ' or a whole number'}, got {quoted(cell)}."
    )
