"""Batches of crops from records: read, decode, resize and crop with ``tf.data``."""

import functools
from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import decoding
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.foundation.system import cores

_FEATURES = {
    "image": tf.io.FixedLenFeature((), tf.string),
    "label": tf.io.FixedLenFeature((), tf.int64),
}
_PREFETCH = 2
_READ = 16  # images


class Examples(Protocol):
    """Serialised examples by split and position."""

    def serialized(self, split: str, position: int) -> bytes:
        """Return one ``tf.train.Example`` as bytes."""


def batches(
    examples: Examples,
    split: str,
    positions: NDArray[np.int64],
    views: NDArray[np.float32],
    preprocessing: Preprocessing,
    *,
    batch_size: int,
) -> tf.data.Dataset:
    """Make batches of crops and labels, in the given order, each image once.

    Parameters
    ----------
    examples : Examples
        Such as `Records`.
    split : {'train', 'val', 'test'}
    positions : array of shape (n,)
        Positions of the examples in the split, in the order of the batches.
    views : array of shape (n, 3)
        (top, left, mirror) of each; see `kerastransfer.views`.
    batch_size : int
        The last batch may be smaller.

    Returns
    -------
    tf.data.Dataset
        Of (images, labels): float32 (b, crop, crop, 3), RGB in 0 to 255; int64 (b,).
    """

    def read(positions: NDArray[np.int64]) -> NDArray[np.object_]:
        return np.array([examples.serialized(split, int(i)) for i in positions], object)

    def load(positions: tf.Tensor) -> tf.Tensor:
        encoded = tf.numpy_function(read, [positions], tf.string, stateful=False)
        return tf.ensure_shape(encoded, (None,))

    # Reading holds Python's global lock, so only a few images are read at a time.
    serialized = tf.data.Dataset.from_tensor_slices(positions).batch(_READ)
    # It branches on no tensor, so it need not be rewritten to be traced.
    traced = tf.autograph.experimental.do_not_convert(load)
    serialized = serialized.map(traced).prefetch(_PREFETCH).unbatch()
    dataset = tf.data.Dataset.zip(serialized, tf.data.Dataset.from_tensor_slices(views))
    dataset = dataset.map(_crop(preprocessing), cores(), deterministic=True)
    return as_written(dataset.batch(batch_size).prefetch(_PREFETCH))


def as_written(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Let TensorFlow neither rewrite a dataset nor tune it while it is read.

    Looking for what could be rewritten takes longer than reading a small dataset, in
    every epoch. Where all cores are busy, the end of one waits for a second or more
    for the thread that tunes it.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return dataset.with_options(options)


@functools.lru_cache(maxsize=8)
def _crop(preprocessing: Preprocessing) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """Trace a function from a serialised example to its crop and label.

    It is cached because every epoch makes new batches, and tracing takes longer than
    reading a small dataset.
    """

    def crop(serialized: tf.Tensor, view: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = tf.io.parse_single_example(serialized, _FEATURES)
        return view_of_file(example["image"], preprocessing, view), example["label"]

    signature = (tf.TensorSpec((), tf.string), tf.TensorSpec((3,), tf.float32))
    return tf.function(crop, signature, autograph=False)


def view_of_file(
    encoded: tf.Tensor, preprocessing: Preprocessing, view: tf.Tensor
) -> tf.Tensor:
    """Decode an image file and take one view of it; see `image_ops.take_view`.

    Of a JPEG that needs no resizing no more than the view is decoded.

    Returns
    -------
    tensor of shape (crop, crop, 3), float32
    """

    def whole() -> tf.Tensor:
        return image_ops.take_view(decoding.decode(encoded), preprocessing, view)

    def of_jpeg() -> tf.Tensor:
        shape = decoding.jpeg_shape(encoded)
        placement = image_ops.place(shape, preprocessing, view)

        def box() -> tf.Tensor:
            pixels = decoding.decode_jpeg_box(
                encoded, placement.corner, preprocessing.crop
            )
            return image_ops.finish(pixels, placement, preprocessing, view)

        return tf.cond(image_ops.keeps_size(shape, placement), box, whole)

    if preprocessing.fit != "crop":
        return whole()
    return tf.cond(decoding.is_jpeg(encoded), of_jpeg, whole)
