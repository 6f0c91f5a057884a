"""A backbone of eight small blocks with every kind of layer, and images to train it on.

It trains in seconds where the real ones take minutes, and holds batch norms (blocks 1
to 5) and dropout (blocks 6 to 8) as they do: never both in one block.
"""

import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.network import Network, seed_of
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.backbones.published import WeightPort
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas, single
from kerastransfer.training.caching import Caching
from kerastransfer.training.phase import PhaseResult, PhaseSetup
from kerastransfer.training.phase_loop import PhaseLoop
from kerastransfer.training.setup import TrainSetup

CLASSES = ("dark", "middle", "light")
_SIZE = 16


def _convolution(number: int, shape: tuple[int, ...], seed: int) -> keras.Model:
    inputs = keras.Input(shape)
    name = f"conv{number}"
    initializer = keras.initializers.HeNormal(seed_of(seed, name))
    x = keras.layers.Conv2D(
        4, 3, padding="same", use_bias=False, kernel_initializer=initializer, name=name
    )(inputs)
    x = keras.layers.BatchNormalization(name=f"bn{number}")(x)
    x = keras.layers.ReLU(name=f"relu{number}")(x)
    if number == 5:
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, x, name=f"block{number}")


def _dense(number: int, shape: tuple[int, ...], units: int, seed: int) -> keras.Model:
    inputs = keras.Input(shape)
    name = f"fc{number}"
    x = keras.layers.Dropout(0.1, seed=seed_of(seed, f"drop{number}"))(inputs)
    x = keras.layers.Dense(
        units,
        activation="relu" if number < 8 else None,
        kernel_initializer=keras.initializers.HeNormal(seed_of(seed, name)),
        name=name,
    )(x)
    return keras.Model(inputs, x, name=f"block{number}")


def build(num_classes: int, seed: int) -> Network:
    blocks: list[keras.Model] = []
    shape: tuple[int, ...] = (_SIZE, _SIZE, 3)
    for number in range(1, 9):
        if number <= 5:
            block = _convolution(number, shape, seed)
        else:
            block = _dense(number, shape, num_classes if number == 8 else 12, seed)
        blocks.append(block)
        shape = block.output_shape[1:]
    return Network(tuple(blocks))


BACKBONE = Backbone(
    name="miniature",
    title="Miniature",
    blocks=(
        Block(layers="convolution", parameters=4 * 27 + 8, batch_norms=1),
        *(
            Block(layers="convolution", parameters=4 * 36 + 8, batch_norms=1)
            for _ in range(4)
        ),
        Block(layers="dense", parameters=5 * 12, dropout=0.1),
        Block(layers="dense", parameters=13 * 12, dropout=0.1),
        Block(layers="classifier", parameters=13 * 5, dropout=0.1),
    ),
    num_features=12,
    outputs=(*((_SIZE, _SIZE, 4),) * 4, (4,), (12,), (12,)),
    source="nothing",
    source_classes=5,
    preprocessing=Preprocessing(
        resize="shorter_side",
        resize_to=20,
        crop=_SIZE,
        interpolation="bilinear",
        channels="RGB",
        mean=(127.0, 127.0, 127.0),
        scale=(128.0, 128.0, 128.0),
    ),
    build=build,
    port=WeightPort(shapes=lambda: {n: w.shape for n, w in source_weights().items()}),
)


def source_weights(seed: int = 7) -> dict[str, np.ndarray]:
    """Weights such as a file would hold, moving statistics away from 0 and 1."""
    network = build(BACKBONE.source_classes, seed)
    rng = np.random.default_rng(seed)
    weights = {
        name: value for n in range(1, 9) for name, value in network.snapshot(n).items()
    }
    for name, value in weights.items():
        if "moving" in name or "gamma" in name:
            # Means near 0, or every ReLU above would be silent.
            middle = 0.0 if "mean" in name else 1.0
            weights[name] = rng.uniform(middle - 0.3, middle + 0.3, value.shape).astype(
                np.float32
            )
    return weights


@dataclasses.dataclass(frozen=True)
class MemoryExamples:
    """Examples by split and position, as records give them."""

    examples: dict[str, list[bytes]]
    content_hash: str = "noise"

    def serialized(self, split: str, position: int) -> bytes:
        return self.examples[split][position]

    def size(self, split: str) -> int:
        return len(self.examples[split])

    def labels(self, split: str) -> np.ndarray:
        return np.arange(self.size(split)) % 3


def make_examples(train: int = 13, val: int = 6, seed: int = 0) -> MemoryExamples:
    """Noise images whose brightness tells the class."""
    rng = np.random.default_rng(seed)

    def example(label: int) -> bytes:
        pixels = rng.integers(80 * label, 80 * label + 90, (24, 20, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        feature = {
            "image": tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[buffer.getvalue()])
            ),
            "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        }
        message = tf.train.Example(features=tf.train.Features(feature=feature))
        return bytes(message.SerializeToString())

    return MemoryExamples(
        {
            split: [example(i % 3) for i in range(count)]
            for split, count in (("train", train), ("val", val), ("test", val))
        }
    )


def make_setup(place: Path, recipe: str, **settings: object) -> TrainSetup:
    """Thirteen noise images to train on, six to judge by; caches go to a place."""
    config = resolve(
        {
            "dataset": "noise",
            "backbone": "miniature",
            "recipe": recipe,
            "batch_size": 4,
            "learning_rate": [0.01],
            "epochs": [3],
            **settings,
        },
        DataSummary(records="", weights="", num_images=13, mirror=False),
    )
    caching = Caching(mode="on", home=place / "features")
    return setup_of(config, make_examples(13, 6), caching=caching)


def setup_of(
    config: TrainConfig,
    examples: MemoryExamples,
    *,
    backbone: Backbone = BACKBONE,
    replicas: Replicas | None = None,
    caching: Caching | None = None,
) -> TrainSetup:
    """All of some examples, with nothing cached unless it is said."""
    return TrainSetup(
        config=config,
        backbone=backbone,
        records=examples,
        num_classes=3,
        positions={
            split: np.arange(examples.size(split)) for split in ("train", "val", "test")
        },
        source_weights=source_weights(),
        replicas=replicas or single(),
        caching=caching or Caching(mode="off"),
    )


def train_phase(
    phase: PhaseSetup, callbacks: Iterable[keras.callbacks.Callback] = ()
) -> PhaseResult:
    """Train one phase alone, without checkpoints."""
    loop = PhaseLoop(phase, keras.callbacks.CallbackList([*callbacks]))
    while loop.stop_reason is None:
        loop.train_epoch()
    return loop.finish()
