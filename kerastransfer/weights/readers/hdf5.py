"""Arrays of HDF5 files whose claims are checked, and which read no other file."""

import contextlib
import io
from collections.abc import Iterator

import h5py
import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers.guard import MAX_BYTES, DamageError, volume

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
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DamageError(f"{quoted(name)} in it is a link to elsewhere")
    return group[name]


def array(group: h5py.Group, name: str, layer: str) -> np.ndarray:
    """Read one of a layer's arrays.

    Parameters
    ----------
    name : str
        Of the dataset in the group, such as ``"0"``.
    layer : str
        For messages.

    Raises
    ------
    DamageError
        If there is no array of numbers, or its numbers are in another file.
    """
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
        raise DamageError(f"layer {quoted(layer)} claims a shape of {shape}")
    if variable.attrs.get("dtype") == "bfloat16" and variable.dtype == np.dtype("V2"):
        bits = np.frombuffer(variable[()].tobytes(), "<u2").astype(np.uint32)
        return (bits << 16).view(np.float32).reshape(shape)
    if variable.dtype.kind not in "biuf":
        raise DamageError(f"layer {quoted(layer)} holds what is no number")
    return np.asarray(variable[()])
