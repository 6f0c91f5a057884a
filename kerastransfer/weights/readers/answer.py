"""What the process that reads a weight file hands to the one that asked for it.

No pickle, which could run code: the numbers of all arrays one behind another, then a
bounded text of JSON that says what they are, its length and a mark. The mark comes
last, so that an answer that was cut off is none. Nothing of it is believed: names,
types and shapes are checked, and their sizes have to add up to those of the answer.
"""

import json
import math
import struct
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np

from kerastransfer import errors
from kerastransfer.weights.readers.guard import MAX_BYTES, DamageError
from kerastransfer.weights.readers.weight_file import (
    ArraysOnDemand,
    WeightFile,
    shapes_of,
)

MOST_BYTES = 2 * MAX_BYTES  # bfloat16 doubles when it is read
_MOST_TEXT = 1 << 23
_LONGEST_NAME = 10_000
_MOST_AXES = 8
_END = struct.Struct("<Q8s")
_MARK = b"KTWREAD1"
_TYPES = (*np.typecodes["AllInteger"], *np.typecodes["Float"], "?")
_DTYPES = {np.dtype(t).newbyteorder(order).str for t in _TYPES for order in "<>"}
_FORMATS = ("torch", "safetensors", "caffe", "toronto", "npz", "keras", "keras_legacy")
_ERRORS: dict[str, type[errors.KerasTransferError]] = {
    kind.__name__: kind
    for kind in (
        errors.WeightsError,
        errors.MissingError,
        errors.DataError,
        errors.InputError,
        errors.KerasTransferError,
    )
}


class UnsoundAnswerError(ValueError):
    """An answer that is cut off, or contradicts itself."""


def write(stream: BinaryIO, file: WeightFile) -> None:
    """Write what a weight file holds; an array that is damaged is said to be so.

    Raises
    ------
    DamageError
        If the file's names are longer than any network needs.
    """
    arrays = []
    for name, shape in shapes_of(file.arrays).items():
        entry: dict[str, object] = {"name": _name(name), "shape": _shape(shape)}
        try:
            entry["dtype"] = _put(stream, file.arrays[name])
        except errors.WeightsError as error:
            entry["error"] = str(error)
        arrays.append(entry)
    layers = []
    for name, blobs in file.layers.items():
        entries = [{"shape": _shape(b.shape), "dtype": _put(stream, b)} for b in blobs]
        layers.append({"name": _name(name), "blobs": entries})
    text = {
        "format": file.format,
        "on_demand": isinstance(file.arrays, ArraysOnDemand),
        "arrays": arrays,
        "layers": layers,
        "skipped": file.skipped,
        "class_names": file.class_names,
    }
    _finish(stream, text)


def write_error(stream: BinaryIO, error: BaseException, trace: str) -> None:
    """Write why a file was not read, in the place of anything written before."""
    stream.seek(0)
    stream.truncate()
    if type(error).__name__ in _ERRORS:
        said = {"class": type(error).__name__, "text": str(error)}
    elif isinstance(error, OSError) and error.errno:
        text = error.strerror or ""
        said = {"class": "OSError", "errno": error.errno, "text": text}  # type: ignore[dict-item]
    else:
        said = {"class": "", "text": trace[-4_000:]}
    _finish(stream, {"error": said})


def read(stream: BinaryIO, size: int, place: str) -> WeightFile:
    """Return what a weight file holds; the stream is closed once it is not needed.

    Parameters
    ----------
    stream : binary file
        As `write` leaves it; from a process that may have been taken over.
    size : int
        Its bytes.
    place : str
        The folder of the stream, which an error names that has no other.

    Raises
    ------
    KerasTransferError, OSError
        Those that the reader met.
    UnsoundAnswerError
        If the answer is none.
    """
    try:
        text, numbers = _text(stream, size)
        said = text.get("error")
        if said is None:
            file, end = _weight_file(stream, text)
            _demand(end == numbers)
            return file
    except (KeyError, TypeError, ValueError, RecursionError, AttributeError) as error:
        raise UnsoundAnswerError(str(error)[:100]) from None
    _raise(said, place)


def _put(stream: BinaryIO, array: np.ndarray) -> str:
    array = np.asarray(array)
    numbers = np.ascontiguousarray(array).reshape(-1)
    stream.write(numbers.view(np.uint8).data)
    return array.dtype.str


def _shape(shape: tuple[int, ...]) -> list[int]:
    return [int(n) for n in shape]


def _name(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise DamageError(f"a name in it has {len(name):,} characters")
    return name


def _finish(stream: BinaryIO, text: Mapping[str, object]) -> None:
    data = json.dumps(text).encode("ascii")
    if len(data) > _MOST_TEXT:
        raise DamageError("its names take more room than any network's")
    stream.write(data + _END.pack(len(data), _MARK))
    stream.flush()


def _text(stream: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the text and the number of bytes before it."""
    numbers = size - _END.size
    _demand(numbers >= 0)
    stream.seek(numbers)
    length, mark = _END.unpack(stream.read(_END.size))
    _demand(mark == _MARK and length <= min(_MOST_TEXT, numbers))
    numbers -= length
    _demand(numbers <= MOST_BYTES)
    stream.seek(numbers)
    text = json.loads(stream.read(length))
    _demand(isinstance(text, dict))
    return text, numbers


def _weight_file(stream: BinaryIO, text: Mapping[str, Any]) -> tuple[WeightFile, int]:
    """Return the contents, and where their numbers end."""
    _demand(text["format"] in _FORMATS)
    place = 0
    places: dict[str, tuple[int, np.dtype[Any]] | str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for entry in text["arrays"]:
        name = _checked_name(entry["name"], shapes)
        shapes[name] = _checked_shape(entry["shape"])
        if "error" in entry:
            places[name] = _checked_text(entry["error"])
        else:
            places[name] = place, _checked_dtype(entry["dtype"])
            place += _size(shapes[name], places[name][1])  # type: ignore[arg-type]
    pieces: dict[str, list[tuple[int, np.dtype[Any], tuple[int, ...]]]] = {}
    for layer in text["layers"]:
        blobs = pieces.setdefault(_checked_name(layer["name"], pieces), [])
        for blob in layer["blobs"]:
            shape, dtype = _checked_shape(blob["shape"]), _checked_dtype(blob["dtype"])
            blobs.append((place, dtype, shape))
            place += _size(shape, dtype)
    arrays = _arrays(stream, shapes, places)
    layers = {n: tuple(_get(stream, *b) for b in blobs) for n, blobs in pieces.items()}
    on_demand = text["on_demand"] is True
    if on_demand:  # closed with the last that could ask
        weakref.finalize(arrays, stream.close)
    file = WeightFile(
        format=text["format"],
        arrays=arrays if on_demand else dict(arrays),
        layers=layers,
        skipped=tuple(_checked_text(each) for each in text["skipped"]),
        class_names=tuple(_checked_text(each) for each in text["class_names"]),
    )
    if not on_demand:
        stream.close()
    return file, place


def _arrays(
    stream: BinaryIO,
    shapes: Mapping[str, tuple[int, ...]],
    places: Mapping[str, tuple[int, np.dtype[Any]] | str],
) -> ArraysOnDemand:
    def array(name: str) -> np.ndarray:
        place = places[name]
        if isinstance(place, str):
            raise errors.WeightsError(place)
        return _get(stream, *place, shapes[name])

    return ArraysOnDemand(shapes, array)


def _get(
    stream: BinaryIO, place: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> np.ndarray:
    """Return an array of its own, whose size was checked."""
    numbers = np.empty(math.prod(shape), dtype)
    view = numbers.view(np.uint8).data
    stream.seek(place)
    while len(view):
        count = cast(Any, stream).readinto(view)
        _demand(count > 0)
        view = view[count:]
    return numbers.reshape(shape)


def _size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize


def _checked_shape(shape: object) -> tuple[int, ...]:
    _demand(isinstance(shape, list) and len(shape) <= _MOST_AXES)
    sizes = tuple(cast(Iterable[int], shape))
    _demand(all(type(n) is int and 0 <= n <= MOST_BYTES for n in sizes))
    _demand(math.prod(sizes) <= MOST_BYTES)
    return sizes


def _checked_dtype(text: object) -> np.dtype[Any]:
    _demand(isinstance(text, str) and text in _DTYPES)
    return np.dtype(text)  # type: ignore[call-overload,no-any-return]


def _checked_name(name: object, others: Iterable[str]) -> str:
    text = _checked_text(name)
    _demand(len(text) <= _LONGEST_NAME and text not in others)
    return text


def _checked_text(text: object) -> str:
    _demand(isinstance(text, str))
    return cast(str, text)


def _demand(holds: bool) -> None:
    if not holds:
        raise UnsoundAnswerError("what it says of itself does not hold")


def _raise(said: object, place: str) -> NoReturn:
    """Raise the error that the reader met."""
    match said:
        case {"class": "OSError", "errno": int(number), "text": str(text)}:
            raise OSError(number, text, place)
        case {"class": str(name), "text": str(text)} if name in _ERRORS:
            raise _ERRORS[name](text)
        case {"class": "", "text": str(text)}:
            raise RuntimeError(f"A fault while a weight file was read:\n{text}")
    raise UnsoundAnswerError("an error of no known kind")
