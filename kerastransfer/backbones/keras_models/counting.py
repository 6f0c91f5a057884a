"""What a block consists of: weights, normalisations, random layers, multiplications."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from kerastransfer.backbones.keras_models import head
from kerastransfer.backbones.keras_models.graph import layers_within
from kerastransfer.backbones.keras_models.random_layers import (
    dropout_rate,
    random_layers,
)

_ATTENTION = (
    keras.layers.AdditiveAttention,
    keras.layers.Attention,
    keras.layers.GroupQueryAttention,
    keras.layers.MultiHeadAttention,
)
# An attention on top of convolutions makes no transformer of them.
_FEWEST = 3


def counts(block: keras.Model) -> dict[str, Any]:
    """Count what a block consists of.

    Returns
    -------
    dict
        ``parameters`` (what training may change; moving statistics are none),
        ``batch_norms``, ``random_layers`` (those that drop inside the block),
        ``multiply_adds``, and the shape of its ``output`` for one image.
    """
    norm = keras.layers.BatchNormalization
    begins_with_dropout = dropout_rate(block) > 0
    return {
        "parameters": sum(math.prod(w.shape) for w in block.trainable_variables),
        "batch_norms": sum(isinstance(x, norm) for x in layers_within(block)),
        "random_layers": len(random_layers(block)) - begins_with_dropout,
        "multiply_adds": multiply_adds(block),
        "output": [*block.output_shape[1:]],
    }


def multiply_adds(block: keras.Model) -> int:
    """Count the multiplications and additions of convolutions and dense layers.

    Parameters
    ----------
    block : keras.Model
        A graph of single layers.

    Returns
    -------
    int
        For one image, a multiplication with its addition counting as one.

    Examples
    --------
    >>> inputs = keras.Input((8, 8, 3))
    >>> outputs = keras.layers.Conv2D(5, 3, padding="same")(inputs)
    >>> multiply_adds(keras.Model(inputs, outputs)) == 8 * 8 * 3 * 3 * 3 * 5
    True
    """
    total = 0
    for nodes in block._nodes_by_depth.values():
        for node in nodes:
            total += _of_layer(node.operation, node)
    return total


def transformer_layers(blocks: Sequence[keras.Model]) -> tuple[int, ...]:
    """Count the layers of attention in each block, those inside other layers too.

    Returns
    -------
    tuple of int
        As `Backbone` has it: empty unless three blocks or more have attention.

    Examples
    --------
    >>> tokens = keras.Input((5, 8))
    >>> attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> tuned = keras.Model(tokens, attention(tokens, tokens))
    >>> plain = keras.Model(tokens, keras.layers.Dense(8)(tokens))
    >>> transformer_layers([plain, tuned, tuned, tuned, tuned, tuned, tuned])
    (0, 1, 1, 1, 1, 1, 1)
    >>> transformer_layers([plain] * 6 + [tuned])
    ()
    """
    layers = tuple(
        sum(
            isinstance(layer, _ATTENTION)
            for outer in block.layers
            if not head.is_attention_pool(outer)  # no layer: it ends in one vector
            for layer in outer._flatten_layers()
        )
        for block in blocks
    )
    return layers if sum(map(bool, layers)) >= _FEWEST else ()


def _of_layer(layer: Any, node: Any) -> int:
    """Count those of one call: every kernel is used once for each place."""
    shape = node.outputs[0].shape
    kernels = [w for w in getattr(layer, "weights", ()) if w.name.endswith("kernel")]
    if isinstance(layer, keras.layers.MultiHeadAttention):
        tokens, width = int(shape[1] or 0), layer.num_heads * layer.key_dim
        return tokens * _sizes(kernels) + 2 * tokens**2 * width
    if head.is_attention_pool(layer):  # keys and values are of all tokens
        tokens = int(node.input_tensors[0].shape[1])
        names = ("key/kernel", "value/kernel")
        of_tokens = [w for w in kernels if w.path.endswith(names)]
        return _sizes(kernels) + (tokens - 1) * _sizes(of_tokens)
    return math.prod(int(n or 1) for n in shape[1:-1]) * _sizes(kernels)


def _sizes(kernels: Sequence[Any]) -> int:
    return sum(math.prod(w.shape) for w in kernels if len(w.shape) > 1)
