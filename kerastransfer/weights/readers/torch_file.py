"""PyTorch's checkpoints (``.pth``), in both containers, without PyTorch.

Up to PyTorch 1.5: a pickled magic number, a protocol number and a description of the
machine; the pickled object, whose tensors refer to storages by key; the pickled list of
keys; and for each key an int64 count and the raw numbers. From 1.6 on: a zip archive
with ``<root>/data.pkl``, ``<root>/data/<key>`` and, later, ``<root>/byteorder``
(torch/serialization.py).

The object is a state dict, or whatever a training script put around and beside one:
tensors are taken wherever they lie, and all else is passed over (`skipping`).
"""

import io
import zipfile
from pathlib import Path

import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import (
    MAX_BYTES,
    DamageError,
    most_unpacked,
    naming,
    read_bytes,
)
from kerastransfer.weights.readers.pickles import nested, pickled
from kerastransfer.weights.readers.pickles.machine import not_run
from kerastransfer.weights.readers.torch_tensors import (
    Storage,
    Tensor,
    rules,
    to_array,
)
from kerastransfer.weights.readers.weight_file import ArraysOnDemand, WeightFile

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # pickled 0x1950a86a20f9469cfc6c
_PROTOCOL = 1001
_KIND = "a PyTorch checkpoint (.pth)"


def read_checkpoint(path: Path) -> WeightFile:
    """Read the tensors of a checkpoint.

    Parameters
    ----------
    path : Path
        A ``.pth`` file of either container.

    Returns
    -------
    WeightFile
        Its arrays are made on demand, in the file's order; bfloat16 as float32, all
        else in its own type.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it holds no tensors, is damaged, or asks for something to be run.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, _KIND):
        storages: dict[str, Storage] = {}
        skipped: list[str] = []
        if data.startswith(MAGIC):
            start = _header(data)
            value, end = pickled.load(data, start, *rules(storages), skipped)
            tensors = _tensors(value, skipped, len(data))
            numbers = _legacy_storages(data, end, storages).__getitem__
        else:
            archive = _Archive(data)
            value, _ = pickled.load(archive.pickle, 0, *rules(storages), skipped)
            tensors = _tensors(value, skipped, len(data))
            archive.check(storages)
            numbers = archive.numbers
        class_names = nested.class_names(value)

    def array(name: str) -> np.ndarray:
        with naming(path, _KIND):
            tensor = tensors[name]
            return to_array(tensor, numbers(tensor.storage.key))

    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    return WeightFile(
        format="torch",
        arrays=ArraysOnDemand(shapes, array),
        skipped=tuple(skipped),
        class_names=class_names,
    )


def _header(data: bytes) -> int:
    """Check what stands before the pickled object; return where that begins."""
    protocol, place = pickled.load(data, len(MAGIC), {})
    if protocol != _PROTOCOL:
        raise DamageError(
            f"it follows protocol {quoted(protocol, 40)}, not {_PROTOCOL}"
        )
    machine, place = pickled.load(data, place, {})
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise DamageError("it is not from a little-endian machine")
    return place


def _legacy_storages(
    data: bytes, place: int, storages: dict[str, Storage]
) -> dict[str, memoryview]:
    keys, place = pickled.load(data, place, {})
    if not isinstance(keys, list) or sorted(keys) != sorted(storages):
        raise DamageError("its list of storages does not match its tensors")
    raw: dict[str, memoryview] = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(data[place : place + 8], "little", signed=True)
        end = place + 8 + storage.count * storage.type.dtype.itemsize
        if count != storage.count or end > len(data):
            raise DamageError(
                f"storage {quoted(key)} should hold {storage.count:,} numbers; it is "
                f"cut off or holds {count:,}"
            )
        raw[key] = memoryview(data)[place + 8 : end]
        place = end
    if place != len(data):
        raise DamageError(f"{len(data) - place:,} bytes follow its last storage")
    return raw


class _Archive:
    """The zip container; its members are stored, not compressed."""

    def __init__(self, data: bytes) -> None:
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        members = self.zip.infolist()
        names = [member.filename for member in members]
        roots = [n.removesuffix("data.pkl") for n in names if _is_pickle(n)]
        if len(roots) != 1 or len(set(names)) != len(names):
            raise DamageError(
                "it has not exactly one data.pkl, or two members of a name"
            )
        if any(m.compress_type != zipfile.ZIP_STORED for m in members):
            raise DamageError("its members are compressed, which PyTorch never does")
        if sum(m.file_size for m in members) > len(data):
            raise DamageError("its members claim more bytes than it has")
        self.root = roots[0]
        order = self.root + "byteorder"
        if order in names and self.zip.read(order) != b"little":
            raise DamageError("it is not from a little-endian machine")
        self.pickle = self.zip.read(self.root + "data.pkl")

    def check(self, storages: dict[str, Storage]) -> None:
        """Check that every storage is there and of the size that its tensors need."""
        sizes = {member.filename: member.file_size for member in self.zip.infolist()}
        for key, storage in storages.items():
            expected = storage.count * storage.type.dtype.itemsize
            size = sizes.get(f"{self.root}data/{key}")
            if size is None:
                item = quoted(f"data/{key[:80]}", 90)
                raise DamageError(f"there is no item named {item} in it")
            if size != expected:
                raise DamageError(
                    f"storage {quoted(key)} should have {expected:,} bytes and has "
                    f"{size:,}"
                )

    def numbers(self, key: str) -> memoryview:
        """Return a storage's bytes; their checksum is compared."""
        return memoryview(self.zip.read(f"{self.root}data/{key}"))


def _is_pickle(name: str) -> bool:
    return name.endswith("/data.pkl") and name.count("/") == 1


def _tensors(value: object, skipped: list[str], size: int) -> dict[str, Tensor]:
    """Find the named tensors in what was pickled in a file of `size` bytes."""
    tensors = nested.named(value, Tensor)
    tensors.pop("", None)  # a tensor alone has no name
    most = min(MAX_BYTES, most_unpacked(size))
    if tensors and sum(t.num_bytes for t in tensors.values()) > most:
        raise DamageError(f"its tensors claim more than {most:,} bytes")
    if tensors:
        return tensors
    if skipped:
        raise DamageError(not_run(skipped[0]))
    if not isinstance(value, dict) or not value:
        raise DamageError("it holds no mapping of names to tensors")
    raise DamageError(
        f"{quoted(next(iter(value)))} is no tensor; save a state_dict, not a whole "
        "model"
    )
