"""PyTorch's tensors as a pickle describes them: views of flat storages, all checked."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import DamageError, volume
from kerastransfer.weights.readers.pickles import pickled
from kerastransfer.weights.readers.pickles.machine import Globals
from kerastransfer.weights.readers.pickles.skipping import SkippedClass

# https://pytorch.org/docs/stable/tensors.html, data types; bfloat16 is the upper half
# of a float32, so it is read as 16 bits and widened.
_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|u1",
    "UntypedStorage": "|u1",
}


@dataclasses.dataclass(frozen=True, slots=True)
class StorageType:
    """Stands in for a class such as ``torch.FloatStorage``."""

    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type as it is stored."""
        return np.dtype(_DTYPES[self.name])


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """Numbers in a row, kept elsewhere in the file under a key."""

    type: StorageType
    key: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
    """A view that the pickle describes; its numbers are fetched later."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """What the tensor takes once it is an array of its own."""
        return math.prod(self.shape) * self.storage.type.dtype.itemsize


def rules(
    storages: dict[str, Storage],
) -> tuple[Globals, Callable[[object], object]]:
    """Return the globals a state dict may name, and what collects its storages.

    Parameters
    ----------
    storages : dict
        Filled, by key, while the pickle is read.

    Returns
    -------
    table : mapping
        For `pickled.load`.
    persistent : callable
        For `pickled.load`.
    """
    table: dict[tuple[str, str], object] = {
        ("torch", name): StorageType(name) for name in _DTYPES
    }
    table["torch.storage", "UntypedStorage"] = StorageType("UntypedStorage")
    table["collections", "OrderedDict"] = pickled.ordered
    table["collections", "defaultdict"] = pickled.defaulting
    table["_codecs", "encode"] = pickled.encoded
    table["torch._utils", "_rebuild_tensor"] = _rebuild_tensor
    table["torch._utils", "_rebuild_tensor_v2"] = _rebuild_tensor
    table["torch._utils", "_rebuild_parameter"] = _rebuild_parameter
    table["torch._utils", "_rebuild_parameter_with_state"] = _rebuild_parameter
    table["torch._tensor", "_rebuild_from_type_v2"] = _rebuild_from_type

    def persistent(identity: object) -> Storage | SkippedClass:
        match identity:  # a class, with its source: up to PyTorch 1.5
            case ("module", SkippedClass() as skipped, *_):
                return skipped
        storage = _check_storage(identity)
        if storages.setdefault(storage.key, storage) != storage:
            raise DamageError(f"storage {quoted(storage.key)} is described in two ways")
        return storage

    return table, persistent


def _check_storage(identity: object) -> Storage:
    match identity:
        case ("storage", StorageType() as kind, str(key), str(), int(count)):
            view = None
        case ("storage", StorageType() as kind, str(key), str(), int(count), view):
            pass
        case _:
            raise DamageError("it refers to what is no storage of numbers")
    if view is not None:
        raise DamageError(
            f"storage {quoted(key)} is a view of another, as of PyTorch 0.1"
        )
    volume((count,))
    return Storage(kind, key, count)


def _rebuild_tensor(
    storage: object, offset: object, shape: object, strides: object, *_: object
) -> Tensor:
    """Stand in for ``torch._utils._rebuild_tensor`` and its second version."""
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
        raise DamageError("a tensor has no storage or a negative offset")
    if not (isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise DamageError("a tensor has no shape or no strides")
    if len(shape) != len(strides):
        raise DamageError(f"a tensor of {len(shape)} axes has {len(strides)} strides")
    if not all(type(stride) is int and stride >= 0 for stride in strides):
        raise DamageError("a tensor has a negative stride")
    if volume(shape):
        _check_strides(storage, offset, shape, strides)
    return Tensor(storage, offset, shape, strides)


def _check_strides(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    """Refuse a view that leaves its storage or shows one of its numbers twice."""
    reach = 0
    for stride, length in sorted(zip(strides, shape, strict=True)):
        if length > 1 and stride <= reach:
            raise DamageError(
                f"a tensor's strides {quoted(strides)} overlap for shape "
                f"{quoted(shape)}"
            )
        reach += (length - 1) * stride
    if offset + reach >= storage.count:
        raise DamageError(
            f"a tensor reaches to number {quoted(offset + reach)} of storage "
            f"{quoted(storage.key)}, which holds {storage.count:,}"
        )


def _rebuild_parameter(tensor: object, *_: object) -> Tensor:
    """Stand in for ``torch._utils._rebuild_parameter``."""
    if not isinstance(tensor, Tensor):
        raise DamageError("a parameter holds no tensor")
    return tensor


def _rebuild_from_type(
    function: object, kind: object, arguments: object, *_: object
) -> object:
    """Stand in for ``torch._tensor._rebuild_from_type_v2``, of tensors' subclasses."""
    if function not in (_rebuild_tensor, _rebuild_parameter):
        raise DamageError("a tensor is rebuilt by a function that is not known")
    if not isinstance(arguments, tuple):
        raise DamageError("a tensor is rebuilt from what are no arguments")
    return function(*arguments)  # type: ignore[operator]


def to_array(tensor: Tensor, raw: memoryview) -> np.ndarray:
    """Copy a tensor out of its storage.

    Parameters
    ----------
    tensor : Tensor
        Checked against the size of its storage.
    raw : memoryview
        All bytes of the storage.

    Returns
    -------
    ndarray
        C order; bfloat16 as float32, all else in its own type.
    """
    kind = tensor.storage.type
    numbers = np.frombuffer(raw, kind.dtype)[tensor.offset :]
    if not math.prod(tensor.shape):
        numbers = np.zeros(1, kind.dtype)  # strides of an empty tensor mean nothing
    strides = [stride * kind.dtype.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides)
    if kind.name == "BFloat16Storage":
        return np.asarray(view.astype(np.uint32) << 16).view(np.float32)
    if kind.name == "BoolStorage":
        return np.asarray(view != 0)
    # A copy in C order; np.ascontiguousarray would give a scalar an axis.
    return np.array(view, order="C")
