import contextlib
import dataclasses
import io
import pathlib

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from helpers import caffe_encoder, numpy_alexnet
from onnx import numpy_helper
from PIL import Image
from sklearn.datasets import load_sample_image

from kerastransfer import pipeline, views
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.alexnet import port as ports
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.weights import port_file

cv2 = pytest.importorskip("cv2")

ORDERS = {"alexnet": ("norm", "pool"), "caffenet": ("pool", "norm")}
VERSIONS = {"alexnet": 1, "caffenet": 2}
TAPS = ("norm1", "pool2", "pool5", "relu6", "relu7", "fc8")
FULL = {"fc6": (4096, 9216), "fc7": (4096, 4096), "fc8": (1000, 4096)}
OWT = {
    "conv1": (64, 3, 11, 11),
    "conv2": (192, 64, 5, 5),
    "conv3": (384, 192, 3, 3),
    "conv4": (256, 384, 3, 3),
    "conv5": (256, 256, 3, 3),
    **FULL,
}


def he(shapes, seed=0):
    """Weights that keep the scale of responses, in Caffe's and PyTorch's layout."""
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.standard_normal(shape, np.float32)
            * np.float32(np.sqrt(2 / np.prod(shape[1:]))),
            rng.standard_normal(shape[0], np.float32),
        )
        for name, shape in shapes.items()
    }


def pixels(size):
    """Two images of the scale of pixels less their mean; smaller hides the norm."""
    rng = np.random.default_rng(1)
    return rng.normal(0, 50, (2, 3, size, size)).astype(np.float32)


def channels_last(x):
    return np.moveaxis(x, 1, -1) if x.ndim == 4 else x


def error(ours, reference):
    return np.abs(ours - reference).max() / np.abs(reference).max()


def load(network, weights):
    for number in range(1, 9):
        network.assign(number, weights)
    return network


def responses(network, x):
    """What the layers in TAPS answer, for images of shape (n, height, width, 3)."""
    seen = {}
    for block in network.blocks:
        layers = {layer.name: layer.output for layer in block.layers}
        wanted = {name: layers[name] for name in TAPS if name in layers}
        outputs = keras.Model(block.input, {**wanted, "out": block.output})(x)
        x = outputs.pop("out")
        seen |= {name: y.numpy() for name, y in outputs.items()}
    return seen


@dataclasses.dataclass(frozen=True)
class Caffe:
    name: str
    layers: dict
    file: pathlib.Path
    network: Network
    x: np.ndarray  # channels first
    ours: dict
    reference: dict  # of a NumPy forward pass


@pytest.fixture(scope="module", params=list(ORDERS))
def caffe(request, tmp_path_factory):
    name = request.param
    layers = he(caffe_encoder.SHAPES)
    file = tmp_path_factory.mktemp(name) / "random.caffemodel"
    file.write_bytes(caffe_encoder.network(layers, version=VERSIONS[name]))
    network = load(BACKBONES[name].build(1000, 0), port_file.port(name, file))
    x = pixels(227)
    ours = responses(network, channels_last(x))
    reference = numpy_alexnet.forward(x, layers, ORDERS[name])
    yield Caffe(name, layers, file, network, x, ours, reference)
    file.unlink()


@pytest.mark.parametrize("tap", TAPS)
def test_agrees_with_numpy(caffe, tap):
    assert error(caffe.ours[tap], channels_last(caffe.reference[tap])) < 1e-5


def test_agrees_with_opencv(caffe):
    text = caffe_encoder.prototxt(ORDERS[caffe.name]).encode()
    buffers = (np.frombuffer(b, np.uint8) for b in (text, caffe.file.read_bytes()))
    net = cv2.dnn.readNetFromCaffe(*buffers)
    net.setInput(caffe.x)
    theirs = dict(zip(TAPS, net.forward(TAPS), strict=True))
    errors = {tap: error(caffe.ours[tap], channels_last(theirs[tap])) for tap in TAPS}
    assert max(errors.values()) < 1e-5, errors


def test_a_jpeg_gives_what_opencv_makes_of_pillow_s_pixels(caffe):
    """From a file's bytes to features: with the other transform they are 8 % apart."""
    photograph = Image.fromarray(load_sample_image("china.jpg")).resize((256, 256))
    out = io.BytesIO()
    photograph.save(out, "JPEG", quality=85)
    preprocessing = BACKBONES[caffe.name].preprocessing
    view = tf.constant(views.CENTRE)
    cut = pipeline.view_of_file(out.getvalue(), preprocessing, view)
    x = image_ops.normalise(cut[tf.newaxis], preprocessing)
    with Image.open(out) as decoded:
        box = np.asarray(decoded)[15:242, 15:242]
    pixels = box[..., ::-1] - np.float32(preprocessing.mean)
    text = caffe_encoder.prototxt(ORDERS[caffe.name]).encode()
    buffers = (np.frombuffer(b, np.uint8) for b in (text, caffe.file.read_bytes()))
    net = cv2.dnn.readNetFromCaffe(*buffers)
    net.setInput(np.moveaxis(pixels, -1, 0)[np.newaxis].copy())
    theirs = dict(zip(TAPS, net.forward(TAPS), strict=True))
    ours = responses(caffe.network, x)
    errors = {tap: error(ours[tap], channels_last(theirs[tap])) for tap in TAPS}
    assert max(errors.values()) < 1e-5, errors


@contextlib.contextmanager
def undivided_alpha(network):
    norms = [network.blocks[n].get_layer(f"norm{n + 1}") for n in (0, 1)]
    for norm in norms:
        norm.alpha *= norm.size
    yield network
    for norm in norms:
        norm.alpha /= norm.size


@contextlib.contextmanager
def unpermuted(network, kernel):
    before = network.snapshot(6)
    network.assign(6, {**before, "fc6/kernel": kernel.T})
    yield network
    network.assign(6, before)


def test_the_comparison_sees_what_it_should(caffe):
    reference, x = caffe.reference["fc8"], channels_last(caffe.x)
    assert error(caffe.network.forward(x).numpy(), reference) < 1e-5
    assert error(caffe.network.forward(x[..., ::-1]).numpy(), reference) > 0.1
    with undivided_alpha(caffe.network) as network:
        assert error(network.forward(x).numpy(), reference) > 0.1
    with unpermuted(caffe.network, caffe.layers["fc6"][0]) as network:
        assert error(network.forward(x).numpy(), reference) > 0.1
    other = {"alexnet": "caffenet", "caffenet": "alexnet"}[caffe.name]
    swapped = BACKBONES[other].build(1000, 0)
    for number in range(1, 9):
        swapped.assign(number, caffe.network.snapshot(number))
    assert error(swapped.forward(x).numpy(), reference) > 0.1


TORCH_NAMES = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "fc8": "classifier.6",
}
# pytorch/vision, torchvision/models/alexnet.py; sizes rounded down, as PyTorch does.
TORCHVISION = (
    ("Conv", "conv1", {"strides": (4, 4), "pads": (2, 2, 2, 2)}),
    ("Relu", "", {}),
    ("MaxPool", "pool1", {"kernel_shape": (3, 3), "strides": (2, 2)}),
    ("Conv", "conv2", {"pads": (2, 2, 2, 2)}),
    ("Relu", "", {}),
    ("MaxPool", "pool2", {"kernel_shape": (3, 3), "strides": (2, 2)}),
    ("Conv", "conv3", {"pads": (1, 1, 1, 1)}),
    ("Relu", "", {}),
    ("Conv", "conv4", {"pads": (1, 1, 1, 1)}),
    ("Relu", "", {}),
    ("Conv", "conv5", {"pads": (1, 1, 1, 1)}),
    ("Relu", "", {}),
    ("MaxPool", "pool5", {"kernel_shape": (3, 3), "strides": (2, 2)}),
    ("Flatten", "", {}),
    ("Gemm", "fc6", {"transB": 1}),
    ("Relu", "relu6", {}),
    ("Gemm", "fc7", {"transB": 1}),
    ("Relu", "relu7", {}),
    ("Gemm", "fc8", {"transB": 1}),
)


def onnx_graph(layers):
    nodes, inputs = [], ["x"]
    for i, (kind, name, attributes) in enumerate(TORCHVISION):
        outputs = [name or f"value{i}"]
        weights = [f"{name}.w", f"{name}.b"] if name in layers else []
        nodes.append(
            onnx.helper.make_node(kind, [*inputs, *weights], outputs, **attributes)
        )
        inputs = outputs
    floats = onnx.TensorProto.FLOAT
    taps = [tap for tap in TAPS if tap != "norm1"]
    graph = onnx.helper.make_graph(
        nodes,
        "alexnet",
        [onnx.helper.make_tensor_value_info("x", floats, (2, 3, 224, 224))],
        [onnx.helper.make_tensor_value_info(tap, floats, None) for tap in taps],
        [
            numpy_helper.from_array(array, f"{name}.{what}")
            for name, pair in layers.items()
            for what, array in zip("wb", pair, strict=True)
        ],
    )
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), taps


def test_alexnet_owt_agrees_with_onnxruntime():
    layers, x = he(OWT), pixels(224)
    model, taps = onnx_graph(layers)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    theirs = dict(zip(taps, session.run(taps, {"x": x}), strict=True))
    state = {
        f"{TORCH_NAMES[layer]}.{what}": array
        for layer, pair in layers.items()
        for what, array in zip(("weight", "bias"), pair, strict=True)
    }
    network = load(
        BACKBONES["alexnet_owt"].build(1000, 0), ports.from_torch(state).weights
    )
    x = channels_last(x)
    ours = responses(network, x)
    errors = {tap: error(ours[tap], channels_last(theirs[tap])) for tap in taps}
    assert max(errors.values()) < 1e-5, errors
    assert error(network.forward(x[..., ::-1]).numpy(), theirs["fc8"]) > 0.1


CAFFE_BIASES = {"alexnet": 0.1, "caffenet": 1.0}


@pytest.mark.parametrize("name", CAFFE_BIASES)
def test_caffe_networks_are_drawn_as_their_train_val_says(name):
    network = BACKBONES[name].build(20, 0)
    for number in range(1, 9):
        kernel, bias = network.snapshot(number).values()
        expected = 0.005 if number in (6, 7) else 0.01
        assert kernel.mean() == pytest.approx(0, abs=5 * expected / kernel.size**0.5)
        assert kernel.std() == pytest.approx(expected, rel=0.02)
        assert np.abs(kernel).max() > 3 * expected  # not truncated
        lifted = number in (2, 4, 5, 6, 7)
        assert (bias == np.float32(CAFFE_BIASES[name] if lifted else 0)).all()


def test_alexnet_owt_is_drawn_as_pytorch_draws():
    network = BACKBONES["alexnet_owt"].build(20, 0)
    for number in range(1, 9):
        kernel, bias = network.snapshot(number).values()
        limit = np.prod(kernel.shape[:-1]) ** -0.5
        for array in (kernel, bias):
            assert np.abs(array).max() <= limit * (1 + 1e-6)
            assert array.std() == pytest.approx(limit / 3**0.5, rel=0.25)
        assert np.abs(kernel).max() > 0.99 * limit
        assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.02)


def test_dropout_of_torchvision_precedes_fc6_and_fc7():
    facts = {n: [b.dropout for b in BACKBONES[n].blocks] for n in BACKBONES}
    assert facts["alexnet_owt"] == [0, 0, 0, 0, 0, 0.5, 0.5, 0]
    assert facts["alexnet"] == facts["caffenet"] == [0, 0, 0, 0, 0, 0, 0.5, 0.5]
