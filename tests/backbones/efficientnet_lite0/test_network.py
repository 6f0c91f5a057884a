import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from kerastransfer import views
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.weights import store

BACKBONE = BACKBONES["efficientnet_lite0"]
PALACE, DAISY = 698, 985  # ImageNet's classes, in the order of their WordNet ids
EPSILON = 1e-3


def relu6(x):
    return np.clip(x, 0, 6)


def normalise(x, weights, name):
    gamma, beta, mean, variance = (
        weights[f"{name}_bn/{what}"]
        for what in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


def pointwise(x, weights, name):
    return normalise(x @ weights[f"{name}_conv/kernel"][0, 0], weights, name)


def depthwise(x, weights, name, stride):
    """TensorFlow's 'same': as many outputs as ceil(size / stride), odd padding last."""
    kernel = weights[f"{name}_conv/kernel"][..., 0]
    k, size = len(kernel), x.shape[1]
    total = max((-(-size // stride) - 1) * stride + k - size, 0)
    pad = (total // 2, total - total // 2)
    x = np.pad(x, ((0, 0), pad, pad, (0, 0)))
    patches = sliding_window_view(x, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    return normalise(np.einsum("nhwcij,ijc->nhwc", patches, kernel), weights, name)


def inverted_residual(x, weights, name, stride):
    y = relu6(pointwise(x, weights, f"{name}_expand"))
    y = relu6(depthwise(y, weights, f"{name}_depthwise", stride))
    y = pointwise(y, weights, f"{name}_project")
    return x + y if x.shape == y.shape else y


def randomised(network, number):
    """Give a block's batch norms statistics of their own."""
    rng = np.random.default_rng(number)
    weights = {
        name: rng.uniform(0.5, 1.5, weight.shape)
        if name.endswith(("gamma", "moving_variance"))
        else rng.normal(0, 0.3, weight.shape)
        for name, weight in network.snapshot(number).items()
    }
    network.assign(number, weights)
    return weights


# Block 3: mb3 strides over 56 x 56 with a 5 x 5 kernel, so that three rows of padding
# are shared out 1 and 2; mb4 has the residual. Block 4 begins with a 3 x 3 at stride 2.
@pytest.mark.parametrize(
    ("number", "units"),
    [(3, (("mb3", 2), ("mb4", 1))), (4, (("mb5", 2), ("mb6", 1), ("mb7", 1)))],
)
def test_inverted_residuals_agree_with_numpy(number, units):
    network = BACKBONE.build(10, 0)
    weights = randomised(network, number)
    shape = network.blocks[number - 1].input_shape[1:]
    x = expected = np.random.default_rng(0).normal(size=(2, *shape))
    for name, stride in units:
        expected = inverted_residual(expected, weights, name, stride)
    ours = network.forward(x.astype(np.float32), first=number, last=number).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_stem_pads_at_the_end():
    # 224 at stride 2 with a 3 x 3 kernel: one row of padding, after the last.
    network = BACKBONE.build(10, 0)
    stem = network.blocks[0].get_layer("stem_conv")
    kernel = np.zeros((3, 3, 3, 32), np.float32)
    kernel[0, 0, 0, 0] = 1  # each output is its window's first pixel
    stem.set_weights([kernel])
    x = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype(np.float32)
    np.testing.assert_array_equal(stem(x)[0, :, :, 0], x[0, ::2, ::2, 0])


@pytest.fixture(scope="module")
def pretrained():
    network = BACKBONE.build(1000, 0)
    weights = store.load("efficientnet_lite0").mapping
    for number in range(1, 9):
        network.assign(number, weights)
    return network


@pytest.mark.parametrize(("photo", "label"), [("china", PALACE), ("flower", DAISY)])
def test_it_knows_photographs(pretrained, photo, label):
    sample = sklearn.datasets.load_sample_images()
    files = [name.rsplit("/", 1)[-1] for name in sample.filenames]
    facts = BACKBONE.preprocessing
    image = sample.images[files.index(f"{photo}.jpg")]
    cut = image_ops.take_view(image, facts, tf.constant(views.CENTRE))
    logits = pretrained.forward(image_ops.normalise(cut[None], facts))
    assert int(np.argmax(logits)) == label
