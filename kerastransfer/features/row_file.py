"""A matrix on disk, filled row by row, whose rows carry checksums.

Two plain ``.npy`` files: the rows, sparse where nothing was written, and a checksum a
row. A row counts only while its checksum does, so that what was torn, cut short or
flipped is found and can be computed again.
"""

import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.foundation import atomic, numpy_files, system
from kerastransfer.foundation.arrays import IntArray

_SUM = np.dtype("<u8")
_THERE = np.uint64(1 << 32)  # tells a row whose checksum is 0 from none


class RowFile:
    """The two files, which need not exist before the first write.

    Parameters
    ----------
    path : Path
        Without endings; gets ``.rows.npy`` and ``.sums.npy``.
    shape : tuple of int
        Rows first.
    dtype : numpy.dtype
        Little-endian.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._rows = (path.with_name(f"{path.name}.rows.npy"), shape, dtype)
        self._sums = (path.with_name(f"{path.name}.sums.npy"), shape[:1], _SUM)
        self._mapped: NDArray[Any] | None = None

    def read(self, positions: IntArray) -> NDArray[Any]:
        """Return some rows, in the order of the positions; see `missing`."""
        if self._mapped is None:
            self._mapped = _map(*self._rows)
        return self._mapped[positions]

    def missing(self, positions: IntArray) -> IntArray:
        """Check rows against their checksums.

        Parameters
        ----------
        positions : array of shape (n,)

        Returns
        -------
        array of shape (k,)
            Those of rows that do not hold; ascending.
        """
        positions = np.unique(positions)
        self._mapped = None  # the file may have been replaced
        try:
            rows, sums = _map(*self._rows), _map(*self._sums, read=True)
        except (FileNotFoundError, DataError):
            return positions
        # What was never written is not read: on a full tmpfs a mapped hole kills.
        bad = [not sums[at] or checksum(rows[at]) != sums[at] for at in positions]
        return positions[np.array(bad, bool)]

    def write(self, positions: IntArray, rows: NDArray[Any]) -> None:
        """Put rows in their places; one process at a time.

        Parameters
        ----------
        positions : array of shape (n,)
        rows : array of shape (n, ...)
            In the order of the positions.

        Raises
        ------
        OSError
            If the disk is full; no other row is lost.
        """
        rows = np.ascontiguousarray(rows, self._rows[2])
        # Written and not mapped: a full disk is then an error and not a dead process.
        # Checksums come last, so that a row without its data never counts.
        for file in (self._rows, self._sums):
            _make(*file)
        _put(self._rows[0], positions, rows)
        sums = np.array([checksum(row) for row in rows], _SUM)
        _put(self._sums[0], positions, sums)


def checksum(row: NDArray[Any]) -> np.uint64:
    """Return a row's CRC-32, and a bit that says that it is there."""
    return _THERE | np.uint64(zlib.crc32(np.ascontiguousarray(row).data))


def _make(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Make a file where it is missing or not what it should be."""
    try:
        _map(path, shape, dtype)
    except (FileNotFoundError, DataError):
        with atomic.replacing(path) as scratch, scratch.open("wb") as file:
            start = numpy_files.write_header(file, shape, dtype)
            file.truncate(start + math.prod(shape) * dtype.itemsize)


def _map(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], *, read: bool = False
) -> NDArray[Any]:
    """Map or read a file, once its header and its size are found to be right."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            header = numpy_files.read_header(file)
            header.check(dtype.kind, size - header.start)
        except ValueError as error:
            raise DataError(f"Expected a cache's matrix at {path}: {error}.") from None
    if (header.shape, header.fortran, header.dtype) != (shape, False, dtype):
        raise DataError(
            f"Expected {dtype} of shape {shape} in {path}, got {header.dtype} of "
            f"{header.shape}."
        )
    if read:
        return numpy_files.read_npy(path, header.nbytes)
    return numpy_files.map_array(path, header)


def _put(path: Path, positions: IntArray, rows: NDArray[Any]) -> None:
    """Write rows in place; neighbours in one go."""
    with path.open("r+b", buffering=0) as file:
        start = numpy_files.read_header(file).start
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        for run in np.split(np.arange(len(positions)), breaks):
            if len(run):
                where = start + int(positions[run[0]]) * rows[0].nbytes
                _write_all(file.fileno(), rows[run[0] : run[-1] + 1].tobytes(), where)


def _write_all(handle: int, data: bytes, where: int) -> None:
    view = memoryview(data)
    while view:
        written = system.write_at(handle, view, where)
        view, where = view[written:], where + written
