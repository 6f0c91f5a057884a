"""Arrays of HDF5 files whose claims are checked, and which read no other file."""

import contextlib
import io
from collections.abc import Iterator

import h5py
import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import (
    MAX_BYTES,
    DamageError,
    most_unpacked,
    volume,
)

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 20


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[h5py.File]:
    """Open a file from memory, so that no link in it can open a second file."""
    with h5py.File(io.BytesIO(data), "r") as file:
        yield file


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Return what a group holds under a name.

    Raises
    ------
    DamageError
        If it is a link to elsewhere, or there is nothing.
    """
    if name not in group:
        raise DamageError(f"{quoted(name)} is not in it")
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DamageError(f"{quoted(name)} in it is a link to elsewhere")
    return group[name]


def arrays(
    group: h5py.Group, count: int, layer: str, held: int
) -> tuple[np.ndarray, ...]:
    """Read a layer's arrays.

    Parameters
    ----------
    count : int
        The datasets in the group are called ``"0"`` to ``str(count - 1)``.
    layer : str
        For messages.
    held : int
        Bytes of the arrays that were read of the file before.

    Raises
    ------
    DamageError
        If there is no array of numbers, its numbers are in another file, or all take
        more than a file of that size should unfold to.
    """
    read: list[np.ndarray] = []
    for number in range(count):
        read.append(array(group, str(number), layer, held))
        held += read[-1].nbytes
    return tuple(read)


def array(group: h5py.Group, name: str, layer: str, held: int) -> np.ndarray:
    """Read one of a layer's arrays; see `arrays`."""
    most = most_unpacked(group.file.id.get_filesize()) - held
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise DamageError(
            f"variable {name} of layer {quoted(layer)} is not in the file"
        )
    variable = group[name]
    if not isinstance(variable, h5py.Dataset):
        raise DamageError(f"variable {name} of layer {quoted(layer)} is no array")
    if variable.external or variable.is_virtual:
        raise DamageError(f"layer {quoted(layer)} keeps its numbers in another file")
    shape = tuple(int(n) for n in variable.shape or ())
    if volume(shape) * variable.dtype.itemsize > MAX_BYTES:
        raise DamageError(f"layer {quoted(layer)} claims a shape of {quoted(shape)}")
    if volume(shape) * variable.dtype.itemsize > most:
        raise DamageError(
            "its arrays take more bytes than a file of that size should unfold to"
        )
    if variable.attrs.get("dtype") == "bfloat16" and variable.dtype == np.dtype("V2"):
        bits = np.frombuffer(variable[()].tobytes(), "<u2").astype(np.uint32)
        return (bits << 16).view(np.float32).reshape(shape)
    if variable.dtype.kind not in "biuf":
        raise DamageError(f"layer {quoted(layer)} holds what is no number")
    return np.asarray(variable[()])
