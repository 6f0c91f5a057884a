"""Random layers inside blocks: what they draw follows from the run's seed and the step.

Keras's layers count how often they were called, so that a resumed run would draw other
numbers. Here the step takes the place of that count. On several replicas each draws for
its own images, so unlike the dropout before a classifier (that of
`kerastransfer.backbones.dropout`) these draws depend on how many replicas there are.
"""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator

import keras
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.keras_models.graph import layers_within

_RATES = ("rate", "drop_path_rate")  # what dropout and stochastic depth call theirs


@dataclasses.dataclass(slots=True)
class _Draws:
    """What a block's layers draw while it is traced."""

    block: int
    drop: Drop | None
    count: int = 0


# The innermost is the block that is being traced.
_CURRENT: list[_Draws] = []
_EVERYONE: list["StepSeeds"] = []


class StepSeeds(keras.random.SeedGenerator):
    """Seeds that follow from the run's seed, the step, and the place in the network."""

    def next(self, ordered: bool = True) -> tf.Tensor:
        """Return the next seed within the step that is being traced: (2,), int64."""
        if not _CURRENT:
            return super().next(ordered)
        draws = _CURRENT[-1]
        draws.count += 1
        place = 1_000 * draws.block + draws.count
        if draws.drop is None:
            return tf.constant([0, place], tf.int64)
        words = tf.constant([draws.drop.seed, place], tf.int64)
        fold = tf.random.experimental.stateless_fold_in
        # A replica's first row tells it from the others.
        return fold(fold(words, draws.drop.step), draws.drop.rows[0])


def random_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """List the layers of a block that draw numbers when they are trained."""
    return [layer for layer in layers_within(model) if _draws(layer)]


def _draws(layer: keras.layers.Layer) -> bool:
    rates = [getattr(layer, name) for name in _RATES if hasattr(layer, name)]
    seeds = getattr(layer, "seed_generator", None)
    return any(rates) if rates else isinstance(seeds, keras.random.SeedGenerator)


def dropout_rate(model: keras.Model) -> float:
    """Return the rate of the dropout that a block begins with; 0 for none.

    It is 0 too where something else in the block depends on the mode: then the block
    runs as Keras runs it, and `drawing` says what is drawn.
    """
    norm = keras.layers.BatchNormalization
    if any(isinstance(layer, norm) for layer in layers_within(model)):
        return 0.0
    first, *others = random_layers(model) or [None]
    begins = first is not None and not others and first is model.layers[1]
    plain = begins and isinstance(first, keras.layers.Dropout) and not first.noise_shape
    return float(first.rate) if plain else 0.0


def follow_steps(layers: Iterable[keras.layers.Layer]) -> None:
    """Let layers draw as this module says, in place."""
    for layer in layers:
        seeds = getattr(layer, "seed_generator", None)
        if isinstance(seeds, keras.random.SeedGenerator):
            # A built layer takes no other generator; its class may be exchanged.
            seeds.__class__ = StepSeeds


@contextlib.contextmanager
def drawing(model: keras.Model, block: int, drop: Drop | None) -> Iterator[None]:
    """Let a block's random layers draw for a step while it is traced.

    Parameters
    ----------
    block : int
        1 to 8; two blocks never share a draw.
    drop : Drop, optional
        Of the step. Without it nothing is dropped: statistics are computed.
    """
    layers = random_layers(model)
    before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    if layers:  # some draw without a generator of their own
        everyone = _everyone()
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, everyone)
    _CURRENT.append(_Draws(block, drop))
    try:
        with _without_dropping(layers if drop is None else []):
            yield
    finally:
        _CURRENT.pop()
        if layers:
            global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)


def _everyone() -> StepSeeds:
    """Return seeds for layers that take Keras's common ones; made outside a graph."""
    if not _EVERYONE:
        with tf.init_scope():
            _EVERYONE.append(StepSeeds(0))
    return _EVERYONE[0]


@contextlib.contextmanager
def _without_dropping(layers: list[keras.layers.Layer]) -> Iterator[None]:
    rates = [
        (layer, name, getattr(layer, name))
        for layer in layers
        for name in _RATES
        if hasattr(layer, name)
    ]
    for layer, name, _ in rates:
        setattr(layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, rate in rates:
            setattr(layer, name, rate)
