"""``.safetensors`` files, by the safetensors library; they hold no code."""

from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from kerastransfer.foundation.quoting import printable, quoted
from kerastransfer.weights.readers.guard import (
    DamageError,
    naming,
    read_bytes,
    volume,
)
from kerastransfer.weights.readers.weight_file import ArraysOnDemand, WeightFile

_LENGTH = 8  # bytes that say how long the header of JSON is
_BFLOAT16 = "BF16"
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    _BFLOAT16: "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def is_header(start: bytes, size: int) -> bool:
    """Tell whether a file of `size` bytes begins as a safetensors file does."""
    length = int.from_bytes(start[:_LENGTH], "little")
    return start[_LENGTH : _LENGTH + 1] == b"{" and length <= size - _LENGTH


def read_tensors(path: Path) -> WeightFile:
    """Read the tensors of a file.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file.

    Returns
    -------
    WeightFile
        Its arrays are made on demand; bfloat16 as float32, all else in its own type.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such file, is damaged, or holds numbers of a type of less than
        sixteen bits.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "safetensors"):
        tensors = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
        if not tensors:
            raise DamageError("it holds no tensor")
        shapes = {name: tuple(t["shape"]) for name, t in tensors.items()}
        for name, tensor in tensors.items():
            _check(name, tensor)

    def array(name: str) -> np.ndarray:
        return _array(tensors[name])

    return WeightFile(
        format="safetensors",
        # The library gives them in the order of their places, which is none.
        arrays=ArraysOnDemand(dict(sorted(shapes.items())), array),
    )


def _check(name: str, tensor: dict[str, Any]) -> None:
    volume(tuple(tensor["shape"]))
    if tensor["dtype"] not in _DTYPES:
        kind = printable(str(tensor["dtype"])[:20])
        raise DamageError(
            f"tensor {quoted(name)} is of type {kind}, which is not read; save it as "
            "float16 or float32"
        )


def _array(tensor: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(_DTYPES[tensor["dtype"]])
    numbers = np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])
    if tensor["dtype"] == _BFLOAT16:
        return np.asarray(numbers.astype(np.uint32) << 16).view(np.float32)
    return np.array(numbers, order="C")
