"""A split's record files, opened without TensorFlow and read at any position."""

import functools
import os
import weakref
from collections.abc import Mapping
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
    if file_format not in FORMATS:
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
        by_split = {
            split["name"]: tuple(int(length) for length in split["shardLengths"])
            for split in info["splits"]
            if split["filepathTemplate"] == _TEMPLATE
        }
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"File {quoted(path)} does not list shards as TFDS does."
        ) from None
    for split in SPLITS:
        lengths = by_split.get(split, ())
        if not 0 < len(lengths) <= _MOST or min(lengths) < 0:
            raise DataError(
                f"File {quoted(path)} lists no shards of split {quoted(split)}."
            )
    return by_split


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | system.BINARY)
    except FileNotFoundError:
        raise MissingError(
            f"Record file {quoted(path)} is not there; convert the dataset again."
        ) from None


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)
