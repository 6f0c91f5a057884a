"""A split's ArrayRecord files, which give records in any order, without TensorFlow."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted


class ArrayRecordShards:
    """Open files of one split; as `shards.Shards`, for the other format.

    Parameters
    ----------
    paths : tuple of Path
    lengths : tuple of int
        Records in each shard.

    Raises
    ------
    MissingError
        If a file is not there, or the package that reads them is not.
    DataError
        If a file is damaged.
    """

    def __init__(self, paths: tuple[Path, ...], lengths: tuple[int, ...]) -> None:
        self._paths, self._lock = paths, threading.Lock()
        self._starts = np.cumsum((0, *lengths))
        self._readers = [
            _open(path, length) for path, length in zip(paths, lengths, strict=True)
        ]

    def read(self, position: int) -> bytes:
        """Return a record's data; safe in threads.

        Raises
        ------
        DataError
            If a file is damaged.
        """
        shard = int(np.searchsorted(self._starts, position, side="right")) - 1
        within = position - int(self._starts[shard])
        try:
            with self._lock:
                [data] = self._readers[shard].read([within])
        except (RuntimeError, ValueError, IndexError) as error:
            raise _damaged(self._paths[shard], str(error)) from None
        return bytes(data)

    def survey(self) -> Iterator[tuple[Path, int, str]]:
        """Check every record; see `shards.Shards.survey`.

        One checksum guards several records. A file whose list of records is damaged is
        not opened at all.
        """
        for shard, path in enumerate(self._paths):
            start, stop = self._starts[shard : shard + 2].tolist()
            for position in range(start, stop):
                try:
                    self.read(position)
                except DataError:
                    yield path, position - start, "its checksum is another"
                else:
                    yield path, position - start, ""


def _open(path: Path, length: int) -> Any:
    try:
        from array_record.python import array_record_module
    except ImportError:
        raise MissingError(
            f"{quoted(path)} is an ArrayRecord file, which the package array_record "
            "reads; install it, or convert again with --format tfrecord."
        ) from None
    if not system.is_file(path):
        raise MissingError(
            f"Record file {quoted(path)} is not there; convert the dataset again."
        )
    try:
        reader = array_record_module.ArrayRecordReader(str(path))
        sound = reader.ok() and reader.num_records() == length
    except (RuntimeError, ValueError, IndexError) as error:
        raise _damaged(path, str(error)) from None
    if not sound:
        raise _damaged(path, f"{length:,} records expected")
    return reader


def _damaged(path: Path, reason: str) -> DataError:
    first = (reason.strip().splitlines() or ["no reason is told"])[0].rstrip(".")
    return DataError(
        f"Record file {quoted(path)} is damaged ({first}); convert the dataset again."
    )
