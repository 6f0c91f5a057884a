"""Layers that drop inside a block: by step, block and image, and resumable."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.applications.convnext import StochasticDepth

from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.keras_models import counting, draws, random_layers
from kerastransfer.backbones.network import Network

LAYERS = keras.layers


def block(*layers, name="block1"):
    inputs = x = keras.Input((64,))
    x = LAYERS.Dense(64, kernel_initializer="identity", name="before")(x)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def drop(step, seed=0, first=0):
    rows = tf.range(first, first + 2)
    return Drop(seed, tf.constant(step, tf.int64), rows, tf.constant(4))


def kept(network, number, drop):
    training = [n == number for n in range(1, 9)]
    ones = np.ones((2, 64), np.float32)
    outputs = network.forward(
        ones, first=number, last=number, training=training, drop=drop
    )
    return np.asarray(outputs) != 0


@pytest.fixture(scope="module")
def network():
    return Network(
        tuple(block(LAYERS.Dropout(0.5), name=f"block{n}") for n in range(1, 9))
    )


def test_draws_follow_from_seed_step_block_and_image(network):
    first = kept(network, 1, drop(3))
    assert 32 < first.sum() < 96
    np.testing.assert_array_equal(kept(network, 1, drop(3)), first)
    for other in (
        kept(network, 1, drop(4)),
        kept(network, 1, drop(3, seed=1)),
        kept(network, 1, drop(3, first=2)),
        kept(network, 2, drop(3)),
    ):
        assert (other != first).any()


def test_in_a_graph_too(network):
    @tf.function
    def run(step):
        return network.forward(
            tf.ones((2, 64)),
            last=1,
            training=[True] + [False] * 7,
            drop=Drop(0, step, tf.range(2), tf.constant(4)),
        )

    for step in (3, 4):
        outputs = run(tf.constant(step, tf.int64)).numpy()
        np.testing.assert_array_equal(outputs != 0, kept(network, 1, drop(step)))


def test_two_layers_of_a_block_draw_apart():
    made = block(LAYERS.Dropout(0.5), LAYERS.Dropout(0.5))
    share = kept(Network((made,) * 8), 1, drop(0)).mean()
    assert 0.1 < share < 0.4  # a quarter; one mask twice would leave a half


def test_nothing_is_dropped_where_statistics_are_computed(network):
    assert kept(network, 1, None).all()
    assert network.blocks[0].layers[2].rate == 0.5


class Windows(LAYERS.Layer):
    """Drops in four windows of each image, as a Swin transformer does."""

    def __init__(self):
        super().__init__()
        self.inside = LAYERS.Dropout(0.5)

    def call(self, x, training=None):
        windows = keras.ops.reshape(x, (-1, 2, 8))
        dropped = self.inside(windows, training=training)
        return keras.ops.reshape(dropped, (-1, *x.shape[1:]))


KINDS = {
    "dropout": LAYERS.Dropout(0.5),
    "whole maps": LAYERS.SpatialDropout2D(0.5),
    "places": LAYERS.Dropout(0.5, noise_shape=(None, None, None, 1)),
    "factors": LAYERS.GaussianDropout(0.5),
    "noise": LAYERS.GaussianNoise(0.5),
    "alpha": LAYERS.AlphaDropout(0.5),
    "paths": StochasticDepth(0.5),  # by Keras's common generator
    "turned": LAYERS.RandomFlip("horizontal"),
    "windows": Windows(),
}
SIZE = 6


def draw(layer, rows, step=0):
    """What a block makes of ones for some images of a batch of six."""
    rng = np.random.default_rng(3)
    images = rng.uniform(0.5, 1, (SIZE, 4, 2, 8)).astype("f4")[rows]
    inputs = keras.Input((4, 2, 8))
    model = keras.Model(inputs, layer(inputs))

    @tf.function
    def run(images, step):
        drop = Drop(0, step, tf.constant(rows, tf.int32), tf.constant(SIZE))
        return random_layers.train(model, images, 3, drop)

    return run(images, tf.constant(step, tf.int64)).numpy() / images


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_the_batch_has_what_the_whole_draws_for_it(kind):
    whole = draw(KINDS[kind], [*range(SIZE)])
    assert (whole != 1).any()
    assert any((draw(KINDS[kind], [*range(SIZE)], n) != whole).any() for n in (1, 2))
    for rows in ([0], [2, 3], [5, 0, 4]):
        np.testing.assert_array_equal(draw(KINDS[kind], rows), whole[rows])
    first = whole[0]
    assert any((other != first).any() for other in whole), "images have their own"


def test_a_mask_that_images_share_follows_from_the_step():
    layer = LAYERS.Dropout(0.5, noise_shape=(1, 4, 2, 8))
    whole = draw(layer, [*range(SIZE)])
    assert 0.2 < (whole == 0).mean() < 0.8
    np.testing.assert_array_equal(whole, np.broadcast_to(whole[:1], whole.shape))
    np.testing.assert_array_equal(draw(layer, [4]), whole[:1])
    assert (draw(layer, [4], step=1) != whole[:1]).any()


@pytest.mark.parametrize(
    ("kind", "mean", "variance"),
    [("dropout", 1, 1), ("factors", 1, 1), ("paths", 1, 1), ("whole maps", 1, 1)],
)
def test_moments_are_those_of_the_layer(kind, mean, variance):
    """By hand: a factor of 0 or 2, each with one half; of a normal, sqrt(0.5 / 0.5)."""
    values = np.stack([draw(KINDS[kind], [*range(SIZE)], n) for n in range(60)])
    # Of whole paths, each image and step is one draw: 360 of them.
    assert abs(values.mean() - mean) < 4 / np.sqrt(360)
    assert abs(values.var() - variance) < 4 * np.sqrt(2 / 360)


def test_a_users_own_draws_stay_what_they_were(network):
    keras.utils.set_random_seed(1)
    keras.random.uniform((2,))
    expected = np.asarray(keras.random.uniform((2,)))
    keras.utils.set_random_seed(1)
    keras.random.uniform((2,))
    kept(network, 1, drop(0))
    np.testing.assert_array_equal(np.asarray(keras.random.uniform((2,))), expected)


def test_a_block_that_begins_with_dropout_leaves_it_to_the_images_own_masks():
    inputs = keras.Input((4,))
    x = LAYERS.Dense(3)(LAYERS.Dropout(0.25)(inputs))
    assert random_layers.dropout_rate(keras.Model(inputs, x)) == 0.25
    noisy = LAYERS.Dropout(0.25)(x)  # a second one: Keras runs the block
    assert random_layers.dropout_rate(keras.Model(inputs, noisy)) == 0
    assert random_layers.dropout_rate(block(LAYERS.Dropout(0.5))) == 0


def beside_a_skip():
    inputs = keras.Input((64,))
    dropped = LAYERS.Dropout(0.5)(inputs)
    x = LAYERS.Dense(64, kernel_initializer="identity")(dropped)
    return keras.Model(inputs, LAYERS.Add()([inputs, x]))


def used_twice():
    inputs = keras.Input((64,))
    layer = LAYERS.Dropout(0.5)
    x = LAYERS.Dense(64, kernel_initializer="identity")(layer(inputs))
    return keras.Model(inputs, layer(x))


def test_a_skip_past_the_first_dropout_is_not_dropped():
    made = beside_a_skip()
    assert random_layers.dropout_rate(made) == 0
    assert counting.counts(made)["random_layers"] == 1
    training = [True] + [False] * 7
    network = Network((made,) * 8)
    outputs = network.forward(
        np.ones((2, 64), "f4"), last=1, training=training, drop=drop(3)
    ).numpy()
    assert {*outputs.ravel().tolist()} == {1, 3}  # by hand: 1 + 0 and 1 + 1 / 0.5


def test_a_dropout_that_is_used_again_is_drawn_again():
    made = used_twice()
    assert random_layers.dropout_rate(made) == 0
    share = kept(Network((made,) * 8), 1, drop(0)).mean()
    assert 0.1 < share < 0.4


class Dilated(LAYERS.Layer):
    """Its rate is no dropout's; at 0 it cannot compute."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def call(self, x):
        return x[:, :: self.rate]


class OwnDropout(LAYERS.Layer):
    """As a lab writes one."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        return keras.random.dropout(x, self.rate, seed=self.seeds) if training else x


class Noise(LAYERS.Layer):
    """Holds seeds, and draws in its own way where nothing is dropped, too."""

    def __init__(self, drop_prob):
        super().__init__()
        self.drop_prob = drop_prob
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        drawn = keras.random.uniform(keras.ops.shape(x), seed=self.seeds)
        return x * keras.ops.cast(drawn >= self.drop_prob, x.dtype) if training else x


def test_a_users_rate_of_another_kind_is_left_alone():
    dilated = Dilated(2)
    made = block(dilated, LAYERS.BatchNormalization())
    assert random_layers.random_layers(made) == []
    ones = tf.ones((2, 64))
    np.testing.assert_array_equal(
        random_layers.train(made, ones, 1, None).shape, (2, 32)
    )
    assert dilated.rate == 2


@pytest.mark.parametrize("kind", [OwnDropout, Noise])
def test_a_users_layer_that_holds_seeds_rests_where_statistics_are_computed(kind):
    made = block(kind(0.5))
    assert random_layers.random_layers(made) == [made.layers[-1]]
    network = Network((made,) * 8)
    assert kept(network, 1, None).all()
    assert 0.2 < kept(network, 1, drop(0)).mean() < 0.8


def test_keras_is_as_it_was_afterwards(network):
    from keras.src.backend.tensorflow import random

    before = {name: getattr(random, name) for name in draws._OURS}
    with draws.by_image(1, drop(0)):
        assert random.uniform is not before["uniform"]
        with pytest.raises(ZeroDivisionError), draws.by_image(2, drop(0)):
            _ = 1 / 0
        assert random.uniform is not before["uniform"]
    assert {name: getattr(random, name) for name in before} == before


def test_a_thread_draws_for_its_own_block(network):
    """As devices do, which are traced in threads that take turns."""
    expected = kept(network, 1, drop(3))
    with draws.by_image(5, drop(9)), ThreadPoolExecutor(1) as pool:
        inside = pool.submit(kept, network, 1, drop(3)).result()
    np.testing.assert_array_equal(inside, expected)
