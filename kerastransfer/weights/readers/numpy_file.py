"""NumPy's ``.npz`` archives, and the pickled ``bvlc_alexnet.npy`` of Toronto.

Neither goes through `numpy.load`: an archive's claims are checked before memory is
taken, and the pickle is read as data (`pickled`), in whose pickles no NumPy code runs
either; stand-ins take the place of arrays and types.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from kerastransfer.foundation.numpy_files import (
    NUMBERS,
    ArrayDamageError,
    NpyHeader,
    read_header,
)
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import (
    MAX_BYTES,
    DamageError,
    most_unpacked,
    naming,
    read_bytes,
    volume,
)
from kerastransfer.weights.readers.pickles import pickled

MAGIC = npy.MAGIC_PREFIX
PROVENANCE = "provenance.json"
_MOST_TEXT = 1 << 24
_SUFFIX = ".npy"
_OBJECT_TYPES = ("O8", "O4", "O")
_NUMBER_TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read an archive of arrays of numbers.

    Parameters
    ----------
    path : Path
        As `numpy.savez` or `numpy.savez_compressed` write it; a member
        ``provenance.json`` is passed over.

    Returns
    -------
    dict of str to ndarray
        In the file's order and types.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such archive, is damaged, or holds anything but numbers.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "an archive of arrays (.npz)"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [m for m in archive.infolist() if m.filename != PROVENANCE]
        most = min(MAX_BYTES, most_unpacked(len(data)))
        if sum(member.file_size for member in members) > most:
            raise DamageError(f"its arrays claim more than {most:,} bytes")
        arrays: dict[str, np.ndarray] = {}
        for member in members:
            name = member.filename.removesuffix(_SUFFIX)
            if name == member.filename or name in arrays:
                raise DamageError(
                    f"its member {quoted(name)} is no array or comes twice"
                )
            arrays[name] = _array(archive.read(member), name)
        return arrays


def class_names(path: Path) -> tuple[str, ...]:
    """Return the names of classes that a port kept of its source, if it did.

    Parameters
    ----------
    path : Path
        An archive that `read_npz` reads.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(PROVENANCE).file_size > _MOST_TEXT:
                return ()
            provenance = json.loads(archive.read(PROVENANCE))
    except (KeyError, ValueError, RecursionError):  # another's file of that name
        return ()
    names = provenance.get("class_names", ()) if isinstance(provenance, dict) else ()
    texts = isinstance(names, list) and all(isinstance(n, str) for n in names)
    return tuple(names) if texts else ()


def read_toronto(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Read a pickled mapping of layers to arrays, such as ``bvlc_alexnet.npy``.

    Parameters
    ----------
    path : Path
        A ``.npy`` file with one object: ``{layer: [weights, biases]}``, or, as
        caffe-tensorflow writes it, ``{layer: {"weights": ..., "biases": ...}}``.
        Pickles of Python 2 are read as well.

    Returns
    -------
    dict of str to tuple of ndarray
        By layer, in the file's order, types and shapes; weights before biases.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it holds something else, is damaged, or asks for code to be run.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "a pickled mapping of layers to arrays (.npy)"):
        header = _header(data)
        if header.shape != () or header.dtype != np.dtype(object):
            raise DamageError(
                f"it holds an array of shape {quoted(header.shape)} and type "
                f"{quoted(header.dtype)}"
            )
        value, end = pickled.load(data, header.start, _TABLE)
        if end != len(data):
            raise DamageError(f"{len(data) - end:,} bytes follow its pickle")
        return _layers(value)


def _header(data: bytes) -> NpyHeader:
    try:
        header = read_header(io.BytesIO(data))
    except ArrayDamageError as error:
        raise DamageError(f"it cannot be parsed: {error}") from None
    volume(header.shape)
    return header


def _array(data: bytes, name: str) -> np.ndarray:
    header = _header(data)
    raw = memoryview(data)[header.start :]
    if header.dtype.kind not in NUMBERS:
        raise DamageError(
            f"array {quoted(name)} is of type {quoted(header.dtype)}, which is no "
            "number"
        )
    if len(raw) != header.nbytes:
        raise DamageError(
            f"array {quoted(name)} of shape {quoted(header.shape)} and type "
            f"{quoted(header.dtype)} has {len(raw):,} bytes"
        )
    return _numbers(raw, header.dtype, header.shape, fortran=header.fortran)


def _numbers(
    raw: bytes | memoryview,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    *,
    fortran: bool,
) -> np.ndarray:
    numbers = np.frombuffer(raw, dtype)
    numbers = numbers.reshape(shape, order="F" if fortran else "C")
    return np.array(numbers, dtype.newbyteorder("="), order="C")


class _Type:
    """Stands in for a `numpy.dtype` while it is unpickled."""

    def __init__(self, code: object, *_: object) -> None:
        if code not in _NUMBER_TYPES + _OBJECT_TYPES:
            raise DamageError(f"an array is of type {quoted(code, 40)}")
        self.code = str(code)
        self.order: Literal["<", ">", "|", "="] = "|"

    def set_state(self, state: object) -> None:
        match state:
            case (int(), ("<" | ">" | "|" | "=") as order, None, None, None, *_):
                self.order = order
            case _:
                raise DamageError("an array's type has fields or an odd byte order")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.code).newbyteorder(self.order)


class _Array:
    """Stands in for a `numpy.ndarray` while it is unpickled."""

    def __init__(self, kind: object, *_: object) -> None:
        if kind != _NDARRAY:
            raise DamageError("an array is rebuilt as something else")
        self.value: object = None

    def set_state(self, state: object) -> None:
        match state:
            case (int(), tuple(shape), _Type() as kind, bool(fortran), raw):
                self.value = _rebuilt(shape, kind, raw, fortran=fortran)
            case _:
                raise DamageError("an array's state is not a shape, a type and numbers")


_NDARRAY = "numpy.ndarray"


def _rebuilt(
    shape: tuple[int, ...], kind: _Type, raw: object, *, fortran: bool
) -> object:
    count = volume(shape)
    if kind.code in _OBJECT_TYPES:
        if not isinstance(raw, list) or shape != () or len(raw) != 1:
            raise DamageError("it holds more than one object")
        return raw[0]
    if isinstance(raw, str):  # the text of a Python 2 pickle
        raw = raw.encode("latin1")
    if not isinstance(raw, bytes) or len(raw) != count * kind.dtype.itemsize:
        raise DamageError(
            f"an array of shape {quoted(shape)} has not the bytes it needs"
        )
    return _numbers(raw, kind.dtype, shape, fortran=fortran)


_TABLE: dict[tuple[str, str], object] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): pickled.encoded,
}


def _layers(value: object) -> dict[str, tuple[np.ndarray, ...]]:
    if isinstance(value, _Array):
        value = value.value
    if not isinstance(value, dict) or not value:
        raise DamageError("it holds no mapping of layers")
    layers: dict[str, tuple[np.ndarray, ...]] = {}
    for name, items in value.items():
        if isinstance(items, dict):
            items = [items[key] for key in sorted(items, key=_rank)]
        if not isinstance(name, str) or not isinstance(items, list | tuple):
            raise DamageError(f"{quoted(name)} is no layer with a list of arrays")
        arrays = [i.value if isinstance(i, _Array) else None for i in items]
        layers[name] = tuple(a for a in arrays if isinstance(a, np.ndarray))
        if len(layers[name]) != len(items):
            raise DamageError(f"layer {quoted(name)} holds what is no array")
    return layers


def _rank(key: object) -> int:
    """Return a place for an array of a layer by its name: weights, biases, others."""
    names = ("weights", "biases")
    return names.index(str(key)) if key in names else len(names)
