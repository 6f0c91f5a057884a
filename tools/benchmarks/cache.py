"""Runs with a frozen prefix, filling the cache included, against Keras's ``fit``.

Keras gets the crops ready in memory, in the order and the views of our epochs; we read
records. Both train from the same weights, as many steps, with AdamW and no dropout.
"""

import dataclasses
import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import steps
from benchmarks.row import Row

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.network import Network
    from kerastransfer.training.setup import TrainSetup

_EPOCHS = 60
_VIEWS = 2
_BATCH = 32
_CLOSE = 1e-2  # of the classifier alone; deeper weights are told, not held


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    backbone: str
    recipe: str
    images: int  # of each class
    aim: float


# For AlexNet the aims are the bounds that operations set, by weights.md's counts.
_CASES = (
    _Case(backbone="efficientnet_lite0", recipe="F1-7R8", images=50, aim=15.0),
    _Case(backbone="alexnet", recipe="F1-5R6-8", images=10, aim=4.8),
    _Case(backbone="alexnet", recipe="F1-3R4-8", images=10, aim=1.65),
)


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    return [_row(case) for case in _CASES]


def _row(case: _Case) -> Row:
    trained: dict[str, Any] = {}
    return Row(
        name=f"{case.recipe} of {case.backbone}, {_EPOCHS} epochs, {_VIEWS} views, "
        f"{10 * case.images} digits, against Keras fit with layers frozen",
        aim=case.aim,
        unit="images/s",
        ours=functools.partial(_ours, case, trained),
        theirs=functools.partial(_keras, case, trained),
    )


def _setup(case: _Case, home: Path) -> "tuple[TrainSetup, Network]":
    """Return what is trained on, and the network that both sides begin with."""
    from kerastransfer.backbones import table
    from kerastransfer.datasets import table as datasets
    from kerastransfer.distribution.replicas import single
    from kerastransfer.records.find import find_or_convert
    from kerastransfer.training.caching import Caching
    from kerastransfer.training.setup import TrainSetup

    records = find_or_convert(datasets.resolve("digits"))
    backbone = table.get(case.backbone)
    config = steps.make_config(
        case.backbone,
        case.recipe,
        _BATCH,
        epochs=[_EPOCHS],
        views=_VIEWS,
        images_per_class=case.images,
    )
    source = backbone.build(backbone.source_classes, 0)
    weights = {k: v for n in range(1, 9) for k, v in source.snapshot(n).items()}
    setup = TrainSetup.of(
        config,
        backbone,
        records=records,
        source_weights=weights,
        replicas=single(),
        caching=Caching(mode="on", home=home, quiet=True),
    )
    positions = {**setup.positions, "val": np.arange(0)}
    setup = dataclasses.replace(setup, positions=positions)
    return setup, steps.without_dropout(setup.make_network())


def _ours(case: _Case, trained: dict[str, Any]) -> float:
    import keras

    from kerastransfer.training import phase_loop
    from kerastransfer.training.checkpoints.saver import CheckpointSaver
    from kerastransfer.training.stopping import StopSignal

    with tempfile.TemporaryDirectory() as home:
        setup, network = _setup(case, Path(home))
        stop_signal = StopSignal()
        start = time.perf_counter()
        (result,) = phase_loop.train_phases(
            setup,
            network,
            callbacks=keras.callbacks.CallbackList([]),
            saver=CheckpointSaver(None, every=60.0, stop_signal=stop_signal),
            stop_signal=stop_signal,
        )
        seconds = time.perf_counter() - start
    assert result.cached
    trained["steps"], trained["network"] = result.steps, network
    return _EPOCHS * len(setup.positions["train"]) / seconds


def _keras(case: _Case, trained: dict[str, Any]) -> float:
    import keras

    setup, network = _setup(case, Path())
    model = _model(case, network)
    model.compile(
        steps.optimizer(trained["steps"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    batches, clock = _batches(setup), steps.clock()
    start = time.perf_counter()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
    seconds = time.perf_counter() - start
    assert len(clock.times) == trained["steps"]
    gap = steps.gap(trained["network"], model)
    print(f"{case.recipe}: weights within {gap:.1e} of Keras fit's", file=sys.stderr)
    assert gap < _CLOSE or case.recipe != "F1-7R8", f"the weights are {gap} apart"
    return _EPOCHS * len(setup.positions["train"]) / seconds


def _model(case: _Case, network: "Network") -> "keras.Model":
    import keras

    from kerastransfer import surgery
    from kerastransfer.recipe import Recipe

    num_frozen = surgery.frozen_prefix(Recipe.parse(case.recipe).phases[0])
    for number, block in enumerate(network.blocks, start=1):
        block.trainable = number > num_frozen
    inputs = keras.Input(network.blocks[0].input_shape[1:])
    x = inputs
    for block in network.blocks:
        x = block(x)
    return keras.Model(inputs, x)


def _batches(setup: "TrainSetup") -> Any:
    """Put the crops into memory, and give them in our order."""
    import tensorflow as tf

    from kerastransfer import views
    from kerastransfer.backbones import image_ops

    config, positions = setup.config, setup.positions["train"]
    crops, labels = _crops(setup)

    def indices() -> Iterator[NDArray[np.int64]]:
        for epoch in range(_EPOCHS):
            view = views.choose(config.seed, epoch, positions, _VIEWS)
            order = views.order(config.seed, epoch, positions)
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                yield view[batch] * len(positions) + batch

    def load(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(crops, rows)
        preprocessing = setup.backbone.preprocessing
        return image_ops.normalise(images, preprocessing), tf.gather(labels, rows)

    spec = tf.TensorSpec((None,), tf.int64)
    batches = tf.data.Dataset.from_generator(indices, output_signature=spec)
    batches = batches.map(load, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    steps_in_all = _EPOCHS * -(-len(positions) // _BATCH)
    return batches.apply(tf.data.experimental.assert_cardinality(steps_in_all))


def _crops(setup: "TrainSetup") -> tuple[Any, Any]:
    """Decode every image once a view: view by view, in the order of positions."""
    import tensorflow as tf

    from kerastransfer import pipeline, views

    positions, fixed = setup.positions["train"], views.fixed(_VIEWS)
    loaded = pipeline.batches(
        setup.records,
        "train",
        np.tile(positions, _VIEWS),
        np.repeat(fixed, len(positions), axis=0),
        setup.backbone.preprocessing,
        batch_size=_BATCH,
    )
    images, labels = zip(*loaded, strict=True)
    return tf.concat(images, axis=0), tf.concat(labels, axis=0)
