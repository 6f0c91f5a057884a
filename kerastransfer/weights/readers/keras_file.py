"""Weights that Keras 3 saved: ``NAME.weights.h5``, or a whole ``NAME.keras``.

What is relied on, as Keras 3.15 writes it (keras/src/saving/saving_lib.py): every layer
has a group ``vars`` whose attribute ``name`` is the layer's own name, however deep the
group lies in sub-models; its datasets ``0``, ``1``, ... are the layer's trainable
variables and then the others, in the order they were made. The names of variables are
not in the file; their number and ranks decide: one is a kernel; two are kernel and
bias; four are a batch normalisation's gamma, beta, moving mean and moving variance.
Nothing else is taken, as nothing else is in our networks. Types that HDF5 lacks
(bfloat16) are two opaque bytes with an attribute ``dtype``.
"""

import io
import zipfile
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
        for name, array in zip(_names(layer, arrays), arrays, strict=True)
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


def _names(layer: str, arrays: list[np.ndarray]) -> tuple[str, ...]:
    try:
        return _VARIABLES[tuple(array.ndim == 1 for array in arrays)]
    except KeyError:
        shapes = [array.shape for array in arrays]
        raise DamageError(
            f"layer {quoted(layer)} has variables of shapes {quoted(shapes)}, which is "
            "neither a convolution, a dense layer nor a batch normalisation"
        ) from None
