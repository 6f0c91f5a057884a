"""A split's record files, opened without TensorFlow and read at any position."""

import functools
import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import tfrecord
from kerastransfer.records.array_record import ArrayRecordShards
from kerastransfer.records.split.plan import SPLITS

FORMATS = ("tfrecord", "array_record")
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"  # TFDS's default
_MOST = 100_000  # shards


class Shards:
    """Open TFRecord files of one split; open, they outlive a new conversion.

    Parameters
    ----------
    name : str
        The dataset's.
    lengths : tuple of int
        Records in each shard.

    Raises
    ------
    MissingError
        If a file is not there.
    """

    def __init__(
        self, folder: Path, name: str, split: str, lengths: tuple[int, ...]
    ) -> None:
        self._paths = shard_paths(folder, name, split, len(lengths), "tfrecord")
        self._lengths = lengths
        self._files: list[int] = []
        weakref.finalize(self, _close, self._files)
        for path in self._paths:
            self._files.append(_open(path))
        for path, file, length in zip(self._paths, self._files, lengths, strict=True):
            _check_size(path, os.fstat(file).st_size, length)

    def read(self, position: int) -> bytes:
        """Return a record's data; safe in threads.

        Raises
        ------
        DataError
            If a file is damaged.
        """
        shard, offset, length = self._index[position].tolist()
        number = position - sum(self._lengths[:shard])
        path, file = self._paths[shard], self._files[shard]
        return tfrecord.read(file, path, number, offset, length)

    def survey(self) -> Iterator[tuple[Path, int, str]]:
        """Check every record, also behind damaged ones.

        Yields
        ------
        (Path, int, str)
            Its file, its number there from 0, and what is wrong; empty for nothing.
        """
        for path, file, length in zip(
            self._paths, self._files, self._lengths, strict=True
        ):
            number = -1
            for number, reason in enumerate(tfrecord.survey(file)):
                yield path, number, reason
            for missing in range(number + 1, length):
                yield path, missing, "it is missing"

    @functools.cached_property
    def _index(self) -> IntArray:
        """Where each record is: columns shard, offset, length."""
        parts: list[IntArray] = []
        for shard, length in enumerate(self._lengths):
            spans = tfrecord.index(self._files[shard], self._paths[shard])
            if len(spans) != length:
                raise DataError(
                    f"Expected {length:,} records in {quoted(self._paths[shard])}, "
                    f"found {len(spans):,}; convert the dataset again."
                )
            parts.append(np.insert(spans, 0, shard, axis=1))
        return np.concatenate(parts)


def open_shards(
    folder: Path, name: str, split: str, lengths: tuple[int, ...], file_format: str
) -> Shards | ArrayRecordShards:
    """Open one split's files, whichever of `FORMATS` they are in."""
    if file_format == "array_record":
        paths = shard_paths(folder, name, split, len(lengths), file_format)
        return ArrayRecordShards(tuple(paths), lengths)
    return Shards(folder, name, split, lengths)


def shard_paths(
    folder: Path, name: str, split: str, count: int, file_format: str
) -> list[Path]:
    """Return the files of one split, as TFDS names them."""
    stem = f"{name}-{split}.{file_format}"
    return [folder / f"{stem}-{n:05d}-of-{count:05d}" for n in range(count)]


def read_format(info: Mapping[str, Any], path: Path) -> str:
    """Read the format of a dataset's files from TFDS's ``dataset_info.json``.

    Raises
    ------
    DataError
        If it is none of `FORMATS`.
    """
    file_format = info.get("fileFormat", "tfrecord")
    if not isinstance(file_format, str) or file_format not in FORMATS:
        raise DataError(
            f"Expected records as {' or '.join(FORMATS)}, and {quoted(path)} says "
            f"{quoted(file_format)}."
        )
    return str(file_format)


def read_lengths(info: Mapping[str, Any], path: Path) -> dict[str, tuple[int, ...]]:
    """Read from TFDS's ``dataset_info.json`` how many records each shard holds.

    Parameters
    ----------
    info : mapping
        The file's content.
    path : Path
        For messages.

    Returns
    -------
    dict of str to tuple of int
        By split.

    Raises
    ------
    DataError
        If a split is not listed as TFDS lists it.
    """
    try:
        listed = [
            (split["name"], tuple(map(_length, split["shardLengths"])))
            for split in info["splits"]
            if split["filepathTemplate"] == _TEMPLATE
        ]
        by_split = dict(listed)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"File {quoted(path)} does not list shards as TFDS does; convert the "
            "dataset again."
        ) from None
    names = [name for name, _ in listed]
    for split in SPLITS:
        if not 0 < len(by_split.get(split, ())) <= _MOST or names.count(split) > 1:
            raise DataError(
                f"File {quoted(path)} lists no shards of split {split!r}, or lists "
                "them twice; convert the dataset again."
            )
    return by_split


def _length(value: object) -> int:
    """Return how many records a shard holds: TFDS writes a text of digits."""
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise ValueError(value)


def _check_size(path: Path, size: int, length: int) -> None:
    """Refuse a number of records that no file of that size holds, before it counts."""
    if size < length * tfrecord.LEAST:
        raise DataError(
            f"Expected {length:,} records in {str(path)!r}, found {size:,} bytes, "
            "which are too few for them; convert the dataset again."
        )


def _open(path: Path) -> int:
    if not system.is_file(path):
        raise MissingError(
            f"Record file {quoted(path)} is not there; convert the dataset again."
        )
    try:
        return os.open(path, os.O_RDONLY | system.BINARY)
    except OSError as error:
        raise DataError(
            f"Record file {quoted(path)} cannot be opened: {error.strerror}."
        ) from None


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)
