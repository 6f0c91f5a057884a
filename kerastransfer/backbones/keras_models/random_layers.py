"""Layers that draw in training, inside blocks: which they are, and when they do not."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.keras_models import draws
from kerastransfer.backbones.keras_models.graph import layers_within

# What dropout, stochastic depth and noise call how much they do; at 0 they do nothing.
_DROPS = ("drop_path_rate", "drop_prob")
_STRENGTHS = (*_DROPS, "rate", "stddev")
_KERAS = ("keras", "keras_hub")


def random_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """List the layers of a block that draw numbers when they are trained."""
    return [layer for layer in layers_within(model) if _draws(layer)]


def _draws(layer: keras.layers.Layer) -> bool:
    strengths = _strengths(layer)
    if strengths:
        return any(strengths.values())
    seeds = getattr(layer, "seed_generator", None)
    return isinstance(seeds, keras.random.SeedGenerator)


def _strengths(layer: keras.layers.Layer) -> dict[str, float]:
    """Return by name how much a layer does; nothing where the names mean another thing.

    A user's layer may have the rate of a dilation. That it draws is known of layers of
    Keras and KerasHub, of those that hold seeds, and by names that say so.
    """
    of_keras = type(layer).__module__.split(".")[0] in _KERAS
    held = vars(layer).values()
    seeded = any(isinstance(x, keras.random.SeedGenerator) for x in held)
    names = _STRENGTHS if of_keras or seeded else _DROPS
    return {name: getattr(layer, name) for name in names if hasattr(layer, name)}


def dropout_rate(model: keras.Model) -> float:
    """Return the rate of the dropout that a block begins with; 0 for none.

    It is 0 too where something else in the block depends on the mode: then the block
    runs as Keras runs it, and `train` says what is drawn.
    """
    norm = keras.layers.BatchNormalization
    if any(isinstance(layer, norm) for layer in layers_within(model)):
        return 0.0
    first, *others = random_layers(model) or [None]
    begins = first is not None and not others and first is model.layers[1]
    plain = begins and isinstance(first, keras.layers.Dropout) and not first.noise_shape
    return float(first.rate) if plain and _takes_all(model, first) else 0.0


def _takes_all(model: keras.Model, layer: keras.layers.Layer) -> bool:
    """Whether a layer takes a block's input, once, and nothing else does."""
    steps = [node for depth in model._nodes_by_depth.values() for node in depth]
    takers = [
        node.operation
        for node in steps
        if any(tensor is model.inputs[0] for tensor in node.input_tensors)
    ]
    uses = [node for node in steps if node.operation is layer]
    return len(uses) == 1 and takers == [layer]


def train(
    model: keras.Model, inputs: tf.Tensor, block: int, drop: Drop | None
) -> tf.Tensor:
    """Run a block in training mode.

    Parameters
    ----------
    block : int
        1 to 8; two blocks never share a draw.
    drop : Drop, optional
        Of the step. Without it nothing is dropped: statistics are computed.

    Raises
    ------
    InputError
        If there are several devices, and what a layer draws would depend on that.
    """
    resting = random_layers(model) if drop is None else []
    with draws.by_image(block, drop), _at_rest(resting):
        return model(draws.any_number(inputs), training=True)


@contextlib.contextmanager
def _at_rest(layers: list[keras.layers.Layer]) -> Iterator[None]:
    """Let layers do nothing."""
    before = [
        (layer, name, strength)
        for layer in layers
        for name, strength in _strengths(layer).items()
    ]
    for layer, name, _ in before:
        setattr(layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, strength in before:
            setattr(layer, name, strength)
