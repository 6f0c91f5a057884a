"""Half precision in the steps of training.

From the first trained block up to the classifier a step computes in it, forward and
backward; `kerastransfer.surgery.half_blocks` lists them. Weights and their updates, the
frozen blocks below, the classifier and the loss are float32, and so are validation, the
test and exports: what a cache holds and what is measured are as in any other run.
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras

from kerastransfer.backbones.keras_models.graph import layers_within
from kerastransfer.backbones.layers import LocalResponseNormalization
from kerastransfer.backbones.network import Network

_POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
# Squares of responses overflow float16, and so do pixels that are not yet normalised.
_FLOAT32 = (
    LocalResponseNormalization,
    keras.layers.Normalization,
    keras.layers.Rescaling,
)


@contextlib.contextmanager
def computing(
    network: Network, blocks: Sequence[int], precision: str
) -> Iterator[None]:
    """Let blocks compute in half precision while a graph is traced.

    Layers read their policy when a graph is traced. `_FLOAT32` go on in float32; a
    model's own layers are in float32 all alike, so that none asks for it.
    """
    layers = [
        layer
        for block in blocks
        for layer in layers_within(network.blocks[block - 1])
        if not isinstance(layer, _FLOAT32)
    ]
    policies = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = keras.DTypePolicy(_POLICIES[precision])
    try:
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
