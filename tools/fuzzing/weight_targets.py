"""Weight files of every format, and checkpoints."""

import importlib
import io
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np

from fuzzing import samples, structures
from fuzzing.target import Target

_TESTS = Path(__file__).parents[2] / "tests"


def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "conv1.weight": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "conv1.bias": rng.normal(size=4).astype(np.float32),
        "fc.weight": rng.normal(size=(5, 4)).astype(np.float32),
    }


def _torch(folder: Path) -> list[Path]:
    names = ("tensors_zip", "tensors_legacy", "checkpoint_protocol4", "nested_legacy")
    return [
        Path(shutil.copy(_TESTS / "data" / f"{name}.pth", folder)) for name in names
    ]


def _numpy(folder: Path) -> list[Path]:
    plain = {f"{name}.npy": _npy(array) for name, array in _arrays().items()}
    layers = {
        "conv1": [_arrays()["conv1.weight"], _arrays()["conv1.bias"]],
        "fc8": [_arrays()["fc.weight"], np.zeros(5, np.float32)],
    }
    toronto = io.BytesIO()
    np.save(toronto, np.array(layers, object), allow_pickle=True)
    protocol2 = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        protocol2, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    protocol2.write(pickle.dumps(np.array(layers, object), 2))
    return samples.write(
        folder,
        {
            "plain.npz": samples.zip_of(plain, 0),
            "packed.npz": samples.zip_of(plain, 8),
            "toronto.npy": toronto.getvalue(),
            "protocol2.npy": protocol2.getvalue(),
        },
    )


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _safetensors(folder: Path) -> list[Path]:
    import safetensors.numpy

    path = folder / "weights.safetensors"
    safetensors.numpy.save_file(_arrays(), path, metadata={"format": "pt"})
    return [path]


def _hdf5(folder: Path) -> list[Path]:
    import h5py
    from keras import layers, models

    keras, caffe = folder / "model.weights.h5", folder / "net.caffemodel.h5"
    model = models.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    for number, variable in enumerate(model.weights):
        variable.assign(np.full(variable.shape, number / 8, np.float32))
    model.save_weights(keras)
    with h5py.File(caffe, "w") as file:
        file["data/conv1/0"] = _arrays()["conv1.weight"]
        file["data/conv1/1"] = _arrays()["conv1.bias"]
    return [keras, caffe]


def _caffe(folder: Path) -> list[Path]:
    sys.path.insert(0, str(_TESTS))
    caffe_encoder = importlib.import_module("helpers.caffe_encoder")

    arrays = _arrays()
    layers = {
        "conv1": (arrays["conv1.weight"], arrays["conv1.bias"]),
        "fc8": (arrays["fc.weight"], np.zeros(5, np.float32)),
    }
    return samples.write(
        folder,
        {
            f"v{version}.caffemodel": caffe_encoder.network(layers, version=version)
            for version in (1, 2)
        },
    )


def _read(path: Path) -> object:
    """Read in this process, which is bounded already, instead of one for each file."""
    from kerastransfer.weights.readers.contents import read_here

    return read_here(path)


def _checkpoints(folder: Path) -> list[Path]:
    import dataclasses

    from kerastransfer.training.checkpoints.store import START, CheckpointStore

    weights = {8: {"kernel": _arrays()["fc.weight"], "bias": np.zeros(5, np.float32)}}
    store = CheckpointStore(folder, "c" * 64)
    store.write(dataclasses.replace(START, weights=weights))
    return sorted(folder.glob("state-*.npz"))


def _read_checkpoint(path: Path) -> object:
    """Read the newest; where it is damaged there is none, which is said."""
    from kerastransfer.errors import DataError
    from kerastransfer.training.checkpoints.store import CheckpointStore

    checkpoint = CheckpointStore(path.parent, "c" * 64).newest()
    if checkpoint is None:
        raise DataError("there is no whole checkpoint")
    return checkpoint


_CONTENTS = ("kerastransfer.weights.readers.contents",)
TARGETS = (
    Target(
        name="torch",
        prepare=_torch,
        read=_read,
        mutators=(structures.ZIP,),
        modules=_CONTENTS,
    ),
    Target(
        name="numpy_weights",
        prepare=_numpy,
        read=_read,
        mutators=(structures.ZIP, structures.NPZ, structures.NPY),
        modules=_CONTENTS,
    ),
    Target(name="safetensors", prepare=_safetensors, read=_read, modules=_CONTENTS),
    Target(name="hdf5", prepare=_hdf5, read=_read, modules=_CONTENTS),
    Target(name="caffe", prepare=_caffe, read=_read, modules=_CONTENTS),
    Target(
        name="checkpoint",
        prepare=_checkpoints,
        read=_read_checkpoint,
        mutators=(structures.ZIP, structures.NPZ),
        checked=True,
    ),
)
