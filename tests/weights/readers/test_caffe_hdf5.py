"""Files laid out as Net::ToHDF5 does it, written with h5py."""

import h5py
import numpy as np
import pytest

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import caffe_hdf5, contents

LAYERS = {
    "conv1": (np.arange(24, dtype="f4").reshape(2, 3, 2, 2), np.ones(2, "f4")),
    "fc6": (np.arange(6, dtype="f2").reshape(2, 3), np.zeros(2, "f2")),
    "inception/1x1": (np.ones((1, 2, 1, 1)), np.ones(1)),
}


def write(path, layers, empty=("data", "relu1")):
    with h5py.File(path, "w") as file:
        for group in ("data", "diff"):
            for layer in empty:
                file.create_group(f"{group}/{layer}")
            for layer, blobs in layers.items():
                for index, blob in enumerate(blobs):
                    file[f"{group}/{layer}/{index}"] = blob * (group == "data")
    return path


def test_read_equals_what_was_written(tmp_path):
    file = contents.read_any(write(tmp_path / "a.caffemodel.h5", LAYERS))
    assert file.format == "caffe"
    assert set(file.layers) == set(LAYERS)
    for layer, blobs in LAYERS.items():
        for ours, theirs in zip(file.layers[layer], blobs, strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def external(group):
    group["0"] = h5py.ExternalLink("other.h5", "/secret")


def gap(group):
    group["1"] = np.ones(2)


def cycle(group):
    group["again"] = group


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (external, "variable 0 of layer 'ip' is not in the file"),
        (gap, "variable 0 of layer 'ip' is not in the file"),
        (lambda g: g.__setitem__("0", "text"), "no number"),
        (lambda g: g.__setitem__("x", np.ones(1)), "'ip/x' in it is no layer"),
        (lambda g: g.__setitem__("x", h5py.SoftLink("/y")), "a link to elsewhere"),
        (cycle, "more than 20 deep"),
        (lambda g: None, "no layer in it has weights"),
    ],
)
def test_read_refuses(fill, message, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones(2)
    path = tmp_path / "bad.h5"
    with h5py.File(path, "w") as file:
        fill(file.create_group("data/ip"))
    with pytest.raises(WeightsError, match=rf"bad\.h5.*{message}"):
        caffe_hdf5.read_layers(path)


def test_a_link_in_place_of_the_layers_is_not_followed(tmp_path):
    write(tmp_path / "other.h5", LAYERS)
    path = tmp_path / "link.h5"
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
    assert not caffe_hdf5.is_network(path)
    with pytest.raises(WeightsError, match="'data' in it is a link to elsewhere"):
        contents.read_any(path)
