import itertools
import math

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf

from kerastransfer.backbones import table
from kerastransfer.datasets.known import fashion_mnist
from kerastransfer.errors import InputError
from kerastransfer.features import closed_form
from kerastransfer.features.closed_form import clipped_normal_mean

IMAGES = fashion_mnist.FOLDER / "train-images-idx3-ubyte.gz"


@pytest.mark.parametrize("mean", [-3.0, -0.5, 0.0, 1.0, 5.5, 9.0])
@pytest.mark.parametrize("deviation", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("ceiling", [6.0, 1.0, math.inf])
def test_agrees_with_an_integral(mean, deviation, ceiling):
    normal = scipy.stats.norm(mean, deviation)
    far = mean + 12 * deviation
    points = sorted(
        {min(max(p, 0.0), far) for p in (0.0, mean, min(ceiling, far), far)}
    )
    expected = sum(
        scipy.integrate.quad(lambda x: min(x, ceiling) * normal.pdf(x), a, b)[0]
        for a, b in itertools.pairwise(points)
    )
    found = clipped_normal_mean(mean, deviation, ceiling)
    assert found == pytest.approx(expected, abs=1e-7)


def test_values_worked_by_hand():
    # Half of a standard normal's mean deviation: 1 / sqrt(2 pi).
    assert clipped_normal_mean(0, 1) == pytest.approx(0.3989423)
    # Symmetric about the middle of 0..6.
    assert clipped_normal_mean(3, 2, 6) == pytest.approx(3)
    # Without a deviation, the ReLU6 of the mean.
    np.testing.assert_array_equal(clipped_normal_mean([-1, 2, 9], 0, 6), [0, 2, 6])


def test_scale():
    once = clipped_normal_mean([-1.0, 0.5, 3.0], [1.0, 2.0, 0.5], 6.0)
    twice = clipped_normal_mean([-2.0, 1.0, 6.0], [2.0, 4.0, 1.0], 12.0)
    np.testing.assert_allclose(twice, 2 * once)


def small(ceiling, last=(), norm=True):
    inputs = x = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3)(x)
    if norm:
        x = keras.layers.BatchNormalization(epsilon=0.5)(x)
    x = keras.layers.ReLU(ceiling)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    for layer in last:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("ceiling", [6.0, None])
def test_reads_the_last_batch_norm(ceiling):
    block = small(ceiling)
    rng = np.random.default_rng(0)
    beta, mean = rng.standard_normal((2, 5)).astype(np.float32)
    gamma = np.array([1.5, -2, 2.5, -3, 1], np.float32)
    variance = rng.uniform(0.5, 2, 5).astype(np.float32)
    block.layers[2].set_weights([gamma, beta, mean, variance])
    # What the layer makes of inputs of that mean and variance.
    inputs = mean + np.sqrt(variance) * rng.standard_normal((200_000, 5))
    outputs = gamma * (inputs - mean) / np.sqrt(variance + 0.5) + beta
    outputs = np.clip(outputs, 0, ceiling)
    found = closed_form.expected_response(block, "small")
    np.testing.assert_allclose(found, outputs.mean(axis=0), atol=0.01)


@pytest.mark.parametrize(
    "block",
    [
        small(6.0, norm=False),
        small(6.0, [keras.layers.Dense(4)]),
        small(6.0, [keras.layers.BatchNormalization(), keras.layers.Dense(4)]),
        small(6.0, [keras.layers.ReLU()]),
    ],
)
def test_blocks_that_end_otherwise(block):
    message = "'small' do not tell .*--source DATASET.*--save-statistics FILE"
    with pytest.raises(InputError, match=message):
        closed_form.expected_response(block, "small")


def ending(activation, branches=1):
    inputs = keras.Input((8, 8, 3))
    maps = []
    for _ in range(branches):
        x = keras.layers.Conv2D(5, 3)(inputs)
        x = keras.layers.BatchNormalization(epsilon=0.5)(x)
        maps.append(keras.layers.Activation(activation)(x))
    x = keras.layers.Concatenate()(maps) if branches > 1 else maps[0]
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


ACTIVATIONS = {
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "hard_silu": lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    "gelu": lambda x: x * scipy.stats.norm.cdf(x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_other_activations_agree_with_an_integral(name):
    """Two branches side by side, each with its own scales and shifts."""
    block, rng, expected = ending(name, branches=2), np.random.default_rng(1), []
    norms = [x for x in block.layers if isinstance(x, keras.layers.BatchNormalization)]
    for norm in norms:
        gamma, beta = rng.normal(0, 1.5, (2, 5))
        norm.set_weights([gamma, beta, np.zeros(5), np.full(5, 1e6)])
        for mean, deviation in zip(beta, np.abs(gamma), strict=True):
            normal = scipy.stats.norm(mean, deviation)
            ends = mean - 12 * deviation, mean + 12 * deviation
            points = sorted(x for x in (-3.0, 0.0, 3.0, 6.0) if ends[0] < x < ends[1])
            expected.append(
                scipy.integrate.quad(
                    lambda x, normal=normal: ACTIVATIONS[name](x) * normal.pdf(x),
                    *ends,
                    points=points or None,
                )[0]
            )
    found = closed_form.expected_response(block, "ending")
    # Hard swish has corners, which a sum at fixed nodes rounds.
    np.testing.assert_allclose(found, expected, atol=1e-2 if "hard" in name else 2e-4)


def test_a_batch_norm_at_the_end_gives_its_shift():
    block = small(6.0, [keras.layers.BatchNormalization()])
    shift = np.arange(5.0)
    block.layers[-1].beta.assign(shift)
    np.testing.assert_allclose(closed_form.expected_response(block, "small"), shift)


def test_a_sum_of_branches_is_not_told():
    """ResNet50 adds its shortcut after the last batch norm."""
    network = table.get("resnet50@64").build(2, 0)
    with pytest.raises(InputError, match=r"'resnet50'.*--source DATASET"):
        closed_form.expected_response(network.blocks[6], "resnet50")


@pytest.mark.parametrize("name", ["mobilenetv2@64", "efficientnetb0@64"])
def test_networks_that_tell_it(name):
    network = table.get(name).build(2, 0)
    found = closed_form.expected_response(network.blocks[6], name)
    assert found.shape == (1280,) and np.isfinite(found).all()


def test_alexnet_has_no_batch_norm():
    with pytest.raises(InputError, match=r"'alexnet'.*no batch norm.*--source DATASET"):
        closed_form.check_available(table.get("alexnet"))
    closed_form.check_available(table.get("efficientnet_lite0"))


def trained(images, labels):
    """Four convolutions with batch norm; returned without the classifier."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((28, 28, 1))
    for filters, stride in ((16, 2), (32, 2), (32, 1), (64, 1)):
        x = keras.layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU(6.0)(x)
    block = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Sequential([block, keras.layers.Dense(10)])
    # The rate ends at 0, so that the moving statistics arrive.
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 4 * 60)
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = batches.shuffle(len(images), seed=0).batch(100)
    history = model.fit(batches, epochs=4, shuffle=False, verbose=0).history
    assert history["accuracy"][-1] > 0.75
    return block


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.slow
@pytest.mark.skipif(not IMAGES.exists(), reason="needs dataset-fashion-mnist")
def test_the_closed_form_is_the_mean_response_of_a_trained_network():
    images = fashion_mnist._images(fashion_mnist.FOLDER, "train")[:6_000]
    labels = fashion_mnist._labels(fashion_mnist.FOLDER, "train")[:6_000]
    images = images[..., None].astype(np.float32) / 64 - 1
    block = trained(images, labels.astype(np.int64))
    found = closed_form.expected_response(block, "trained")
    true = block.predict(images, batch_size=500, verbose=0).mean(axis=0, dtype=float)
    assert cosine(found, true) >= 0.97
    # A vector of ones is near any mean of positive numbers; ours has to be nearer by
    # far, and right in size, or it would prove nothing.
    ones = np.ones_like(true)
    assert 1 - cosine(found, true) < 0.4 * (1 - cosine(ones, true))
    assert np.corrcoef(found, true)[0, 1] > 0.85
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.1)
