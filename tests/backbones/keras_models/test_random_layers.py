"""Layers that drop inside a block: by step and block, and resumable."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.keras_models import random_layers
from kerastransfer.backbones.network import Network

LAYERS = keras.layers


def block(*layers, name="block1"):
    inputs = x = keras.Input((64,))
    x = LAYERS.Dense(64, kernel_initializer="identity", name="before")(x)
    for layer in layers:
        x = layer(x)
    made = keras.Model(inputs, x, name=name)
    random_layers.follow_steps(random_layers.random_layers(made))
    return made


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


def test_draws_follow_from_seed_step_block_and_replica(network):
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


def test_a_layer_without_a_generator_of_its_own_follows_too():
    from keras.src.applications.convnext import StochasticDepth

    network = Network((block(StochasticDepth(0.5)),) * 8)
    seen = [kept(network, 1, drop(step)) for step in (0, 0, 1, 2, 3, 4, 5)]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert any((each != seen[0]).any() for each in seen)


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


def test_saved_it_is_plain_keras(network, tmp_path):
    network.blocks[0].save(tmp_path / "block.keras")
    loaded = keras.models.load_model(tmp_path / "block.keras")
    generator = loaded.layers[-1].seed_generator
    assert type(generator) is keras.random.SeedGenerator
