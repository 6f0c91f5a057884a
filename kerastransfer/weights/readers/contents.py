"""Read a weight file of any format, recognised by its first bytes."""

import dataclasses
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import (
    caffe_file,
    keras_file,
    numpy_file,
    torch_file,
)
from kerastransfer.weights.readers.guard import check_file

_ZIP_MAGIC = b"PK\x03\x04"
# The first field of a network: its name, or a layer of either version.
_CAFFE_STARTS = (b"\x0a", b"\x12", b"\xa2\x06")
_LONGEST_MAGIC = 16
_KNOWN = (
    "PyTorch's .pth, Caffe's .caffemodel, NumPy's .npz or .npy, or Keras 3's "
    ".weights.h5"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """The contents of a weight file; exactly one of the two mappings is filled.

    Parameters
    ----------
    format : str
        ``torch``, ``caffe``, ``toronto``, ``npz`` or ``keras``.
    arrays : mapping of str to ndarray
        By the name of the tensor or variable (torch, npz, keras).
    layers : mapping of str to tuple of ndarray
        By layer (caffe, toronto).
    """

    format: str
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, tuple[np.ndarray, ...]] = dataclasses.field(
        default_factory=dict
    )


_ARRAYS: dict[str, Callable[[Path], Mapping[str, np.ndarray]]] = {
    "torch": torch_file.read,
    "npz": numpy_file.read_npz,
    "keras": keras_file.read,
}
_LAYERS: dict[str, Callable[[Path], Mapping[str, tuple[np.ndarray, ...]]]] = {
    "caffe": caffe_file.read,
    "toronto": numpy_file.read_toronto,
}


def read_any(path: Path) -> WeightFile:
    """Read a weight file of any known format.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If the format is none that is known, or the file is damaged.
    """
    path = Path(path)
    name = _format(path)
    if name in _ARRAYS:
        return WeightFile(format=name, arrays=_ARRAYS[name](path))
    return WeightFile(format=name, layers=_LAYERS[name](path))


def _format(path: Path) -> str:
    check_file(path)
    with path.open("rb") as file:
        start = file.read(_LONGEST_MAGIC)
    for magic, name in (
        (torch_file.MAGIC[:_LONGEST_MAGIC], "torch"),
        (keras_file.MAGIC, "keras"),
        (numpy_file.MAGIC, "toronto"),
    ):
        if start.startswith(magic):
            return name
    if start.startswith(_ZIP_MAGIC):
        return _zip_format(path)
    if start.startswith(_CAFFE_STARTS):
        return "caffe"
    raise WeightsError(
        f"Expected {_KNOWN}, but {str(path)!r} begins with {start!r}; is it a complete "
        "download of a weight file?"
    )


def _zip_format(path: Path) -> str:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(
            f"Expected {_KNOWN}, but the archive {str(path)!r} is damaged ({error})."
        ) from error
    if any(name.endswith("/data.pkl") for name in names):
        return "torch"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    cure = (
        "; load the model and call its save_weights('NAME.weights.h5')"
        if "model.weights.h5" in names
        else ""
    )
    raise WeightsError(
        f"Expected {_KNOWN}, but the archive {str(path)!r} holds neither data.pkl nor "
        f".npy members{cure}."
    )
