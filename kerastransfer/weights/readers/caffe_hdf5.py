"""Caffe's ``.caffemodel.h5`` networks (``snapshot_format: HDF5``).

Net::ToHDF5 (BVLC/caffe, src/caffe/net.cpp) writes a group ``data`` with a group for
each layer, empty where the layer has no weights, and in it the blobs ``0``, ``1``, ...
in their own shapes. The group ``diff``, where there is one, holds gradients.
"""

from pathlib import Path

import h5py
import numpy as np

from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers import hdf5
from kerastransfer.weights.readers.guard import (
    MAX_BYTES,
    DamageError,
    naming,
    read_bytes,
)

GROUP = "data"


def is_network(path: Path) -> bool:
    """Tell a network of Caffe from other HDF5 files; False where it is damaged."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            link = file.get(GROUP, getlink=True)  # a link to elsewhere is not followed
            return isinstance(link, h5py.HardLink) and isinstance(
                file[GROUP], h5py.Group
            )
    except Exception:  # h5py raises anything on a damaged file; its reader says what
        return False


def read_layers(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Read the blobs of a network.

    Parameters
    ----------
    path : Path
        A ``.caffemodel.h5`` file.

    Returns
    -------
    dict of str to tuple of ndarray
        By layer; layers without blobs are left out. In the file's shapes and types.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no such network, is damaged, or points outside of itself.
    """
    path = Path(path)
    data = read_bytes(path)
    with naming(path, "a Caffe network (.caffemodel.h5)"), hdf5.opened(data) as file:
        layers: dict[str, tuple[np.ndarray, ...]] = {}
        _collect(hdf5.child(file, GROUP), "", layers, 0)
        if not layers:
            raise DamageError("no layer in it has weights")
        return layers


def _collect(
    group: h5py.Group | h5py.Dataset,
    layer: str,
    layers: dict[str, tuple[np.ndarray, ...]],
    depth: int,
) -> None:
    """Read a layer's blobs, or those of the layers whose names begin with its name."""
    if not isinstance(group, h5py.Group):
        raise DamageError(f"{quoted(layer)} in it is no layer")
    if depth > hdf5.MAX_DEPTH:
        raise DamageError(f"its groups lie more than {hdf5.MAX_DEPTH} deep")
    blobs = [name for name in group if name.isdecimal() and _is_blob(group, name)]
    if blobs:
        held = _bytes(layers)
        layers[layer] = hdf5.arrays(group, len(blobs), layer, held)
    held = _bytes(layers)
    if held > MAX_BYTES:
        raise DamageError(f"its arrays hold more than {MAX_BYTES:,} bytes")
    for name in group:
        if name not in blobs:  # "fc6/reduced" lies in a group of the group "fc6"
            inner = f"{layer}/{name}" if layer else name
            _collect(hdf5.child(group, name), inner, layers, depth + 1)


def _bytes(layers: dict[str, tuple[np.ndarray, ...]]) -> int:
    return sum(blob.nbytes for blobs in layers.values() for blob in blobs)


def _is_blob(group: h5py.Group, name: str) -> bool:
    link = group.get(name, getlink=True)
    return not isinstance(link, h5py.HardLink) or isinstance(group[name], h5py.Dataset)
