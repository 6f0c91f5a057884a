"""Pillow's resizing by Lanczos' filter, to the bit, as a graph.

Records are shrunk by Pillow, whose sums are of whole numbers: coefficients of 22 bits,
rounded once a pass. TensorFlow's own resizing sums in float32, and of thousands of
pixels some come out a level apart, which encoding spreads over a block.
"""

from typing import Final

import numpy as np
import tensorflow as tf

_LOBES: Final = 3  # on either side, in pixels of the smaller image
_BITS: Final = 22  # of a coefficient
_NONE: Final = np.float64(0)


def resize(pixels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Resize an image: columns first and then rows, rounded in between.

    Parameters
    ----------
    pixels : tensor of shape (height, width, channels), uint8
    target : tensor of shape (2,), int32
        Height and width.

    Returns
    -------
    tensor of shape (*target, channels), uint8
        As ``Image.resize`` gives with `Image.Resampling.LANCZOS`, once for each side.
    """
    for axis in (1, 0):
        pixels = _pass(pixels, target[axis], axis)
    return pixels


def _pass(pixels: tf.Tensor, size: tf.Tensor, axis: int) -> tf.Tensor:
    """Resize along one axis; one that has the size already stays as it is."""
    order = (axis, 1 - axis, 2)

    def resized() -> tf.Tensor:
        lines = tf.transpose(pixels, order)
        shape = tf.shape(lines)
        flat = tf.cast(tf.reshape(lines, (shape[0], -1)), tf.float64)
        # Sparse, for of a large image's columns each of ours takes a few.
        sums = tf.sparse.sparse_dense_matmul(_coefficients(shape[0], size), flat)
        # Float64 holds these whole numbers exactly.
        levels = tf.floor((sums + 2 ** (_BITS - 1)) / 2**_BITS)
        values = tf.cast(tf.clip_by_value(levels, 0, 255), tf.uint8)
        return tf.transpose(tf.reshape(values, (size, shape[1], shape[2])), order)

    same = tf.equal(tf.shape(pixels)[axis], size)
    return tf.cond(same, lambda: pixels, resized)


def _coefficients(length: tf.Tensor, size: tf.Tensor) -> tf.SparseTensor:
    """Return how much of each old line is in each new one, in 22 bits."""
    old, new = (tf.cast(count, tf.float64) for count in (length, size))
    scale = old / new
    stretch = tf.maximum(scale, 1.0)
    reach = _LOBES * stretch
    centres = ((tf.range(new, dtype=tf.float64) + 0.5) * scale)[:, tf.newaxis]
    # Whole parts, as C cuts a positive number off.
    first = tf.floor(tf.maximum(centres - reach + 0.5, 0.0))
    stop = tf.floor(tf.minimum(centres + reach + 0.5, old))
    # Of each new line only the old lines that are near: all of them, of all lines of a
    # long and thin image, would be many times the image.
    lines = first + tf.range(2 * tf.math.ceil(reach) + 1, dtype=tf.float64)
    weights = tf.where(lines < stop, _filter((lines - centres + 0.5) / stretch), _NONE)
    weights *= 2**_BITS / tf.reduce_sum(weights, axis=1, keepdims=True)
    rounded = tf.sign(weights) * tf.floor(tf.abs(weights) + 0.5)
    places = tf.where(tf.not_equal(rounded, 0.0))
    columns = tf.cast(tf.gather_nd(lines, places), tf.int64)
    shape = tf.cast(tf.stack([size, length]), tf.int64)
    indices = tf.stack([places[:, 0], columns], axis=1)
    return tf.SparseTensor(indices, tf.gather_nd(rounded, places), shape)


def _filter(x: tf.Tensor) -> tf.Tensor:
    is_within = (x >= -_LOBES) & (x < _LOBES)
    return tf.where(is_within, _sinc(x) * _sinc(x / _LOBES), _NONE)


def _sinc(x: tf.Tensor) -> tf.Tensor:
    at_zero = tf.equal(x, 0.0)
    angle = np.pi * tf.where(at_zero, tf.ones_like(x), x)
    return tf.where(at_zero, tf.ones_like(x), tf.sin(angle) / angle)
