"""Caffe's ``.caffemodel`` networks and ``.binaryproto`` mean images, without Caffe.

Both are protocol buffers; a reader of the wire format and six field numbers are all it
takes. The published AlexNets are of August 2014: their layers are of the first version
(field 2 of the network) and their blobs have the old four sizes, where files of 2015
and later have layers in field 100 and shapes of any rank (src/caffe/proto/caffe.proto).
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import (
    DamageError,
    naming,
    read_bytes,
    volume,
)

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_Field = tuple[int, int, int | memoryview]


@dataclasses.dataclass(frozen=True, slots=True)
class _LayerFields:
    """Where a version of the layer message keeps its name and its blobs."""

    name: int
    blobs: int


_LAYERS = {2: _LayerFields(name=4, blobs=6), 100: _LayerFields(name=1, blobs=7)}
_OLDEST_LAYER = 1  # inside a layer of field 2: a layer of before 2014

# Fields of BlobProto.
_LEGACY_SIZES = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8
_TYPES = {_DATA: "<f4", _DOUBLE_DATA: "<f8"}
# Of NVIDIA's Caffe and of OpenCV: numbers as bytes, and the type that they are of.
_RAW_TYPE, _RAW_DATA = 10, 12
_RAW_DTYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
_DIM = 1
_MOST_AXES = 8
# Small pieces are put together: each by itself takes a hundred times its bytes.
_SMALL = 4096
_MOST_LAYERS, _MOST_BLOBS = 10_000, 64  # the deepest networks have hundreds, and five
_Piece = memoryview | bytearray


def read_layers(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Read the blobs of a network.

    Parameters
    ----------
    path : Path
        A ``.caffemodel`` file.

    Returns
    -------
    dict of str to tuple of ndarray
        By layer, in the file's order; layers without blobs are left out. Weights come
        before biases, in the file's shapes: (out, in / groups, height, width) for
        convolutions, and in old files (1, 1, out, in) and (1, 1, 1, out) for the rest.
        Type float32, or float64 or float16 where the file has doubles or halves.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such network, is damaged, or holds a NaN or an infinity.
    """
    path = Path(path)
    data = memoryview(read_bytes(path))
    with naming(path, "a Caffe network (.caffemodel)"):
        layers: dict[str, tuple[np.ndarray, ...]] = {}
        for number, _, value in _fields(data):
            if number in _LAYERS:
                name, blobs = _layer(_message(value), _LAYERS[number])
                if blobs and name in layers:
                    raise DamageError(
                        f"two layers with weights are called {quoted(name)}"
                    )
                if blobs:
                    layers[name] = blobs
                if len(layers) > _MOST_LAYERS:
                    raise DamageError(f"it has more than {_MOST_LAYERS:,} layers")
        if not layers:
            raise DamageError("no layer in it has weights")
        return layers


def read_mean(path: Path) -> np.ndarray:
    """Read a mean image.

    Parameters
    ----------
    path : Path
        A ``.binaryproto`` file.

    Returns
    -------
    ndarray of shape (3, height, width)
        float32, channels in the file's order (BGR for the published one), 0..255.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no image of three channels, is damaged, or holds a NaN or an infinity.
    """
    path = Path(path)
    data = memoryview(read_bytes(path))
    with naming(path, "a Caffe mean image (.binaryproto)"):
        blob = _blob(data)
        image = blob[0] if blob.ndim == 4 and blob.shape[0] == 1 else blob
        if image.ndim != 3 or image.shape[0] != 3:
            raise DamageError(
                f"its shape is {quoted(blob.shape)}, not (1, 3, height, width)"
            )
        return image.astype(np.float32)


def _layer(
    data: memoryview, fields: _LayerFields
) -> tuple[str, tuple[np.ndarray, ...]]:
    name, blobs = "", []
    for number, _, value in _fields(data):
        if number == fields.name:
            name = bytes(_message(value)).decode("utf-8")
        elif number == fields.blobs:
            blobs.append(_message(value))
            if len(blobs) > _MOST_BLOBS:
                raise DamageError(f"a layer has more than {_MOST_BLOBS} blobs")
        elif number == _OLDEST_LAYER and fields is _LAYERS[2]:
            raise DamageError("its layers are of a version from before 2014")
    try:
        return name, tuple(_blob(blob) for blob in blobs)
    except DamageError as error:
        raise DamageError(f"layer {quoted(name)}: {error}") from None


def _blob(data: memoryview) -> np.ndarray:
    """Read one BlobProto."""
    legacy: dict[int, int] = {}
    shape: tuple[int, ...] = ()
    pieces: dict[int, list[_Piece]] = {_DATA: [], _DOUBLE_DATA: []}
    raw: dict[int, int | memoryview] = {}
    for number, wire, value in _fields(data):
        if number in _LEGACY_SIZES:
            legacy[number] = _signed(value)
        elif number == _SHAPE:
            shape = _shape(_message(value))
        elif number in pieces:
            _add(pieces[number], _checked(number, wire, _message(value)))
        elif number in (_RAW_TYPE, _RAW_DATA):
            raw[number] = value
    if legacy:  # as Caffe does, which looks at the shape only where they are missing
        shape = tuple(legacy.get(number, 1) for number in _LEGACY_SIZES)
    chunks = {n: [np.frombuffer(p, _TYPES[n]) for p in pieces[n]] for n in pieces}
    return _shaped(_chosen(chunks, raw), shape)


def _add(pieces: list[_Piece], piece: memoryview) -> None:
    if len(piece) >= _SMALL:
        pieces.append(piece)
    elif pieces and isinstance(pieces[-1], bytearray):
        pieces[-1] += piece
    else:
        pieces.append(bytearray(piece))


def _chosen(
    chunks: dict[int, list[np.ndarray]], raw: dict[int, int | memoryview]
) -> list[np.ndarray]:
    """Return a blob's numbers, which it may hold in one of three ways."""
    if chunks[_DATA] and chunks[_DOUBLE_DATA]:
        raise DamageError("a blob has both single and double numbers")
    numbers = chunks[_DATA] or chunks[_DOUBLE_DATA]
    if _RAW_DATA not in raw:
        return numbers
    if numbers:
        raise DamageError("a blob has both raw and other numbers")
    return [_raw_numbers(raw)]


def _raw_numbers(raw: dict[int, int | memoryview]) -> np.ndarray:
    # 0 is what the wire format gives a field that is left out.
    kind, data = raw.get(_RAW_TYPE, 0), _message(raw[_RAW_DATA])
    if not isinstance(kind, int) or kind not in _RAW_DTYPES:
        raise DamageError("a blob's raw numbers are no floating-point ones")
    if len(data) % np.dtype(_RAW_DTYPES[kind]).itemsize:
        raise DamageError("a blob's raw numbers are cut off or of another type")
    return np.frombuffer(data, _RAW_DTYPES[kind])


def _shaped(chunks: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    expected = volume(shape)
    numbers = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    if len(numbers) != expected:
        raise DamageError(
            f"a blob of shape {quoted(shape)} should hold {expected:,} numbers and has "
            f"{len(numbers):,}"
        )
    if not np.isfinite(numbers).all():
        raise DamageError("a blob holds a NaN or an infinity")
    return numbers.reshape(shape)


def _checked(number: int, wire: int, value: memoryview) -> memoryview:
    """Return the bytes of packed or single numbers of the field."""
    single = _FIXED32 if number == _DATA else _FIXED64
    if wire not in (_BYTES, single) or len(value) % np.dtype(_TYPES[number]).itemsize:
        raise DamageError("a blob's numbers are cut off or of another type")
    return value


def _shape(data: memoryview) -> tuple[int, ...]:
    """Read a BlobShape, packed or not."""
    sizes: list[int] = []
    for number, wire, value in _fields(data):
        if number != _DIM:
            continue
        if len(sizes) > _MOST_AXES:  # which is refused
            break
        if wire == _VARINT:
            sizes.append(_signed(value))
            continue
        packed, place = _message(value), 0
        while place < len(packed) and len(sizes) <= _MOST_AXES:
            size, place = _varint(packed, place)
            sizes.append(_signed(size))
    return tuple(sizes)


def _fields(data: memoryview) -> Iterator[_Field]:
    """Yield number, wire type and value of each field of a message."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, place = _varint(data, place)
        elif wire in _FIXED_SIZES:
            length = _FIXED_SIZES[wire]
        else:
            raise DamageError(f"byte {place:,} of a message starts no field")
        if number == 0 or length > len(data) - place:
            raise DamageError(
                f"a field claims {length:,} bytes where {len(data) - place:,} are "
                "left; it is cut off or of another format"
            )
        yield number, wire, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[place : place + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, place + index + 1
    raise DamageError("a number in it is cut off or longer than 64 bits")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise DamageError("a field is a number where a message should be")
    return value


def _signed(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise DamageError("a size in it is no whole number")
    return value - (1 << 64) if value >> 63 else value
