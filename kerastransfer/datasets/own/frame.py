"""A pandas data frame with a row for each image: path, label and, at will, more.

It is read like a CSV file in the current folder: ``split`` and ``group`` have the same
meaning, and the same rows give the same splits. Other columns are ignored.
"""

import dataclasses
import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kerastransfer.archives.spans import FileSpan
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.own.rows import NEEDED, OPTIONAL, SALT, ImageRow, list_rows
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError

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
    """

    rows: tuple[ImageRow, ...]
    folder: Path
    numbered: bool

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every row's image; reads none, but looks that each is there.

        Raises
        ------
        DataError
            If a row cannot be used; the message names it, counted from 0.
        """
        return list_rows(
            self.rows,
            self.folder,
            source="the data frame",
            row_word="row",
            digest=hashlib.sha256(self.content_hash().encode()),
            class_order=int if self.numbered else str,
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
        return digest.hexdigest()


def is_frame(data: object) -> bool:
    """Whether a value is a pandas data frame; pandas is not imported for it."""
    return any(
        base.__name__ == "DataFrame" and base.__module__.partition(".")[0] == "pandas"
        for base in type(data).__mro__
    )


def dataset(frame: Any) -> Dataset:
    """Return the dataset that a data frame lists.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the columns ``path`` and ``label`` and, at will, ``split`` and ``group``.

    Raises
    ------
    DataError
        If a column is missing or a cell cannot be used.
    """
    missing = [repr(name) for name in NEEDED if name not in frame.columns]
    if missing:
        names = ", ".join(repr(name) for name in frame.columns) or "none"
        raise DataError(
            "Expected columns 'path' and 'label' (and, if wanted, 'split' and 'group') "
            f"in the data frame, got {names}; {' and '.join(missing)} is missing."
        )
    columns = {name: _cells(frame, name) for name in (*NEEDED, *OPTIONAL)}
    rows = zip(*columns.values(), strict=True)
    source = FrameSource(
        rows=tuple(ImageRow(number, *cells) for number, cells in enumerate(rows)),
        folder=Path.cwd(),
        numbered=all(isinstance(cell, int) for cell in frame["label"].tolist()),
    )
    content = source.content_hash()[:8]
    return Dataset(
        name=f"frame_{content}",
        spec=f"frame:{content}",
        info=INFO,
        source=source,
        salt=SALT,
    )


def _cells(frame: Any, name: str) -> list[str]:
    """Return a column's cells as text, empty where there is none."""
    if name not in frame.columns:
        return [""] * len(frame)
    column = frame[name]
    return [
        "" if missing else _text(cell, name, number)
        for number, (cell, missing) in enumerate(
            zip(column.tolist(), column.isna().tolist(), strict=True)
        )
    ]


def _text(cell: object, name: str, number: int) -> str:
    if isinstance(cell, os.PathLike) and name == "path":
        return os.fspath(cell)
    if isinstance(cell, str) or (type(cell) is int and name != "path"):
        return str(cell).strip()
    raise DataError(
        f"The data frame, row {number:,}: expected a {name} of text"
        f"{'' if name == 'path' else ' or a whole number'}, got {cell!r}."
    )
