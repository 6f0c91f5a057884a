"""A table of the user's own, ``path,label`` and, at will, ``split`` and ``group``.

It is text (comma, semicolon, tab) or an Excel workbook. A row names one image. Paths
are relative to the table's folder, or else to the working directory, or absolute (then
the split depends on them). ``split`` is empty or one of train, val (valid, validation,
dev) and test; ``group`` names what must stay together, such as a photograph that
several patches were cut from. Where a row says test, the test set is official; the same
holds for val. Columns may have other names: see `tables.choosing`.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kerastransfer.archives.spans import FileSpan, read_bounded
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.naming import absolute, refuse_archives, safe_name
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.own import grouping, split_choice
from kerastransfer.datasets.own.rows import SALT, ImageRow, list_rows
from kerastransfer.datasets.own.tables.cells import Table, read_table
from kerastransfer.datasets.own.tables.choosing import choose
from kerastransfer.datasets.own.tables.columns import Columns
from kerastransfer.datasets.own.tables.origins import Origin, find_origin
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description="A CSV file with a row for each image: path,label[,split,group].",
    auto_convert=True,
    may_change=True,
)


class _Contents(NamedTuple):
    """A table as it was understood."""

    rows: list[ImageRow]
    row_word: str
    origin: Origin
    digest: "hashlib._Hash"
    notes: list[str]


@dataclasses.dataclass(frozen=True, slots=True)
class CsvFile(ImageSource):
    """Reads the images that a table names.

    Parameters
    ----------
    file : Path
        Absolute.
    options : mapping of str to value
        Those of `column_options.TABLE`; None where nothing is said.
    working : Path
        The working directory.
    """

    file: Path
    options: Mapping[str, OptionValue]
    working: Path

    def check(self) -> None:
        """Refuse a file that is not there."""
        if not system.is_file(self.file):
            raise MissingError(f"File {quoted(self.file)} is not there.")

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every row's image; reads none, but looks that each is there.

        Raises
        ------
        MissingError
            If the file is not there.
        DataError
            If it cannot be read; the message names the line.
        """
        contents = self._read()
        if contents.notes:
            report.say(f"{self._name}: {'; '.join(contents.notes)}.")
        splits = self.options.get("splits")
        return list_rows(
            contents.rows,
            contents.origin,
            source=self._name,
            row_word=contents.row_word,
            digest=contents.digest,
            choice=split_choice.read_choice(None if splits is None else str(splits)),
            looked_in=[str(folder) for folder in self._folders()],
            grouping=grouping.read_grouping(self.options.get("group_by")),
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield image files."""
        try:
            folder = self._read().origin.folder
        except MissingError:  # the table is gone; its images may be there
            folder = self.file.parent
        return (whole(path, FileSpan(folder / path)) for path in sorted(paths))

    @property
    def _name(self) -> str:
        return quoted(self.file)

    def _read(self) -> _Contents:
        if system.is_folder(self.file):
            raise DataError(
                f"Expected a file after 'csv:', and {self._name} is a folder; name the "
                f"table in it, or 'folder:{self.file}'."
            )
        data = read_bounded(self.file)
        encoding = self.options.get("encoding")
        table = read_table(
            data, self._name, None if encoding is None else str(encoding)
        )
        columns = choose(table, self._name, self.options)
        rows = image_rows(table, columns, self._name)
        origin = find_origin([row.path for row in rows if row.path], self._folders())
        notes = [*table.notes, columns.note, self._note(origin)]
        return _Contents(
            rows=rows,
            row_word=table.row_word,
            origin=origin,
            digest=hashlib.sha256(data),
            notes=[note for note in notes if note],
        )

    def _folders(self) -> list[Path]:
        """Return what paths may be relative to, the likeliest first."""
        named = self.options.get("image_folder")
        if named is not None:
            return [Path(str(named))]
        return list(dict.fromkeys([self.file.parent, self.working]))

    def _note(self, origin: Origin) -> str:
        notes = []
        if origin.folder not in (self.file.parent, *self._folders()[:1]):
            notes.append(
                f"paths start from the working directory {quoted(origin.folder)}"
            )
        if origin.ending:
            notes.append(f"{quoted(origin.ending)} is added to each path")
        return "; ".join(notes)


def image_rows(table: Table, columns: Columns, where: str) -> list[ImageRow]:
    """Return a table's rows with the cells that count.

    Parameters
    ----------
    where : str
        Names the table in messages.

    Raises
    ------
    DataError
        If a row has no label, or several.
    """
    blank = [""] * len(table.rows)
    split, group = (
        blank if index is None else table.column(index)
        for index in (columns.split, columns.group)
    )
    cells = zip(
        (row.number for row in table.rows),
        table.column(columns.path),
        columns.labels(table, where),
        split,
        group,
        strict=True,
    )
    return [ImageRow(*each) for each in cells]


def dataset(
    text: str,
    archives: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset that the table called `text` lists.

    Parameters
    ----------
    options : mapping of str to value, optional
        See `column_options.TABLE`.

    Raises
    ------
    InputError
        If `text` is empty, `archives` is given, or an option cannot be read.
    """
    refuse_archives("csv", archives)
    if not text:
        raise InputError("Expected a file after 'csv:', such as csv:photos.csv.")
    file = absolute(text)
    options = grouping.with_column(options or {}, "a table")
    if options.get("image_folder") is not None:
        options["image_folder"] = str(absolute(str(options["image_folder"])))
    if options.get("splits") is not None:
        split_choice.read_choice(str(options["splits"]))
    return Dataset(
        name=safe_name("csv", file.stem, file),
        spec=f"csv:{file}",
        info=INFO,
        source=CsvFile(file, options, Path.cwd()),
        options=options,
        salt=SALT,
    )
