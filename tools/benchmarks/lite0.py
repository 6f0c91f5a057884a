"""Training EfficientNet-Lite0 whole (FT1-7R8): our loop, Keras's ``fit``, PyTorch's.

Run as a script it trains in PyTorch, and prints images a second.
"""

import pathlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from benchmarks import apart, steps
from benchmarks.row import Row

if TYPE_CHECKING:
    import keras

_NAME = "efficientnet_lite0"
_BATCH = 32
_SIZE = 224
# AdamW divides by the gradient's size: where that is rounding alone, its sign decides.
_CLOSE = 1e-2


def rows() -> list[Row]:
    """List the comparisons that this machine can make.

    Returns
    -------
    list of Row
    """
    _check_equal_work()
    ours = _ours()
    return [
        Row(
            name="train efficientnet_lite0, against Keras fit",
            aim=1.0,
            unit="images/s",
            ours=ours,
            theirs=_keras(),
        ),
        *apart.against_torch(
            "train efficientnet_lite0, against PyTorch (timm, channels last)",
            1.8,
            __file__,
            "timm",
            ours,
        ),
    ]


def plain_model() -> "keras.Model":
    """Return the network as a Keras user fine-tunes it, statistics kept.

    Called with ``training=False``, as Keras's guide to transfer learning says, norms
    keep the source's statistics; their scales and shifts are trained.
    """
    import keras

    from kerastransfer.backbones import table

    backbone = table.get(_NAME)
    preprocessing = backbone.preprocessing
    inputs = keras.Input((_SIZE, _SIZE, 3))
    scale = [1 / x for x in preprocessing.scale]
    offset = [
        -x / y for x, y in zip(preprocessing.mean, preprocessing.scale, strict=True)
    ]
    x = keras.layers.Rescaling(scale, offset)(inputs)
    for block in steps.without_dropout(backbone.build(steps.CLASSES, 0)).blocks:
        x = block(x, training=False)
    return keras.Model(inputs, x)


def _ours() -> Callable[[], float]:
    from kerastransfer.backbones import table

    network = steps.without_dropout(table.get(_NAME).build(steps.CLASSES, 0))
    config = steps.make_config(_NAME, "FT1-7R8", _BATCH)
    run = steps.ours(network, config, steps.Repeated(*steps.noise(_BATCH, _SIZE)))
    return lambda: steps.rate(_BATCH, run().times)


def _keras() -> Callable[[], float]:
    fit = _fit(plain_model())

    def run() -> float:
        clock = steps.clock()
        fit(clock)
        return steps.rate(_BATCH, clock.times)

    return run


def _fit(model: "keras.Model") -> Callable[["keras.callbacks.Callback"], None]:
    import keras
    import tensorflow as tf

    model.compile(
        steps.optimizer(steps.STEPS + 1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    batches = tf.data.Dataset.from_tensors(steps.noise(_BATCH, _SIZE))
    batches = batches.repeat(steps.STEPS + 1)
    return lambda callback: model.fit(
        batches, shuffle=False, verbose=0, callbacks=[callback]
    )


def _check_equal_work() -> None:
    """Train both from the same weights, and see that they end at the same ones."""
    from kerastransfer.backbones import table

    network = steps.without_dropout(table.get(_NAME).build(steps.CLASSES, 0))
    model = plain_model()
    config = steps.make_config(_NAME, "FT1-7R8", _BATCH)
    ours = steps.ours(network, config, steps.Repeated(*steps.noise(_BATCH, _SIZE)))()
    theirs = steps.clock()
    _fit(model)(theirs)
    assert len(ours.times) == len(theirs.times) == steps.STEPS + 1
    gap = steps.gap(network, model)
    assert gap < _CLOSE, f"the weights are {gap} apart"
    print(f"{_NAME}: weights within {gap:.1e} of Keras fit's", file=sys.stderr)


def main() -> int:
    """Fine-tune timm's network as its users do, statistics kept; print the rate."""
    import timm
    import torch

    model = timm.create_model("tf_efficientnet_lite0", num_classes=steps.CLASSES)
    model = model.to(memory_format=torch.channels_last).eval()
    pixels, classes = steps.noise(_BATCH, _SIZE)
    print(apart.torch_rate(model, (pixels - 127) / 128, classes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
