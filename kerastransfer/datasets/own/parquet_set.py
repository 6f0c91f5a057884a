"""Parquet files with a column of images and one of labels, as Hugging Face's are.

A row holds one image: its encoded bytes, a struct of ``bytes`` and ``path``, or a path.
Labels are texts, or numbers whose names stand in the schema's metadata. Splits are told
by files' names (``train-00000-of-00002.parquet``) or folders'.
"""

import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from kerastransfer.archives.spans import MAX_BYTES, FileSpan, Held, Readable, Unreadable
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Listing, SplitName, make_listing
from kerastransfer.datasets.naming import (
    absolute,
    is_dropping,
    refuse_archives,
    safe_name,
)
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.own import column_options, grouping, split_choice
from kerastransfer.datasets.own.folder import stamp
from kerastransfer.datasets.own.stored.labels import Labelled, items_of
from kerastransfer.datasets.own.stored.parquet_columns import (
    ParquetColumns,
    choose_columns,
)
from kerastransfer.datasets.own.stored.parquet_files import columns_of, open_file
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description="Parquet files with a column of images and one of labels.",
    auto_convert=True,
    may_change=True,
)
OPTIONS = (
    column_options.PATH,
    column_options.LABEL,
    column_options.GROUP,
    column_options.SPLITS,
    grouping.GROUP_BY,
)
_SHARD = re.compile(r"(?P<word>.+?)(?:-(?P<number>\d+)-of-(?P<count>\d+).*|[-_.]\d+)?")
_BATCH = 64  # images that are in memory at a time


@dataclasses.dataclass(frozen=True, slots=True)
class ParquetSet(ImageSource):
    """Reads images out of Parquet files.

    Parameters
    ----------
    root : Path
        A file, or a folder that holds files; absolute.
    options : mapping of str to value
        Those of `OPTIONS`; None where nothing is said.
    """

    root: Path
    options: Mapping[str, OptionValue]

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<file>/<row>`` of every row with a label; reads no image.

        Raises
        ------
        MissingError
            If the file is not there, or pyarrow is not installed.
        DataError
            If it cannot be used.
        """
        files = self._files()
        words = {file: _word(file, self.root) for file in files}
        splits = self._splits(set(words.values()))
        columns = self._columns(files[0])
        if columns.note:
            report.say(f"{self._where}: {columns.note}.")
        ignored = Counter[str]()
        labelled, digest = [], hashlib.sha256()
        for file in files:
            digest.update(stamp(self._name(file), file))
            if words[file] not in splits:
                rows = open_file(file).metadata.num_rows
                ignored[f"images of the split {words[file]}"] += rows
                continue
            labelled.append(self._labelled(file, splits[words[file]], columns))
        classes, items = items_of(labelled, columns.classes, self._where, ignored)
        return make_listing(
            classes, items, digest.hexdigest(), where=self._where, ignored=ignored
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield encoded images, as they are stored."""
        wanted: dict[str, dict[int, str]] = {}
        for path in paths:
            name, _, row = path.rpartition("/")
            wanted.setdefault(name, {})[int(row)] = path
        files = {self._name(file): file for file in self._files()}
        for name in sorted(wanted.keys() & files.keys()):
            column = self._columns(files[name]).image
            for index, value in _cells(files[name], column):
                if index in wanted[name]:
                    content = _content(value, files[name].parent)
                    yield whole(wanted[name][index], content)

    def described(self, info: DatasetInfo) -> DatasetInfo:
        """Add what the schema says of the dataset."""
        about = self._columns(self._files()[0]).about
        return dataclasses.replace(
            info,
            description=about.get("description") or info.description,
            citation=about.get("citation", ""),
            licence=about.get("license", ""),
            url=about.get("homepage", ""),
        )

    @property
    def _where(self) -> str:
        return quoted(self.root)

    def _name(self, file: Path) -> str:
        top = self.root.parent if self.root == file else self.root
        return file.relative_to(top).as_posix()

    def _files(self) -> list[Path]:
        if system.is_file(self.root):
            return [self.root]
        if not system.is_folder(self.root):
            raise MissingError(f"File or folder {self._where} is not there.")
        files = sorted(
            path
            for path in self.root.rglob("*.parquet")
            if system.is_file(path)
            and not any(map(is_dropping, path.relative_to(self.root).parts))
        )
        if not files:
            raise DataError(_none_there(self.root))
        self._refuse_several(files)
        self._refuse_missing(files)
        return files

    def _refuse_missing(self, files: Collection[Path]) -> None:
        """Refuse a split of which a file is not there: it would be a smaller one."""
        numbers: dict[tuple[Path, str, int], set[int]] = {}
        for file in files:
            match = _SHARD.fullmatch(file.stem)
            if match and match["count"]:
                key = (file.parent, match["word"], int(match["count"]))
                numbers.setdefault(key, set()).add(int(match["number"]))
        for (_, word, count), there in numbers.items():
            if len(there) < count:
                first = next(number for number in range(count) if number not in there)
                raise DataError(
                    f"Expected {count:,} files of split {quoted(word)} in "
                    f"{self._where}, got {len(there):,}; number {first} is missing: "
                    "get it."
                )

    def _refuse_several(self, files: Collection[Path]) -> None:
        """Refuse several datasets (configurations) below one folder."""
        folders = {file.parent for file in files}
        sets = {
            folder.parent if split_choice.split_of(folder.name) else folder
            for folder in folders
        }
        if len(sets) > 1:
            names = ", ".join(sorted(quoted(self._name(folder)) for folder in sets))
            raise DataError(
                f"Expected one dataset in {self._where}, got Parquet files in {names}; "
                "name one of these folders."
            )

    def _splits(self, words: Collection[str]) -> dict[str, SplitName | None]:
        splits = self.options.get("splits")
        choice = split_choice.read_choice(None if splits is None else str(splits))
        return split_choice.understand(words, self._where, choice)

    def _columns(self, file: Path) -> ParquetColumns:
        return choose_columns(open_file(file).schema_arrow, quoted(file), self.options)

    def _labelled(
        self, file: Path, split: SplitName | None, columns: ParquetColumns
    ) -> Labelled:
        own = self._columns(file)
        if (own.image, own.label, own.classes) != (
            columns.image,
            columns.label,
            columns.classes,
        ):
            raise DataError(
                f"Expected the same columns and classes in all files of {self._where}, "
                f"and {quoted(file.name)} has others."
            )
        names = [name for name in (columns.label, columns.group) if name]
        cells = columns_of(file, names)
        labels = cells[columns.label]
        groups: list[str | None] = []
        if columns.group is not None:
            groups = [
                None if cell is None else str(cell) for cell in cells[columns.group]
            ]
        return Labelled(self._name(file), split, labels, groups)


def dataset(
    text: str,
    archives: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset in the Parquet file, or the folder of them, called `text`.

    Raises
    ------
    InputError
        If `text` is empty, `archives` is given, or an option cannot be read.
    """
    refuse_archives("parquet", archives)
    if not text:
        raise InputError(
            "Expected a file or folder after 'parquet:', such as parquet:train.parquet."
        )
    root = absolute(text)
    options = grouping.with_column(options or {}, "a Parquet file", has_paths=False)
    if options.get("splits") is not None:
        split_choice.read_choice(str(options["splits"]))
    return Dataset(
        name=safe_name("parquet", root.stem, root),
        spec=f"parquet:{root}",
        info=INFO,
        source=ParquetSet(root, options),
        options=options,
        salt="parquet",
    )


def _word(file: Path, root: Path) -> str:
    """Return the name of a file's split: the file's own, or its folder's."""
    match = _SHARD.fullmatch(file.stem)
    word = match["word"] if match else file.stem
    above = file.parent.name
    if file != root and file.parent != root and split_choice.split_of(word) is None:
        return above if split_choice.split_of(above) else word
    return word


def _cells(file: Path, column: str) -> Iterator[tuple[int, Any]]:
    """Yield each row's number and image."""
    from kerastransfer.datasets.own.stored.parquet_files import batches

    row = 0
    for cells in batches(file, column, _BATCH):
        for value in cells:
            yield row, value
            row += 1


def _content(value: Any, folder: Path) -> Readable:
    """Return where an image's bytes are."""
    path = value
    if isinstance(value, Mapping):
        path, value = value.get("path"), value.get("bytes")
    if isinstance(value, bytes):
        if len(value) > MAX_BYTES:
            return Unreadable(f"the image of {len(value):,} bytes is too large")
        return Held(value)
    if isinstance(path, str) and path:
        return FileSpan(Path(os.path.normpath(folder / path)))
    return Unreadable("the row holds no image")


def _none_there(root: Path) -> str:
    arrow = next(root.rglob("*.arrow"), None)
    if arrow is not None:
        return (
            f"Expected .parquet files in {quoted(root)}, got .arrow files, as "
            "'save_to_disk' writes; write them with 'to_parquet'."
        )
    return f"Expected .parquet files in {quoted(root)}, found none."
