import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.network import Network, seed_of
from kerastransfer.errors import WeightsError


def dense(number):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(4, name=f"full{number}")(inputs)
    return keras.Model(inputs, outputs, name=f"block{number}")


@pytest.fixture
def network():
    return Network(tuple(dense(number) for number in range(1, 9)))


def ones(network, number):
    return {k: np.ones_like(v) for k, v in network.snapshot(number).items()}


def test_variables_are_named_by_layer(network):
    assert list(network.variables(3)) == ["full3/kernel", "full3/bias"]


def test_assign_sets_what_snapshot_copies(network):
    network.assign(2, ones(network, 2))
    after = network.snapshot(2)
    assert all((weight == 1).all() for weight in after.values())
    network.assign(2, {k: 2 * v for k, v in after.items()})
    assert (after["full2/kernel"] == 1).all()  # a copy


def test_assign_takes_its_own_out_of_many(network):
    weights = {k: v for n in range(1, 9) for k, v in ones(network, n).items()}
    before = network.snapshot(4)
    network.assign(5, weights)
    assert (network.snapshot(5)["full5/bias"] == 1).all()
    assert (network.snapshot(4)["full4/kernel"] == before["full4/kernel"]).all()


def test_assign_refuses_a_missing_weight_and_sets_none(network):
    weights = ones(network, 1)
    del weights["full1/bias"]
    with pytest.raises(WeightsError, match="weight 'full1/bias', which is missing"):
        network.assign(1, weights)
    assert not (network.snapshot(1)["full1/kernel"] == 1).all()


def test_assign_refuses_another_shape_and_sets_none(network):
    weights = {**ones(network, 1), "full1/bias": np.ones(5)}
    message = r"Expected 'full1/bias' of shape \(4,\), got \(5,\)"
    with pytest.raises(WeightsError, match=message):
        network.assign(1, weights)
    assert not (network.snapshot(1)["full1/kernel"] == 1).all()


def test_training_is_switched_by_block():
    inputs = keras.Input((1000,))
    block = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    network = Network((block,) * 8)
    x = np.ones((1, 1000), np.float32)
    assert (network.forward(x).numpy() == 1).all()
    drop = Drop(0, tf.constant(0, tf.int64), tf.range(1), tf.constant(1))
    first_only = [True] + [False] * 7
    kept = np.count_nonzero(network.forward(x, training=first_only, drop=drop))
    assert 400 < kept < 600
    # Masks of different blocks are independent: one in 256 is left.
    left = network.forward(x, training=[True] * 8, drop=drop)
    assert np.count_nonzero(left) < 50


def test_seeds_are_pinned():
    # A change here changes every re-drawn weight. crc32(b"0/conv1"), 31 bits.
    seeds = [seed_of(0, "conv1"), seed_of(1, "conv1"), seed_of(0, "fc8")]
    assert seeds == [349183847, 849810643, 903530395]
