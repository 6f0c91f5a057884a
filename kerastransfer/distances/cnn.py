"""How well a small network trained from scratch tells source images from target images.

Three convolutions, as in the study, on images shrunk to 64 pixels; the accuracy is of
images that it was not trained on. It sees what the backbone may not look at: colour,
sharpness, borders.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerastransfer import pipeline
from kerastransfer.backbones.network import seed_of
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.distances import samples
from kerastransfer.errors import DataError
from kerastransfer.evaluation.intervals import Estimate, wilson

SIDE = 64
MOST = 1_000  # images of each domain
_HELD_OUT = 0.3
_FILTERS = (16, 32, 64)
_BATCH = 32
_STEPS = 600
_RATE = 1e-3

GEOMETRY = Preprocessing(
    resize="shorter_side",
    resize_to=SIDE,
    crop=SIDE,
    interpolation="bilinear",
    channels="RGB",
    mean=(127.5, 127.5, 127.5),
    scale=(64.0, 64.0, 64.0),
)

ImageArrays = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, slots=True)
class CnnDistance:
    """A held-out accuracy.

    Parameters
    ----------
    accuracy : Estimate
        A fraction with Wilson's interval; `n` is the number of images tested on. The
        interval leaves out how another training would have ended.
    """

    accuracy: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {"accuracy": self.accuracy.as_dict()}


def cnn_distance(
    source: ImageArrays, target: ImageArrays, *, seed: int = 0
) -> CnnDistance:
    """Tell source from target images with a network of three convolutions.

    Parameters
    ----------
    source, target : array of shape (n, 64, 64, 3), uint8
        RGB. The same number of each is used, drawn at random, at most 1,000; 70 % of
        them train.
    seed : int
        Of the draw, the split, the weights and the order.

    Raises
    ------
    DataError
        If there are fewer than 10 images of either, they have another shape, or all
        images of one are equal.

    Notes
    -----
    16, 32 and 64 filters of 3 x 3 with stride 2 and ReLU, a mean over places and a
    logistic output; 600 steps of Adam at 0.001 on batches of 32. The study does not
    state its settings; these are ours.
    """
    for name, images in (("the source", source), ("the target", target)):
        _check(name, images)
    count = min(len(source), len(target), MOST)
    rng = np.random.default_rng(seed)
    pair = [images[rng.permutation(len(images))[:count]] for images in (source, target)]
    held_out = round(_HELD_OUT * count)
    images, labels = _join([each[held_out:] for each in pair])
    model = _train(images, labels, seed)
    images, labels = _join([each[:held_out] for each in pair])
    guesses = model(_scaled(images), training=False).numpy()[:, 0] > 0
    return CnnDistance(wilson(int((guesses == labels).sum()), len(labels)))


def _check(name: str, images: ImageArrays) -> None:
    if images.shape[1:] != (SIDE, SIDE, 3) or images.dtype != np.uint8:
        raise DataError(
            f"Expected images of {name} as uint8 of shape (n, {SIDE}, {SIDE}, 3), got "
            f"{images.dtype} of shape {images.shape}."
        )
    samples.enough(name, len(images))
    if (images == images[0]).all():
        raise DataError(
            f"All {len(images):,} images of {name} are equal; are they blank?"
        )


def _join(pair: list[ImageArrays]) -> tuple[ImageArrays, npt.NDArray[np.bool_]]:
    return np.concatenate(pair), np.repeat([False, True], [len(each) for each in pair])


def _scaled(images: ImageArrays) -> npt.NDArray[np.float32]:
    mean = np.array(GEOMETRY.mean, np.float32)
    scale = np.array(GEOMETRY.scale, np.float32)
    return np.asarray((images.astype(np.float32) - mean) / scale)


def _train(
    images: ImageArrays, labels: npt.NDArray[np.bool_], seed: int
) -> keras.Sequential:
    model = _network(seed)
    model.compile(
        keras.optimizers.Adam(_RATE),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    pairs = _scaled(images), labels.astype(np.float32)[:, None]
    batches = tf.data.Dataset.from_tensor_slices(pairs)
    batches = batches.shuffle(len(images), seed=seed).repeat().batch(_BATCH)
    model.fit(
        pipeline.as_written(batches), steps_per_epoch=_STEPS, shuffle=False, verbose=0
    )
    return model


def _network(seed: int) -> keras.Sequential:
    layers: list[keras.layers.Layer] = [keras.Input((SIDE, SIDE, 3))]
    for filters in _FILTERS:
        draw = keras.initializers.HeNormal(seed_of(seed, f"conv{filters}"))
        layers.append(
            keras.layers.Conv2D(
                filters,
                3,
                2,
                padding="same",
                activation="relu",
                kernel_initializer=draw,
            )
        )
    draw = keras.initializers.GlorotUniform(seed_of(seed, "output"))
    layers.append(keras.layers.GlobalAveragePooling2D())
    layers.append(keras.layers.Dense(1, kernel_initializer=draw))
    return keras.Sequential(layers)
