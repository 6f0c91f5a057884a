"""Read a weight file of any format, recognised by its first bytes."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights.readers import (
    caffe_file,
    caffe_hdf5,
    hdf5,
    keras_file,
    numpy_file,
    safetensors_file,
    sandbox,
    torch_file,
)
from kerastransfer.weights.readers.guard import check_file
from kerastransfer.weights.readers.weight_file import WeightFile

_ZIP_MAGIC = b"PK\x03\x04"
# The first field of a network: its name, or a layer of either version.
_CAFFE_STARTS = (b"\x0a", b"\x12", b"\xa2\x06")
_LFS_POINTER = b"version https://git-lfs"
_LONGEST_MAGIC = 16
_KNOWN = (
    "PyTorch's .pth, .safetensors, Caffe's .caffemodel or .caffemodel.h5, NumPy's .npz "
    "or .npy, or Keras's .keras, .weights.h5 or .h5"
)


_WHOLE: dict[str, Callable[[Path], WeightFile]] = {
    "torch": torch_file.read_checkpoint,
    "safetensors": safetensors_file.read_tensors,
}
_ARRAYS: dict[str, Callable[[Path], Mapping[str, np.ndarray]]] = {
    "npz": numpy_file.read_npz,
    "keras": keras_file.read_variables,
    "keras_archive": keras_file.read_archive,
}
# Both of Caffe's containers hold the same layers, and Keras 2's lists its own.
_LAYERS: dict[str, Callable[[Path], Mapping[str, tuple[np.ndarray, ...]]]] = {
    "caffe": caffe_file.read_layers,
    "caffe_hdf5": caffe_hdf5.read_layers,
    "keras_legacy": keras_file.read_legacy,
    "toronto": numpy_file.read_toronto,
}


def read_any(path: Path) -> WeightFile:
    """Read a weight file of any known format, in a process of its own.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If the format is none that is known, or the file is damaged or made to harm.
    """
    path = Path(path)
    check_file(path)
    return sandbox.read(path, f"{__name__}:{read_here.__name__}")


def read_here(path: Path) -> WeightFile:
    """Read a weight file as `read_any` does, in this process, which may die of it."""
    container = _container(path)
    if container in _WHOLE:
        return _WHOLE[container](path)
    if container in _ARRAYS:
        arrays = _ARRAYS[container](path)
        names = numpy_file.class_names(path) if container == "npz" else ()
        kind = container.removesuffix("_archive")
        return WeightFile(format=kind, arrays=arrays, class_names=names)
    name = container.removesuffix("_hdf5")
    return WeightFile(format=name, layers=_LAYERS[container](path))


def _container(path: Path) -> str:
    check_file(path)
    with path.open("rb") as file:
        start = file.read(_LONGEST_MAGIC)
    for magic, name in (
        (torch_file.MAGIC[:_LONGEST_MAGIC], "torch"),
        (numpy_file.MAGIC, "toronto"),
    ):
        if start.startswith(magic):
            return name
    if start.startswith(hdf5.MAGIC):
        return _hdf5_format(path)
    if start.startswith(_ZIP_MAGIC):
        return _zip_format(path)
    if safetensors_file.is_header(start, path.stat().st_size):
        return "safetensors"
    if start.startswith(_LFS_POINTER[:_LONGEST_MAGIC]):
        raise WeightsError(
            f"Expected {_KNOWN}, but {quoted(path)} is the pointer of Git LFS to one; "
            "get the file itself with 'git lfs pull'."
        )
    if start.startswith(_CAFFE_STARTS):
        return "caffe"
    raise WeightsError(
        f"Expected {_KNOWN}, but {quoted(path)} begins with {quoted(start)}; is it a "
        "complete download of a weight file?"
    )


def _hdf5_format(path: Path) -> str:
    if caffe_hdf5.is_network(path):
        return "caffe_hdf5"
    return "keras_legacy" if keras_file.is_legacy(path) else "keras"


def _zip_format(path: Path) -> str:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(
            f"Expected {_KNOWN}, but the archive {quoted(path)} is damaged ({error})."
        ) from error
    if any(name.endswith("/data.pkl") for name in names):
        return "torch"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if keras_file.MEMBER in names:
        return "keras_archive"
    raise WeightsError(
        f"Expected {_KNOWN}, but the archive {quoted(path)} holds neither data.pkl nor "
        f".npy members, nor {keras_file.MEMBER}."
    )
