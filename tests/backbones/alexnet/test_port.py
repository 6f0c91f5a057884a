"""Ports checked number by number against the layouts' definitions."""

import numpy as np
import pytest
from helpers import caffe_encoder

from kerastransfer.backbones.alexnet import port
from kerastransfer.backbones.porting import check_canonical
from kerastransfer.errors import WeightsError

OWT = {  # torchvision, models/alexnet.py
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1000, 4096),
}


def numbers(shape):
    # Prime, and below 2**24: distinct over neighbours on every axis and exact.
    count = int(np.prod(shape))
    return (np.arange(count, dtype=np.int64) % 16_777_213).astype("f4").reshape(shape)


@pytest.fixture(scope="module")
def caffe():
    return {n: (numbers(s), numbers(s[:1])) for n, s in caffe_encoder.SHAPES.items()}


@pytest.fixture(scope="module")
def ported(caffe):
    return port.from_caffe(caffe).weights


def test_from_caffe_has_every_variable_in_keras_shapes(ported):
    checked = check_canonical(ported, port.shapes())
    assert sum(a.size for a in checked.values()) == 60_965_224
    assert checked["conv2/kernel"].shape == (5, 5, 48, 256)
    assert checked["fc6/kernel"].shape == (9216, 4096)
    assert list(checked)[:3] == ["conv1/kernel", "conv1/bias", "conv2/kernel"]


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv5"])
def test_from_caffe_places_every_number_of_a_kernel(layer, caffe, ported):
    theirs, ours = caffe[layer][0], ported[f"{layer}/kernel"]
    rng = np.random.default_rng(0)
    for o, i, y, x in zip(*(rng.integers(0, n, 99) for n in theirs.shape), strict=True):
        assert ours[y, x, i, o] == theirs[o, i, y, x]


def test_from_caffe_gives_fc6_the_map_s_order(caffe):
    """One dense layer on one map, flattened both ways, gives one answer."""
    rng = np.random.default_rng(0)
    image = rng.integers(-8, 8, (256, 6, 6)).astype(np.float64)
    kernel = rng.integers(-8, 8, (4096, 9216)).astype(np.float32)
    ported = port.from_caffe({**caffe, "fc6": (kernel, caffe["fc6"][1])}).weights
    theirs = kernel.astype(np.float64) @ image.ravel()
    ours = image.transpose(1, 2, 0).ravel() @ ported["fc6/kernel"].astype(np.float64)
    np.testing.assert_array_equal(ours, theirs)


def test_from_caffe_transposes_fc7_and_fc8(caffe, ported):
    for layer in ("fc7", "fc8"):
        assert np.array_equal(ported[f"{layer}/kernel"], caffe[layer][0].T)
        assert np.array_equal(ported[f"{layer}/bias"], caffe[layer][1])


def test_from_caffe_takes_old_blobs(caffe, ported):
    old = {
        name: tuple(a.reshape((1,) * (4 - a.ndim) + a.shape) for a in pair)
        for name, pair in caffe.items()
    }
    for name, array in port.from_caffe(old).weights.items():
        assert np.array_equal(array, ported[name]), name


def test_from_caffe_gives_grouped_convolutions_as_keras_does():
    """Group j's outputs see group j's inputs, in both layouts (checked by hand)."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((256, 48, 5, 5))
    patch = rng.standard_normal((96, 5, 5))
    theirs = [
        np.sum(kernel[o] * patch[48 * (o // 128) : 48 * (o // 128) + 48])
        for o in range(256)
    ]
    ours = port._kernel("conv2", kernel, (5, 5, 48, 256))
    seen = patch.transpose(1, 2, 0)
    first = np.tensordot(seen[..., :48], ours[..., :128], 3)
    second = np.tensordot(seen[..., 48:], ours[..., 128:], 3)
    np.testing.assert_allclose(np.concatenate([first, second]), theirs, rtol=1e-10)


def test_from_toronto_takes_keras_layout_as_it_is(caffe, ported):
    layers = {
        name: (ported[f"{name}/kernel"], ported[f"{name}/bias"])
        for name in caffe_encoder.SHAPES
    }
    for name, array in port.from_toronto(layers).weights.items():
        assert array is layers[name.split("/")[0]][name.endswith("bias")]
    with pytest.raises(WeightsError, match=r"'fc7, biases' of shape \(4096,\), got"):
        port.from_toronto({**layers, "fc7": (layers["fc7"][0], np.zeros(5))})
    with pytest.raises(
        WeightsError, match=r"'conv1, weights' of shape \(11, 11, 3, 96"
    ):
        port.from_toronto({**layers, "conv1": caffe["conv1"]})


def test_from_torch_is_the_same_port_with_other_names():
    tensors = {}
    for name, shape in OWT.items():
        tensors |= {
            f"{name}.weight": numbers(shape),
            f"{name}.bias": numbers(shape[:1]),
        }
    ported = check_canonical(port.from_torch(tensors).weights, port.shapes_owt())
    assert sum(a.size for a in ported.values()) == 61_100_840
    theirs, ours = tensors["features.3.weight"], ported["conv2/kernel"]
    assert np.array_equal(ours[1, 2], theirs[:, :, 1, 2].T)
    # Input (channel 7, row 2, column 3) of fc6, flattened both ways.
    theirs, ours = tensors["classifier.1.weight"], ported["fc6/kernel"]
    assert np.array_equal(ours[(2 * 6 + 3) * 256 + 7], theirs[:, (7 * 6 + 2) * 6 + 3])
    with pytest.raises(
        WeightsError, match=r"misses 'features.0.bias' and has 'x' left"
    ):
        port.from_torch(
            {n: t for n, t in tensors.items() if n != "features.0.bias"} | {"x": 0}
        )


@pytest.mark.parametrize(
    ("name", "count", "remarks"),
    [
        ("fc8", 205, ()),  # Places205
        ("fc8", 365, ()),
        ("fc8_flickr", 20, ("its classifier is called 'fc8_flickr'",)),
        ("fc-rcnn", 200, ("its classifier is called 'fc-rcnn'",)),
    ],
)
def test_from_caffe_takes_the_classifier_of_other_data(name, count, remarks, caffe):
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(count, 4096)), rng.normal(size=count)
    trunk = {n: pair for n, pair in caffe.items() if n != "fc8"}
    for blobs in (
        (kernel, bias),
        (kernel.reshape(1, 1, count, 4096), bias.reshape(1, 1, 1, count)),
    ):
        ported = port.from_caffe({**trunk, name: blobs})
        assert np.array_equal(ported.weights["fc8/kernel"], kernel.T)
        assert np.array_equal(ported.weights["fc8/bias"], bias)
        assert (ported.remarks, ported.skipped) == (remarks, ())


def test_from_caffe_takes_blocks_1_to_7_alone(caffe, ported):
    trunk = {n: pair for n, pair in caffe.items() if n != "fc8"}
    boxes = {
        "cls_score": (np.ones((21, 4096)), np.ones(21)),
        "bbox_pred": (np.ones((84, 4096)), np.ones(84)),
    }
    for more in ({}, boxes):
        result = port.from_caffe({**trunk, **more})
        assert result.skipped == tuple(more)
        assert set(result.weights) == {n for n in ported if not n.startswith("fc8")}
        for name, array in result.weights.items():
            assert np.array_equal(array, ported[name]), name


@pytest.mark.parametrize("suffix", ["", "-conv", "_conv"])
def test_from_caffe_takes_what_was_cast_into_convolutions(suffix, caffe, ported):
    cast = dict(caffe)
    for layer, shape in {
        "fc6": (4096, 256, 6, 6),
        "fc7": (4096, 4096, 1, 1),
        "fc8": (1000, 4096, 1, 1),
    }.items():
        kernel, bias = cast.pop(layer)
        cast[layer + suffix] = kernel.reshape(shape), bias
    result = port.from_caffe(cast)
    for name, array in ported.items():
        assert np.array_equal(result.weights[name], array), name
    names = [f"{n!r} is called {n + suffix!r}" for n in ("fc6", "fc7", "fc8") if suffix]
    assert list(result.remarks) == names


def test_from_caffe_takes_fcn_alexnet(caffe):
    """Shelhamer's: a score for each place, and a layer that enlarges the map."""
    fcn = {n: pair for n, pair in caffe.items() if n != "fc8"}
    fcn["fc6"] = fcn["fc6"][0].reshape(4096, 256, 6, 6), fcn["fc6"][1]
    fcn["fc7"] = fcn["fc7"][0].reshape(4096, 4096, 1, 1), fcn["fc7"][1]
    fcn["score_fr"] = np.ones((21, 4096, 1, 1)), np.ones(21)
    fcn["upscore"] = (np.ones((21, 1, 63, 63)),)
    result = port.from_caffe(fcn)
    assert result.weights["fc8/kernel"].shape == (4096, 21)
    assert result.skipped == ("upscore",)


def test_from_toronto_takes_convolutions_and_other_classes(ported):
    layers = {
        name: (ported[f"{name}/kernel"], ported[f"{name}/bias"])
        for name in caffe_encoder.SHAPES
        if name != "fc8"
    }
    layers["fc6"] = layers["fc6"][0].reshape(6, 6, 256, 4096), layers["fc6"][1]
    layers["fc7"] = layers["fc7"][0].reshape(1, 1, 4096, 4096), layers["fc7"][1]
    kernel = np.random.default_rng(0).normal(size=(4096, 10))
    for shape in ((4096, 10), (1, 1, 4096, 10)):
        head = {"fc8_new": (kernel.reshape(shape), np.ones(10))}
        weights = port.from_toronto({**layers, **head}).weights
        assert np.array_equal(weights["fc6/kernel"], ported["fc6/kernel"])
        assert np.array_equal(weights["fc7/kernel"], ported["fc7/kernel"])
        assert np.array_equal(weights["fc8/kernel"], kernel)
    assert "fc8/bias" not in port.from_toronto(layers).weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv9": ()}, "has 'conv9' left over"),
        ({"bn1": (np.ones(96), np.ones(96), np.ones(1))}, "'bn1' left over, which can"),
        ({"rpn": (np.ones((256, 256, 3, 3)), np.ones(256))}, "'rpn' left over"),
        ({"fc8": (np.ones((1000, 2048)), np.ones(1000))}, "'fc8' left over"),
        (
            {"conv3": (numbers(caffe_encoder.SHAPES["conv3"]),)},
            "biases in 'conv3', got 1 arrays",
        ),
        (
            {"conv1": (np.zeros((96, 3, 3, 11)), np.zeros(96))},
            r"'conv1, weights' of shape \(96, 3, 11, 11\), got \(96, 3, 3, 11\)",
        ),
        (
            {"fc8": (np.zeros((1000, 4096)), np.zeros(20))},
            r"'fc8, biases' of shape \(1000,\), got \(20,\)",
        ),
        (
            {"fc7": (np.zeros((1, 2, 4096, 2048)), np.zeros(4096))},
            r"'fc7, weights' of shape \(4096, 4096\), got \(1, 2, 4096, 2048\)",
        ),
    ],
)
def test_from_caffe_refuses_by_layer(change, message, caffe):
    with pytest.raises(WeightsError, match=message):
        port.from_caffe({**caffe, **change})


def test_from_caffe_names_what_is_missing(caffe):
    with pytest.raises(WeightsError, match="the file misses 'conv5'\\."):
        port.from_caffe({n: p for n, p in caffe.items() if n not in ("conv5", "fc8")})
