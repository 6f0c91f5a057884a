"""Training AlexNet whole (FT1-7R8): our loop against Keras's ``fit`` and PyTorch's."""

import functools
import importlib.util
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.row import Row

_RECIPE = "FT1-7R8"
_CLASSES = 10
_BATCH = 32
_STEPS = 6
_SIZE = 227
_RATE = 1e-4


def rows() -> list[Row]:
    """List the comparisons that this machine can make.

    Returns
    -------
    list of Row
    """
    ours = _ours()
    found = [
        Row(
            name="train alexnet, against Keras Conv2D(groups=2) and fit",
            aim=3.0,
            unit="images/s",
            ours=ours,
            theirs=_keras(),
        )
    ]
    if importlib.util.find_spec("torch") is None:
        print("train alexnet against PyTorch: left out, no torch here", file=sys.stderr)
        return found
    theirs = _torch()
    name = "train alexnet, against PyTorch (norms, channels last)"
    return [*found, Row(name=name, aim=1.5, unit="images/s", ours=ours, theirs=theirs)]


def _batch() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (_BATCH, _SIZE, _SIZE, 3)).astype(np.float32)
    return images, rng.integers(0, _CLASSES, _BATCH)


def _rate(times: list[float]) -> float:
    """Images a second from the ends of steps; the first step pays for the tracing."""
    return _BATCH * (len(times) - 1) / (times[-1] - times[0])


class _Batches:
    """The same batch, again and again, as a source of training data."""

    first = 1
    num_images = _BATCH * (_STEPS + 1)

    def __init__(self) -> None:
        import tensorflow as tf

        images, labels = _batch()
        self._batch = tf.constant(images), tf.constant(labels)

    def train(self, epoch: int, part: Any = None, start: int = 0) -> Iterator[Any]:
        from kerastransfer.training.batches import Batch, Share

        rows, weights = np.arange(_BATCH, dtype=np.int32), np.ones(_BATCH, np.float32)
        images, labels = self._batch
        batch = Batch(_BATCH, (Share(images, labels, rows, weights),))
        return iter([batch] * (_STEPS + 1))

    def val(self) -> Iterable[Any]:
        return []


def _clock() -> Any:
    """Make a Keras callback that notes when steps end."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.times.append(time.perf_counter())

    return Clock()


def _ours() -> Callable[[], float]:
    import keras

    from kerastransfer import surgery
    from kerastransfer.backbones import table
    from kerastransfer.recipe import Recipe
    from kerastransfer.training import phase
    from kerastransfer.training.engine import Job
    from kerastransfer.training.phase import Span
    from kerastransfer.training.replicas import single
    from kerastransfer.training.resolve import Facts, resolve

    backbone = table.get("alexnet")
    chosen = {
        "dataset": "noise",
        "backbone": backbone.name,
        "recipe": _RECIPE,
        "images_per_class": None,
        "batch_size": _BATCH,
        "learning_rate": [_RATE],
    }
    facts = Facts(records="", weights="", num_images=_BATCH * _STEPS, mirror=False)
    config = resolve(chosen, facts)
    plans = surgery.plan(Recipe.parse(_RECIPE).phases[0], backbone, _CLASSES)
    network, batches = backbone.build(_CLASSES, 0), _Batches()

    def run() -> float:
        clock = _clock()
        job = Job(
            network=network,
            plans=plans,
            source=batches,
            facts=backbone.preprocessing,
            config=config,
            replicas=single(),
        )
        callbacks = keras.callbacks.CallbackList([clock])
        phase.train(job, Span(epochs=1, learning_rate=_RATE), callbacks)
        return _rate(clock.times)

    return run


def _keras() -> Callable[[], float]:
    """Compile the same network with Keras's grouped convolution, and fit it."""
    import keras
    import tensorflow as tf

    from kerastransfer.backbones import preprocessing, table
    from kerastransfer.backbones.layers import GroupedConv2D

    backbone = table.get("alexnet")

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = keras.layers.Conv2D if isinstance(layer, GroupedConv2D) else type(layer)
        return kind.from_config(layer.get_config())

    blocks = backbone.build(_CLASSES, 0).blocks
    layers = [plain(layer) for block in blocks for layer in block.layers[1:]]
    model = keras.Sequential([keras.Input((_SIZE, _SIZE, 3)), *layers])
    model.compile(
        keras.optimizers.AdamW(_RATE, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images, labels = _batch()
    inputs = preprocessing.normalise(images, backbone.preprocessing)
    batches = tf.data.Dataset.from_tensors((inputs, labels)).repeat(_STEPS + 1)

    def run() -> float:
        clock = _clock()
        model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
        return _rate(clock.times)

    return run


def _torch() -> Callable[[], float]:
    """Write the same network as its PyTorch users do."""
    import torch
    from torch import nn

    norm = functools.partial(nn.LocalResponseNorm, 5, 1e-4, 0.75, 1.0)
    pool = functools.partial(nn.MaxPool2d, 3, 2)
    model = nn.Sequential(
        *(nn.Conv2d(3, 96, 11, 4), nn.ReLU(), norm(), pool()),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm(), pool()),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), pool()),
        *(nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, _CLASSES)),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=0.01)
    pixels, classes = _batch()
    # Transposed and not copied: channels last in memory already.
    images = torch.from_numpy(pixels - 117).permute(0, 3, 1, 2)
    labels = torch.from_numpy(classes)

    def step() -> float:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        return time.perf_counter()

    return lambda: _rate([step() for _ in range(_STEPS + 1)])
