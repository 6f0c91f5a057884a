"""NumPy's files, read with care: no pickles, and no claim is believed unchecked.

An ``.npy`` file is a header and numbers; an ``.npz`` file is a zip of such files. Ours
are not compressed, so that an array can be mapped instead of read, and so that no small
file can unfold into a large one.
"""

import dataclasses
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.atomic import replacing
from kerastransfer.foundation.formats import zip_headers
from kerastransfer.foundation.quoting import quoted

NUMBERS = "biuf"
_PLAIN = f"{NUMBERS}U"
_MOST_ARRAYS = 64
_MOST_AXES = 32
_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of a member's name and extra field
_PARSERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class ArrayDamageError(ValueError):
    """What is wrong with an ``.npy`` file; the caller knows the file's name."""


@dataclasses.dataclass(frozen=True, slots=True)
class NpyHeader:
    """What an ``.npy`` file says of its array.

    Parameters
    ----------
    fortran : bool
        Whether the first index runs fastest.
    start : int
        Byte of the stream at which the numbers begin.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes that the numbers must have."""
        return math.prod(self.shape) * self.dtype.itemsize

    def check(self, kinds: str, size: int) -> None:
        """Refuse types other than plain ones, and another size.

        Parameters
        ----------
        kinds : str
            NumPy's letters of the kinds of types that are allowed.
        size : int
            Bytes that there are after the header.
        """
        if self.dtype.kind not in kinds:
            raise ArrayDamageError(f"holds {self.dtype}, not plain values")
        if self.nbytes != size:
            raise ArrayDamageError("is not of the size that it states")


def read_header(stream: BinaryIO) -> NpyHeader:
    """Read an ``.npy`` header; its array is not yet checked.

    Raises
    ------
    ArrayDamageError
        If it is none, or states an impossible shape.

    >>> import io
    >>> stream = io.BytesIO()
    >>> np.save(stream, np.zeros((2, 3), np.float32))
    >>> read_header(io.BytesIO(stream.getvalue())).shape
    (2, 3)
    """
    try:
        version = npy.read_magic(stream)
    except Exception as error:
        raise ArrayDamageError(f"no .npy header ({error})") from None
    if version not in _PARSERS:
        raise ArrayDamageError(f"an array of format version {version}")
    try:
        shape, fortran, dtype = _PARSERS[version](stream)
    except Exception as error:  # a damaged header makes the parser raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ArrayDamageError(f"a damaged .npy header ({reason})") from None
    if len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
        raise ArrayDamageError(f"claims a shape of {quoted(shape)}")
    return NpyHeader(shape, fortran, dtype, stream.tell())


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Write an ``.npy`` header and return where the numbers begin."""
    descr = npy.dtype_to_descr(dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(stream, header)
    return stream.tell()


def map_array(path: Path, header: NpyHeader) -> NDArray[Any]:
    """Map a file's checked array; it is read when it is used, and cannot be written."""
    if not header.nbytes:
        return np.zeros(header.shape, header.dtype)
    order = "F" if header.fortran else "C"
    return np.memmap(path, header.dtype, "r", header.start, header.shape, order)  # type: ignore[call-overload,no-any-return]


def read_npy(path: Path, most_bytes: int) -> NDArray[Any]:
    """Read an array of numbers from an ``.npy`` file.

    Parameters
    ----------
    most_bytes : int
        A larger array is refused.

    Raises
    ------
    ArrayDamageError
        If the file is damaged, too large, or holds anything but numbers.
    OSError
        If it cannot be read.
    """
    if not system.is_file(path):  # a pipe would keep us waiting
        raise FileNotFoundError("there is no such file")
    with path.open("rb") as file:
        header = read_header(file)
        header.check(NUMBERS, os.fstat(file.fileno()).st_size - header.start)
        if header.nbytes > most_bytes:
            raise ArrayDamageError(f"has more than {most_bytes:,} bytes")
        numbers = np.frombuffer(file.read(), header.dtype)
    return numbers.reshape(header.shape, order="F" if header.fortran else "C")


class RowBlocks:
    """A matrix that comes in blocks of rows, of known size.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the whole.
    blocks : iterable of arrays of shape (k, columns)
        Read once, in order; written as float32.
    """

    def __init__(
        self, shape: tuple[int, int], blocks: Iterable[NDArray[np.floating]]
    ) -> None:
        self.shape = shape
        self.blocks = blocks


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any] | RowBlocks]) -> None:
    """Write an archive, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    arrays : mapping of str to array or RowBlocks
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
                if isinstance(array, RowBlocks):
                    _write_rows(file, array)
                else:
                    npy.write_array(file, array, allow_pickle=False)


def _write_rows(file: Any, rows: RowBlocks) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": rows.shape}
    npy.write_array_header_2_0(file, header)
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


def read_npz(
    path: Path, *, kind: str, cure: str, most_arrays: int = _MOST_ARRAYS
) -> dict[str, NDArray[Any]]:
    """Open an archive's arrays, once their checksums hold.

    Parameters
    ----------
    path : Path
        As `write_npz`, or ``numpy.savez``, leaves it.
    kind : str
        What the file is to the user, such as ``"a file of features"``.
    cure : str
        What to do if it is missing or damaged, which ends the error's message; nothing
        where whoever catches the error says it.
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
        If it is no archive of plain arrays, is compressed, cut short or damaged: every
        checksum is computed.
    """
    path = Path(path)
    ending = f"; {cure}." if cure else "."
    if not system.is_file(path):
        raise MissingError(f"Expected {kind} at {quoted(path)}, got no file{ending}")
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = _checked(archive, file, most_arrays).items()
            return {n.removesuffix(".npy"): map_array(path, h) for n, h in members}
    except Exception as error:  # a damaged directory makes its parser raise anything
        reason = " ".join(str(error).split())
        raise DataError(
            f"Expected an archive of NumPy arrays at {quoted(path)}, got: {reason}"
            f"{ending}"
        ) from None


def _checked(
    archive: zipfile.ZipFile, file: BinaryIO, most_arrays: int
) -> dict[str, NpyHeader]:
    """Return the headers of an archive's arrays, by the names of its members."""
    members = archive.infolist()
    if len(members) > most_arrays:
        raise ValueError(f"{len(members):,} arrays, more than {most_arrays:,}")
    headers = {}
    for member in zip_headers.checked(file, members, archive.start_dir):
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{quoted(member.filename)} is compressed, expected stored"
            )
        try:
            headers[member.filename] = _locate(member, file)
        except ArrayDamageError as error:
            raise ArrayDamageError(f"{quoted(member.filename)} {error}") from None
    return headers


def _locate(member: zipfile.ZipInfo, file: BinaryIO) -> NpyHeader:
    """Find one array of an archive, once its header, size and checksum agree."""
    file.seek(member.header_offset)
    name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start = member.header_offset + _LOCAL_HEADER.size + name + extra
    file.seek(start)
    header = read_header(file)
    end = start + member.file_size
    header.check(_PLAIN, end - header.start)
    if end > os.fstat(file.fileno()).st_size:
        raise ArrayDamageError("is not of the size that it states")
    if _checksum(file, start, end) != member.CRC:
        raise ArrayDamageError("is damaged: its checksum is another")
    return header


def _checksum(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    value = 0
    while start < end and (data := file.read(min(end - start, _CHUNK))):
        value, start = zlib.crc32(data, value), start + len(data)
    return value
