import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.weights.readers import contents

DATA = Path(__file__).parents[2] / "data"
# A network with one layer of version 2: name "ip", one blob of shape (1,), number 0.
CAFFEMODEL = b"\xa2\x06\x11\x0a\x02ip\x3a\x0b\x3a\x03\x0a\x01\x01\x2a\x04" + bytes(4)


def make(kind, folder):
    path = folder / "weights.bin"  # a name that says nothing
    if kind == "caffe":
        path.write_bytes(CAFFEMODEL)
    elif kind == "toronto":
        with path.open("wb") as file:
            np.save(file, {"ip": [np.zeros(1)]}, allow_pickle=True)
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, ip=np.zeros(1))
    elif kind == "keras":
        with h5py.File(path, "w") as file:
            file["layers/dense/vars/0"] = np.zeros((1, 1))
            file["layers/dense/vars"].attrs["name"] = "ip"
    else:
        shutil.copy(DATA / f"tensors_{kind}.pth", path)
    return path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("legacy", "torch"),
        ("zip", "torch"),
        ("caffe", "caffe"),
        ("toronto", "toronto"),
        ("npz", "npz"),
        ("keras", "keras"),
    ],
)
def test_the_bytes_decide(kind, name, tmp_path):
    read = contents.read_any(make(kind, tmp_path))
    assert read.format == name
    by_layer = name in ("caffe", "toronto")
    assert bool(read.layers) == by_layer
    assert bool(read.arrays) != by_layer


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html>", r"begins with b'<!DOCTYPE html>'; is it a complete"),
        (b"PK\x03\x04 and no archive", "archive .* is damaged"),
        (b"\x0a\x05not one", "Caffe network"),
        (b"", "has 0"),
    ],
)
def test_read_any_refuses(data, message, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=message):
        contents.read_any(path)


def test_read_any_refuses_archives_of_something_else(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(WeightsError, match="Expected a Keras 3 model"):
        contents.read_any(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(300 << 20))
    with pytest.raises(WeightsError, match="its weights claim 314,572,800 bytes"):
        contents.read_any(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", b"")
    with pytest.raises(WeightsError, match=r"\.npy members, nor model"):
        contents.read_any(path)


def test_read_any_of_no_file(tmp_path):
    with pytest.raises(MissingError, match="not there"):
        contents.read_any(tmp_path / "none")
