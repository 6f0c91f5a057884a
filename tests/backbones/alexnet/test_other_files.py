"""AlexNets whose files are not the published ones, against OpenCV's Caffe importer.

Places' classes, layers cast into convolutions, halves, HDF5 and caffe-tensorflow's
pickles: one network in five files gives one network's answers.
"""

import h5py
import numpy as np
import pytest
from helpers import caffe_encoder

from kerastransfer.backbones.table import BACKBONES
from kerastransfer.weights import port_file

cv2 = pytest.importorskip("cv2")
pytestmark = pytest.mark.slow  # files of hundreds of megabytes
CLASSES = 205
SHAPES = caffe_encoder.SHAPES | {"fc8": (CLASSES, 4096)}
# Cast into convolutions as Caffe's example of net surgery does.
CAST = {"fc6": (4096, 256, 6, 6), "fc7": (4096, 4096, 1, 1), "fc8": (205, 4096, 1, 1)}


@pytest.fixture(scope="module")
def layers():
    """Weights that halves hold exactly, so that all files hold the same."""
    rng = np.random.default_rng(0)
    drawn = {}
    for name, shape in SHAPES.items():
        scale = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        kernel = rng.standard_normal(shape, np.float32) * scale
        bias = rng.standard_normal(shape[0], np.float32)
        halves = (a.astype(np.float16).astype(np.float32) for a in (kernel, bias))
        drawn[name] = tuple(halves)
    return drawn


@pytest.fixture(scope="module")
def files(layers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("places205")
    whole = folder / "whole.caffemodel"
    whole.write_bytes(caffe_encoder.network(layers, version=1))
    halves = folder / "halves.caffemodel"
    cv2.dnn.shrinkCaffeModel(str(whole), str(halves))
    cast = {n: (k.reshape(CAST.get(n, k.shape)), b) for n, (k, b) in layers.items()}
    with h5py.File(folder / "cast.caffemodel.h5", "w") as file:
        for name, pair in cast.items():
            for index, blob in enumerate(pair):
                file[f"data/{name}/{index}"] = blob.astype(np.float16)
    # caffe-tensorflow: channels last, and fc6 takes the map so too.
    last = {n: (k.transpose(2, 3, 1, 0), b) for n, (k, b) in cast.items()}
    named = {
        n: {"weights": k.reshape(-1, k.shape[-1]) if n in CAST else k, "biases": b}
        for n, (k, b) in last.items()
    }
    np.save(folder / "named.npy", named, allow_pickle=True)
    yield {path.name.split(".")[0]: path for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()  # half a gigabyte


@pytest.fixture(scope="module")
def reference(files):
    """What OpenCV makes of the file of halves."""
    text = caffe_encoder.prototxt(("pool", "norm")).replace("1000", str(CLASSES))
    buffers = (text.encode(), files["halves"].read_bytes())
    net = cv2.dnn.readNetFromCaffe(*(np.frombuffer(b, np.uint8) for b in buffers))
    x = np.random.default_rng(1).normal(0, 50, (2, 3, 227, 227)).astype(np.float32)
    net.setInput(x)
    return x, *net.forward(["relu7", "fc8"])


def test_the_files_hold_one_network(files):
    first = port_file.read("caffenet", files["whole"])
    assert first.source_classes == CLASSES
    for name, path in files.items():
        other = port_file.read("caffenet", path)
        assert other.source_classes == CLASSES, name
        assert other.remarks == first.remarks, name
        for variable, array in first.weights.items():
            assert np.array_equal(array, other.weights[variable]), (name, variable)


def test_its_answers_are_opencv_s(files, reference):
    x, features, logits = reference
    weights = port_file.port("caffenet", files["halves"])
    network = BACKBONES["caffenet"].build(CLASSES, 0)
    for block in range(1, 9):
        network.assign(block, weights)
    ours = network.forward(np.moveaxis(x, 1, -1), last=7)
    assert np.abs(ours - features).max() < 1e-4 * np.abs(features).max()
    ours = network.forward(ours, first=8)
    assert ours.shape == (2, CLASSES)
    assert np.abs(ours - logits).max() < 1e-4 * np.abs(logits).max()
