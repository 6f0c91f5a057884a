"""A CSV file of the user's own: ``path,label`` and, at will, ``split`` and ``group``.

A row names one image. Paths are relative to the CSV file's folder, or absolute (then
the split depends on them). ``split`` is empty or one of train, val (valid, validation,
dev) and test; ``group`` names what must stay together, such as a photograph that
several patches were cut from. Where a row says test, the test set is official; the same
holds for val.
"""

import csv
import dataclasses
import hashlib
import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NoReturn

from kerastransfer.archives.spans import FileSpan, read_bounded
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.naming import refuse_archives, safe_name
from kerastransfer.datasets.own.folder import SPLITS, stamp
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError

INFO = DatasetInfo(
    description="A CSV file with a row for each image: path,label[,split,group].",
    auto_convert=True,
    may_change=True,
)
_NEEDED = ("path", "label")
_OPTIONAL = ("split", "group")


@dataclasses.dataclass(frozen=True, slots=True)
class CsvFile(ImageSource):
    """Reads the images that a CSV file names.

    Parameters
    ----------
    file : Path
        Absolute.
    """

    file: Path

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every row's image; reads none, but looks that each is there.

        Raises
        ------
        MissingError
            If the CSV file is not there.
        DataError
            If it cannot be read; the message names the line.
        """
        data = read_bounded(self.file)
        digest = hashlib.sha256(data)
        rows = list(self._rows(self._text(data)))
        classes = sorted({row["label"] for _, row in rows})
        labels = {name: label for label, name in enumerate(classes)}
        items: dict[str, Item] = {}
        for line, row in rows:
            path = self._path(line, row["path"])
            if path in items:
                self._fail(line, f"path {row['path']!r} stands twice")
            digest.update(stamp(path, self.file.parent / path))
            split = SPLITS[row["split"].lower()] if row["split"] else None
            items[path] = Item(path, labels[row["label"]], split, row["group"] or None)
        return make_listing(
            classes, items.values(), digest.hexdigest(), where=f"{str(self.file)!r}"
        )

    def blobs(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield image files."""
        return (
            whole(path, FileSpan(self.file.parent / path)) for path in sorted(paths)
        )

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._fail(line, "expected UTF-8 text")

    def _rows(self, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield (line, row), each row with every column, blanks stripped."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns: list[str] = []
        try:
            for cells in reader:
                cells = [cell.strip() for cell in cells]
                if not any(cells):
                    continue
                if columns:
                    yield reader.line_num, self._row(reader.line_num, columns, cells)
                else:
                    columns = self._columns(reader.line_num, cells)
        except csv.Error as error:
            self._fail(reader.line_num, str(error))
        if not columns:
            self._fail(1, "expected a header 'path,label[,split,group]', got nothing")

    def _columns(self, line: int, cells: list[str]) -> list[str]:
        columns = [cell.lower() for cell in cells]
        for name in _NEEDED:
            if name not in columns:
                self._fail(line, f"column {name!r} is missing from the header")
        for name in columns:
            if name not in (*_NEEDED, *_OPTIONAL):
                self._fail(
                    line,
                    f"expected columns path, label, split and group, got {name!r}",
                )
        if len(set(columns)) < len(columns):
            self._fail(line, f"a column stands twice in {','.join(columns)!r}")
        return columns

    def _row(self, line: int, columns: list[str], cells: list[str]) -> dict[str, str]:
        if len(cells) != len(columns):
            self._fail(line, f"expected {len(columns)} columns, got {len(cells)}")
        row = dict.fromkeys(_OPTIONAL, "") | dict(zip(columns, cells, strict=True))
        for name in _NEEDED:
            if not row[name]:
                self._fail(line, f"the {name} is empty")
        if row["split"] and row["split"].lower() not in SPLITS:
            self._fail(line, f"expected split train, val or test, got {row['split']!r}")
        return row

    def _path(self, line: int, text: str) -> str:
        """Spell a path in one way, so that a file named twice is seen."""
        folder = self.file.parent
        whole = Path(os.path.normpath(folder / text))
        if not whole.is_file():
            self._fail(line, f"file {text!r} is not there")
        if whole.is_relative_to(folder):
            return whole.relative_to(folder).as_posix()
        return whole.as_posix()

    def _fail(self, line: int, what: str) -> NoReturn:
        raise DataError(f"{str(self.file)!r}, line {line:,}: {what}.")


def dataset(text: str, archives: Path | None = None) -> Dataset:
    """Return the dataset that the CSV file called `text` lists.

    Raises
    ------
    InputError
        If `text` is empty, or `archives` is given.
    """
    refuse_archives("csv", archives)
    if not text:
        raise InputError("Expected a file after 'csv:', such as csv:photos.csv.")
    file = Path(os.path.normpath(Path(text).expanduser().absolute()))
    return Dataset(
        name=safe_name("csv", file.stem, file),
        spec=f"csv:{file}",
        info=INFO,
        source=CsvFile(file),
        salt="csv",
    )
