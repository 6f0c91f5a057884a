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
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.naming import refuse_archives, safe_name
from kerastransfer.datasets.own.rows import NEEDED, OPTIONAL, SALT, ImageRow, list_rows
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError

INFO = DatasetInfo(
    description="A CSV file with a row for each image: path,label[,split,group].",
    auto_convert=True,
    may_change=True,
)


@dataclasses.dataclass(frozen=True, slots=True)
class CsvFile(ImageSource):
    """Reads the images that a CSV file names.

    Parameters
    ----------
    file : Path
        Absolute.
    """

    file: Path

    def check(self) -> None:
        """Refuse a file that is not there."""
        if not self.file.is_file():
            raise MissingError(f"File {str(self.file)!r} is not there.")

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
        return list_rows(
            self._rows(self._text(data)),
            self.file.parent,
            source=f"{str(self.file)!r}",
            row_word="line",
            digest=hashlib.sha256(data),
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
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

    def _rows(self, text: str) -> Iterator[ImageRow]:
        """Yield rows, blanks stripped."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns: list[str] = []
        try:
            for cells in reader:
                cells = [cell.strip() for cell in cells]
                if not any(cells):
                    continue
                if columns:
                    yield self._row(reader.line_num, columns, cells)
                else:
                    columns = self._columns(reader.line_num, cells)
        except csv.Error as error:
            self._fail(reader.line_num, str(error))
        if not columns:
            self._fail(1, "expected a header 'path,label[,split,group]', got nothing")

    def _columns(self, line: int, cells: list[str]) -> list[str]:
        columns = [cell.lower() for cell in cells]
        for name in NEEDED:
            if name not in columns:
                self._fail(line, f"column {name!r} is missing from the header")
        for name in columns:
            if name not in (*NEEDED, *OPTIONAL):
                self._fail(
                    line,
                    f"expected columns path, label, split and group, got {name!r}",
                )
        if len(set(columns)) < len(columns):
            self._fail(line, f"a column stands twice in {','.join(columns)!r}")
        return columns

    def _row(self, line: int, columns: list[str], cells: list[str]) -> ImageRow:
        if len(cells) != len(columns):
            self._fail(line, f"expected {len(columns)} columns, got {len(cells)}")
        return ImageRow(line, **dict(zip(columns, cells, strict=True)))

    def _fail(self, line: int, reason: str) -> NoReturn:
        raise DataError(f"{str(self.file)!r}, line {line:,}: {reason}.")


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
        salt=SALT,
    )
