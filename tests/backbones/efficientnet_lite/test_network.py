import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from kerastransfer import views
from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.keras_models import counting
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.weights import store
from kerastransfer.weights import table as weights_table
from kerastransfer.weights.readers import torch_file

BACKBONE = BACKBONES["efficientnet_lite0"]
PALACE, DAISY, HONEYCOMB = (
    698,
    985,
    599,
)  # ImageNet's classes, in the order of their WordNet ids
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


NAMES = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]


@pytest.fixture(scope="module", params=NAMES)
def pretrained(request):
    backbone = BACKBONES[request.param]
    network = backbone.build(1000, 0)
    weights = store.load(request.param).mapping
    for number in range(1, 9):
        network.assign(number, weights)
    return backbone, network


def photographs(preprocessing):
    """Scikit-learn's two, as the network takes them."""
    images = sklearn.datasets.load_sample_images().images
    cut = [
        image_ops.take_view(image, preprocessing, tf.constant(views.CENTRE))
        for image in images
    ]
    return image_ops.normalise(tf.stack(cut), preprocessing).numpy()


def test_it_knows_photographs(pretrained):
    backbone, network = pretrained
    answers = network.forward(photographs(backbone.preprocessing)).numpy()
    palace, flower = tf.nn.softmax(answers).numpy()
    assert palace.argmax() == PALACE and palace[PALACE] > 0.3
    # A dahlia, for which ImageNet has no class: Lite0's daisy is the nearest there is,
    # Lite1 is sure of nothing, and Lite2 takes its pattern for a honeycomb.
    assert flower.argmax() == (DAISY if backbone.name == NAMES[0] else HONEYCOMB)


class FromTheFile:
    """The network in NumPy, from the tensors by the names that the file has."""

    def __init__(self, tensors):
        self.tensors = tensors

    def normalise(self, x, name):
        gamma, beta, mean, variance = (
            self.tensors[f"{name}.{what}"].astype(np.float64)
            for what in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta

    def windows(self, x, k, stride):
        size = x.shape[0]
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        pad = (total // 2, total - total // 2)
        x = np.pad(x, (pad, pad, (0, 0)))
        return sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]

    def dense(self, x, name):
        return x @ self.tensors[f"{name}.weight"][:, :, 0, 0].T.astype(np.float64)

    def block(self, x, name, stride):
        entry = x
        if f"{name}._expand_conv.weight" in self.tensors:
            x = relu6(
                self.normalise(self.dense(x, f"{name}._expand_conv"), f"{name}._bn0")
            )
        kernel = self.tensors[f"{name}._depthwise_conv.weight"][:, 0].astype(np.float64)
        windows = self.windows(x, kernel.shape[-1], stride)
        x = np.einsum("hwcij,cij->hwc", windows, kernel)
        x = relu6(self.normalise(x, f"{name}._bn1"))
        x = self.normalise(self.dense(x, f"{name}._project_conv"), f"{name}._bn2")
        return entry + x if entry.shape == x.shape and stride == 1 else x

    def features(self, image):
        stem = self.tensors["_conv_stem.weight"].astype(np.float64)
        x = np.einsum("hwcij,ocij->hwo", self.windows(image, 3, 2), stem, optimize=True)
        x = relu6(self.normalise(x, "_bn0"))
        count = 1 + max(
            int(name.split(".")[1]) for name in self.tensors if name[:7] == "_blocks"
        )
        widths = [
            len(self.tensors[f"_blocks.{n}._project_conv.weight"]) for n in range(count)
        ]
        for number, width in enumerate(widths):
            # A stage begins where the width changes; these of the seven halve the map.
            begins = number > 0 and width != widths[number - 1]
            stage = len({*widths[: number + 1]})
            stride = 2 if begins and stage in (2, 3, 4, 6) else 1
            x = self.block(x, f"_blocks.{number}", stride)
        x = relu6(self.normalise(self.dense(x, "_conv_head"), "_bn1"))
        return x.mean(axis=(0, 1))


def test_it_is_the_network_of_the_file(pretrained):
    """Against NumPy, in double precision, which knows neither our port nor table."""
    backbone, network = pretrained
    file = store.locate(backbone.name)
    reference = FromTheFile(torch_file.read_checkpoint(file).arrays)
    (image, _) = photographs(backbone.preprocessing)
    expected = reference.features(image.astype(np.float64))
    ours = network.forward(image[np.newaxis], last=7).numpy()[0]
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())
    assert expected.max() > 1


def test_another_size():
    large = table.get("efficientnet_lite1@320")
    assert large.preprocessing.resize_to == 363  # 272 of 240, as at its usual size
    network = large.build(5, 0)
    shapes = [block.output_shape[1:] for block in network.blocks[:-1]]
    assert shapes == [*large.outputs]
    macs = [counting.multiply_adds(block) for block in network.blocks[:-1]]
    assert macs == [block.multiply_adds for block in large.blocks[:-1]]
    assert large.port.shapes() == BACKBONES["efficientnet_lite1"].port.shapes()
    assert [row.name for row in weights_table.of_backbone(large.name)] == [large.base]
