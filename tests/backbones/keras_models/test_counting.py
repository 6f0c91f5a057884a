"""Multiplications against TensorFlow's own profiler."""

import keras
import pytest
import tensorflow as tf
from helpers import tiny_presets
from tensorflow.python.framework import ops
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from kerastransfer.backbones import table
from kerastransfer.backbones.keras_models import counting

KINDS = {"Conv2D", "DepthwiseConv2dNative", "MatMul"}


def profiled(model):
    """Half of what TensorFlow counts of its convolutions and products."""
    run = tf.function(model).get_concrete_function(
        tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    )
    frozen = convert_variables_to_constants_v2(run).graph
    return sum(
        ops.get_stats_for_node_def(frozen, node, "flops").value / 2
        for node in frozen.as_graph_def().node
        if node.op in KINDS
    )


@pytest.mark.parametrize(
    "name", ["mobilenetv2@96", "mobilenetv3small@96", "efficientnet_lite0"]
)
def test_as_the_profiler_counts(name):
    network = table.get(name).build(1000, 0)
    for block in network.blocks[:7]:
        assert counting.multiply_adds(block) == profiled(block)


def test_layers_of_every_kind():
    inputs = keras.Input((9, 9, 4))
    x = keras.layers.SeparableConv2D(6, 3, padding="valid")(inputs)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = keras.layers.Conv2D(8, 1, groups=2)(x)
    x = keras.layers.Dense(5)(x)
    block = keras.Model(inputs, x)
    expected = 49 * (9 * 4 + 4 * 6) + 16 * 9 * 6 + 16 * 3 * 8 + 16 * 8 * 5
    assert counting.multiply_adds(block) == expected


def test_attention():
    """Four products of queries, keys, values and outputs, and two with the scores."""
    inputs = keras.Input((10, 6))
    attention = keras.layers.MultiHeadAttention(2, 3)
    block = keras.Model(inputs, attention(inputs, inputs))
    assert counting.multiply_adds(block) == 10 * 4 * 6 * 6 + 2 * 10 * 10 * 6


def test_an_attention_pool_makes_keys_and_values_of_all_tokens():
    hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
    encoder = tiny_presets.siglip(hub).vision_encoder
    start = keras.Input((16, 16))
    block = keras.Model(start, encoder.head(start))
    by_hand = 16 * 2 * 16 * 16 + 2 * 16 * 16 + 2 * 16 * 32
    assert counting.multiply_adds(block) == by_hand
