"""Steps of training on one batch: our loop's and Keras's ``fit``'s."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.network import Network
    from kerastransfer.config.train_config import TrainConfig
    from kerastransfer.distribution.replicas import Replicas

CLASSES = 10
STEPS = 6  # that are timed; the one before them pays for the tracing
RATE = 1e-4
DECAY = 0.01


def noise(batch: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Make a batch of images of noise, 0 to 255, and labels.

    Parameters
    ----------
    batch, side : int
        How many, and their height and width.

    Returns
    -------
    images : array of shape (batch, side, side, 3)
    labels : array of shape (batch,)
    """
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (batch, side, side, 3)).astype(np.float32)
    return images, rng.integers(0, CLASSES, batch)


def rate(batch: int, times: list[float]) -> float:
    """Return images a second from the ends of steps."""
    return batch * (len(times) - 1) / (times[-1] - times[0])


def clock() -> Any:
    """Make a Keras callback that notes when steps end, and their losses."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []
            self.losses: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.times.append(time.perf_counter())
            self.losses.append(logs["loss"])

    return Clock()


class Repeated:
    """The same batch, again and again, as a source of training data.

    Parameters
    ----------
    images : array of shape (n, side, side, 3)
    labels : array of shape (n,)
    """

    first, dtype = 1, "float32"

    def __init__(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        import tensorflow as tf

        self._batch = tf.constant(images), tf.constant(labels)
        self._size = len(labels)
        self.num_images = self._size * (STEPS + 1)

    def train(self, epoch: int, part: Any = None, start: int = 0) -> Iterator[Any]:
        """See `kerastransfer.training.batches.BatchSource`."""
        from kerastransfer.distribution.replicas import WHOLE
        from kerastransfer.training.batches import Batch, ReplicaBatch, share_rows

        images, labels = self._batch
        shares = []
        for rows, counts in share_rows(self._size, part or WHOLE):
            weights = np.full(len(rows), float(counts), np.float32)
            low, high = rows[0], rows[-1] + 1
            shares.append(
                ReplicaBatch(images[low:high], labels[low:high], rows, weights)
            )
        return iter([Batch(self._size, tuple(shares))] * (STEPS + 1))

    def val(self) -> Iterable[Any]:
        """See `kerastransfer.training.batches.BatchSource`."""
        return []


class NoExamples:
    """Records without images, for batches come from elsewhere."""

    content_hash = ""

    def size(self, split: str) -> int:
        """See `kerastransfer.training.caching.LabelledExamples`."""
        return 0

    def labels(self, split: str) -> NDArray[np.int64]:
        """See `kerastransfer.training.caching.LabelledExamples`."""
        return np.zeros(0, np.int64)

    def serialized(self, split: str, position: int) -> bytes:
        """See `kerastransfer.pipeline.Examples`."""
        raise IndexError(position)


def make_config(
    backbone: str, recipe: str, batch: int, **settings: Any
) -> "TrainConfig":
    """Return the settings that all sides train with.

    Parameters
    ----------
    backbone, recipe : str
    batch : int
        Images in a batch.
    **settings
        More of them, by name.
    """
    from kerastransfer.config.defaults import DataSummary, resolve

    common = {
        "dataset": "noise",
        "backbone": backbone,
        "recipe": recipe,
        "batch_size": batch,
        "epochs": [1],
        "learning_rate": [RATE],
        "weight_decay": DECAY,
    }
    summary = DataSummary(records="", weights="", num_images=batch * STEPS, mirror=True)
    return resolve({**common, **settings}, summary)


def ours(
    network: "Network",
    config: "TrainConfig",
    source: Repeated,
    replicas: "Replicas | None" = None,
) -> Callable[[], Any]:
    """Make what trains an epoch with our loop; it returns a clock.

    Parameters
    ----------
    network : Network
        Goes on from its weights each time.
    config : TrainConfig
        Of one phase.
    source : Repeated
    replicas : Replicas, optional

    Returns
    -------
    callable
    """
    import keras

    from kerastransfer.backbones import table
    from kerastransfer.distribution.replicas import single
    from kerastransfer.training.caching import Caching
    from kerastransfer.training.phase import PhaseSetup
    from kerastransfer.training.phase_loop import PhaseLoop
    from kerastransfer.training.setup import TrainSetup

    setup = TrainSetup(
        config=config,
        backbone=table.get(config.backbone),
        records=NoExamples(),
        num_classes=CLASSES,
        positions={},
        source_weights={},
        replicas=replicas or single(),
        caching=Caching(mode="off"),
    )
    phase = PhaseSetup(setup=setup, index=0, network=network, source=source)

    def run() -> Any:
        ticks = clock()
        PhaseLoop(phase, keras.callbacks.CallbackList([ticks])).train_epoch()
        return ticks

    return run


def optimizer(steps: int) -> "keras.optimizers.Optimizer":
    """Make Keras's own AdamW with our defaults: a cosine, and kernels' decay alone.

    Parameters
    ----------
    steps : int
        In the whole run.

    Returns
    -------
    keras.optimizers.Optimizer
    """
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps)
    adamw = keras.optimizers.AdamW(schedule, weight_decay=DECAY)
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw


def without_dropout(network: "Network") -> "Network":
    """Switch dropout off, for masks are drawn in another way by each side."""
    for block in network.blocks:
        for layer in block.layers:
            if type(layer).__name__ == "Dropout":
                layer.rate = 0.0
    return network


def gap(network: "Network", model: "keras.Model") -> float:
    """Return how far two sides' weights are apart: max |difference| / max |weight|.

    Parameters
    ----------
    network : Network
    model : keras.Model
        Of the same weights in the same order.

    Returns
    -------
    float
    """
    pairs = [
        (ours.numpy(), theirs.numpy())
        for ours, theirs in zip(
            network.whole().trainable_variables, model.trainable_variables, strict=True
        )
    ]
    largest = max(np.abs(one).max() for one, _ in pairs)
    return float(max(np.abs(one - other).max() for one, other in pairs) / largest)
