"""NumPy archives that are whole, hold no code and are read a part at a time.

An ``.npz`` file is a zip of ``.npy`` files. Ours are not compressed, so that an array
can be mapped instead of read, and so that no small file can unfold into a large one.
"""

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.atomic import replacing

_MOST_ARRAYS = 64
_KINDS = "biufU"
_LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of a member's name and extra field


class Rows:
    """A matrix that comes in blocks of rows, of known size.

    Parameters
    ----------
    shape : tuple of (int, int)
        Of the whole.
    blocks : iterable of arrays of shape (k, d)
        Read once, in order; written as float32.
    """

    def __init__(
        self, shape: tuple[int, int], blocks: Iterable[NDArray[np.floating]]
    ) -> None:
        self.shape = shape
        self.blocks = blocks


def write(path: Path, arrays: Mapping[str, NDArray[Any] | Rows]) -> None:
    """Write an archive, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    arrays : mapping of str to array or Rows
        Numbers, truth values or text; no objects.

    Raises
    ------
    DataError
        If a matrix that came in blocks is not of the size that was said.
    """
    with (
        replacing(path, ".npz") as scratch,
        zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                if isinstance(array, Rows):
                    _write_rows(file, array)
                else:
                    np.lib.format.write_array(file, array, allow_pickle=False)


def _write_rows(file: Any, rows: Rows) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": rows.shape}
    np.lib.format.write_array_header_2_0(file, header)
    written = 0
    for block in rows.blocks:
        if block.ndim != 2 or block.shape[1] != rows.shape[1]:
            raise DataError(
                f"Expected rows of {rows.shape[1]:,} features, got {block.shape}."
            )
        file.write(np.ascontiguousarray(block, "<f4").tobytes())
        written += len(block)
    if written != rows.shape[0]:
        raise DataError(
            f"Expected {rows.shape[0]:,} rows of features, got {written:,}."
        )


def read(path: Path, most_arrays: int = _MOST_ARRAYS) -> dict[str, NDArray[Any]]:
    """Open an archive's arrays without reading them.

    Parameters
    ----------
    path : Path
        As `write`, or ``numpy.savez``, leaves it.
    most_arrays : int
        An archive of more is refused.

    Returns
    -------
    dict of str to array
        Mapped from the file, not to be written to.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        If it is no archive of plain arrays, is compressed or is cut short.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingError(f"Expected a file of features, and {str(path)!r} is none.")
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            return dict(_members(archive, file, path, most_arrays))
    except DataError:
        raise
    except Exception as error:  # a damaged header makes its parsers raise anything
        raise DataError(
            f"Expected an archive of NumPy arrays at {str(path)!r}, got: {error}; make "
            "it again with 'kerastransfer features'."
        ) from None


def _members(
    archive: zipfile.ZipFile, file: Any, path: Path, most_arrays: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    members = archive.infolist()
    if len(members) > most_arrays:
        raise ValueError(f"{len(members):,} arrays, more than {most_arrays:,}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{member.filename!r} is compressed (numpy.savez does not)"
            )
        yield member.filename.removesuffix(".npy"), _map(member, file, path)


def _map(member: zipfile.ZipInfo, file: Any, path: Path) -> NDArray[Any]:
    """Map one array, once its header and its size agree."""
    file.seek(member.header_offset)
    name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start = member.header_offset + _LOCAL_HEADER.size + name + extra
    file.seek(start)
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read_header(file)
    if dtype.kind not in _KINDS:
        raise ValueError(f"{member.filename!r} holds {dtype}, not plain values")
    size = (
        int(np.prod(shape, dtype=object)) * dtype.itemsize if shape else dtype.itemsize
    )
    end = start + member.file_size
    if file.tell() + size != end or end > path.stat().st_size:
        raise ValueError(f"{member.filename!r} is not of the size that it states")
    if not size:
        return np.zeros(shape, dtype)
    order = "F" if fortran else "C"
    return np.memmap(path, dtype, "r", file.tell(), shape, order)  # type: ignore[call-overload,no-any-return]
