"""Weights that Keras saved: ``NAME.weights.h5``, whole ``NAME.keras``, ``NAME.h5``.

What is relied on, as Keras 3.15 writes it (keras/src/saving/saving_lib.py): every layer
has a group ``vars`` whose attribute ``name`` is the layer's own name, however deep the
group lies in sub-models; its datasets ``0``, ``1``, ... are the layer's trainable
variables and then the others, in the order they were made. The names of variables are
not in the file; their number and ranks decide: one is a kernel; two are kernel and
bias; four are a batch normalisation's gamma, beta, moving mean and moving variance.
Others are called by their place: ``0``, ``1``, ... Types that HDF5 lacks (bfloat16) are
two opaque bytes with an attribute ``dtype``.

The files ``NAME.h5`` of Keras 2, in which Keras publishes its weights to this day, list
layers in their order, and in each the names of its arrays (keras/src/legacy/saving/
legacy_h5_format.py). Only arrays are read, not the description of the model.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers import hdf5
from kerastransfer.weights.readers.guard import (
    MAX_BYTES,
    DamageError,
    most_unpacked,
    naming,
    read_bytes,
)

MEMBER = "model.weights.h5"  # of an archive
# Of Keras 2: the group in a whole model, and the attributes that list its contents.
_WHOLE, _LAYERS, _ARRAYS = "model_weights", "layer_names", "weight_names"
# By which of a layer's variables are vectors.
_VARIABLES = {
    (False,): ("kernel",),
    (False, True): ("kernel", "bias"),
    (True, True, True, True): ("gamma", "beta", "moving_mean", "moving_variance"),
}


def read_variables(path: Path) -> dict[str, np.ndarray]:
    """Read the weights of a model and of the models in it.

    Parameters
    ----------
    path : Path
        A ``.weights.h5`` file of Keras 3.

    Returns
    -------
    dict of str to ndarray
        Keys ``<layer>/<variable>``, such as ``conv1/kernel``; bfloat16 as float32, all
        else in its own type.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such file, is damaged, points outside of itself, or two layers have
        one name.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "Keras 3 weights (.weights.h5)"):
        return _variables(data)


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Read the weights in a ``.keras`` archive; what else it holds is not looked at.

    Parameters
    ----------
    path : Path
        What ``model.save("NAME.keras")`` writes.

    Returns
    -------
    dict of str to ndarray
        As of `read_variables`.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        As `read_variables`; or if the archive unfolds to more than a network.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "a Keras 3 model (.keras)"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        size, most = archive.getinfo(MEMBER).file_size, most_unpacked(len(data))
        if size > most:
            raise DamageError(f"its weights claim {size:,} bytes, above {most:,}")
        return _variables(archive.read(MEMBER))


def _variables(data: bytes) -> dict[str, np.ndarray]:
    with hdf5.opened(data) as file:
        layers: dict[str, list[np.ndarray]] = {}
        _walk(file, layers, depth=0)
    if not layers:
        raise DamageError("it holds no layer's variables, as of Keras 3")
    return {
        f"{layer}/{name}": array
        for layer, arrays in layers.items()
        for name, array in zip(_names(arrays), arrays, strict=True)
    }


def _walk(group: h5py.Group, layers: dict[str, list[np.ndarray]], depth: int) -> None:
    if depth > hdf5.MAX_DEPTH:
        raise DamageError(f"its groups lie more than {hdf5.MAX_DEPTH} deep")
    for name in group:
        child = hdf5.child(group, name)
        if not isinstance(child, h5py.Group):
            continue
        if name == "vars":
            _collect(child, layers)
        else:
            _walk(child, layers, depth + 1)


def _collect(group: h5py.Group, layers: dict[str, list[np.ndarray]]) -> None:
    """Read the variables of one layer."""
    if not len(group):
        return
    layer = group.attrs.get("name")
    if not isinstance(layer, str) or layer in layers:
        raise DamageError(f"layer {quoted(layer)} has no name, or one used before")
    held = _bytes(layers)
    layers[layer] = list(hdf5.arrays(group, len(group), layer, held))
    held = _bytes(layers)
    if held > MAX_BYTES:
        raise DamageError(f"its arrays hold more than {MAX_BYTES:,} bytes")


def _bytes(layers: dict[str, list[np.ndarray]]) -> int:
    return sum(array.nbytes for arrays in layers.values() for array in arrays)


def _names(arrays: list[np.ndarray]) -> tuple[str, ...]:
    numbers = tuple(str(number) for number in range(len(arrays)))
    return _VARIABLES.get(tuple(array.ndim == 1 for array in arrays), numbers)


def is_legacy(path: Path) -> bool:
    """Tell a file of Keras 2 from other HDF5 files; False where it is damaged."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _listed(_top(file), _LAYERS) is not None
    except Exception:  # h5py raises anything on a damaged file; its reader says what
        return False


def read_legacy(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Read the arrays of a ``.h5`` file of Keras 2, weights or a whole model.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to tuple of ndarray
        By layer, in the file's order; layers without arrays are left out.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such file, is damaged, or points outside of itself.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "Keras 2 weights (.h5)"), hdf5.opened(data) as file:
        top = _top(file)
        layers: dict[str, tuple[np.ndarray, ...]] = {}
        held = 0
        for layer in _listed(top, _LAYERS) or ():
            arrays = tuple(_legacy_arrays(hdf5.child(top, layer), layer, held))
            held += sum(array.nbytes for array in arrays)
            if layer in layers or held > MAX_BYTES:
                raise DamageError(
                    f"layer {quoted(layer)} is listed twice, or its arrays hold more "
                    f"than {MAX_BYTES:,} bytes"
                )
            if arrays:
                layers[layer] = arrays
        if not layers:
            raise DamageError("no layer in it has weights")
        return layers


def _top(file: h5py.File) -> h5py.Group:
    """Return the group that lists the layers; a whole model keeps it inside."""
    if _WHOLE in file and isinstance(file.get(_WHOLE, getlink=True), h5py.HardLink):
        return file[_WHOLE]
    return file


def _legacy_arrays(
    group: h5py.Group | h5py.Dataset, layer: str, held: int
) -> Iterator[np.ndarray]:
    if not isinstance(group, h5py.Group):
        raise DamageError(f"{quoted(layer)} in it is no layer")
    for name in _listed(group, _ARRAYS) or ():
        *inner, last = name.split("/")
        if len(inner) > hdf5.MAX_DEPTH:
            raise DamageError(f"its groups lie more than {hdf5.MAX_DEPTH} deep")
        place = group
        for part in inner:
            place = hdf5.child(place, part)
            if not isinstance(place, h5py.Group):
                raise DamageError(f"{quoted(part)} in it is no layer")
        array = hdf5.array(place, last, layer, held)
        held += array.nbytes
        yield array


def _listed(group: h5py.Group, name: str) -> list[str] | None:
    """Return an attribute's texts, which may be spread over several; None for none."""
    pieces = [name] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs:
        pieces.append(f"{name}{len(pieces)}")
    if not pieces:
        return None
    texts = [text for piece in pieces for text in np.atleast_1d(group.attrs[piece])]
    return [t.decode() if isinstance(t, bytes) else str(t) for t in texts]
