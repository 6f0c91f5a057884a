"""Training AlexNet whole (FT1-7R8): our loop, Keras's ``fit`` and PyTorch's.

Run as a script it trains in PyTorch, and prints images a second.
"""

import functools
import pathlib
import sys
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from benchmarks import apart, steps
from benchmarks.row import Row

_NAME = "alexnet"
_BATCH = 32
_SIZE = 227


def rows() -> list[Row]:
    """List the comparisons that this machine can make.

    Returns
    -------
    list of Row
    """
    ours = _ours()
    return [
        Row(
            name="train alexnet, against Keras Conv2D(groups=2) and fit",
            aim=3.0,
            unit="images/s",
            ours=ours,
            theirs=_keras(),
        ),
        *apart.against_torch(
            "train alexnet, against PyTorch (norms, channels last)",
            1.5,
            __file__,
            "torch",
            ours,
        ),
    ]


def _ours() -> Callable[[], float]:
    from kerastransfer.backbones import table

    network = table.get(_NAME).build(steps.CLASSES, 0)
    config = steps.make_config(_NAME, "FT1-7R8", _BATCH)
    run = steps.ours(network, config, steps.Repeated(*steps.noise(_BATCH, _SIZE)))
    return lambda: steps.rate(_BATCH, run().times)


def _keras() -> Callable[[], float]:
    """Compile the same network with Keras's grouped convolution, and fit it."""
    import keras
    import tensorflow as tf

    from kerastransfer.backbones import image_ops, table
    from kerastransfer.backbones.layers import GroupedConv2D

    backbone = table.get(_NAME)

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = keras.layers.Conv2D if isinstance(layer, GroupedConv2D) else type(layer)
        return kind.from_config(layer.get_config())

    blocks = backbone.build(steps.CLASSES, 0).blocks
    layers = [plain(layer) for block in blocks for layer in block.layers[1:]]
    model = keras.Sequential([keras.Input((_SIZE, _SIZE, 3)), *layers])
    model.compile(
        keras.optimizers.AdamW(steps.RATE, weight_decay=steps.DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images, labels = steps.noise(_BATCH, _SIZE)
    inputs = image_ops.normalise(images, backbone.preprocessing)
    batches = tf.data.Dataset.from_tensors((inputs, labels)).repeat(steps.STEPS + 1)

    def run() -> float:
        clock = steps.clock()
        model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
        return steps.rate(_BATCH, clock.times)

    return run


def main() -> int:
    """Train the same network as its PyTorch users write it; print the rate."""
    import torch
    from torch import nn

    norm = functools.partial(nn.LocalResponseNorm, 5, 1e-4, 0.75, 1.0)
    pool = functools.partial(nn.MaxPool2d, 3, 2)
    model = nn.Sequential(
        nn.Conv2d(3, 96, 11, 4),
        nn.ReLU(),
        norm(),
        pool(),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        norm(),
        pool(),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        pool(),
        nn.Flatten(),
        nn.Linear(9216, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, steps.CLASSES),
    ).to(memory_format=torch.channels_last)
    pixels, classes = steps.noise(_BATCH, _SIZE)
    print(apart.torch_rate(model, pixels - 117, classes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
