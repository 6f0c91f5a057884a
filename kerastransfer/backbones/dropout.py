"""Dropout whose masks are a function of (seed, step, image) on any device.

The masks of Keras's own layer depend on how often it was called, so they change with
the number of replicas and when a run is resumed.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, slots=True)
class Drop:
    """What the masks of one training step depend on.

    Parameters
    ----------
    seed : int
        Seed of the run.
    step : scalar int64 tensor
        Step of the run.
    rows : tensor of shape (n,), int32
        Each image's index in the global batch, which replicas share between them.
    size : scalar int32 tensor
        Number of images in the global batch.
    """

    seed: int
    step: tf.Tensor
    rows: tf.Tensor
    size: tf.Tensor


def drop(inputs: tf.Tensor, rate: float, how: Drop, block: int) -> tf.Tensor:
    """Set a random fraction of the values to zero and scale up the others.

    Parameters
    ----------
    inputs : tensor of shape (n, ...)
    rate : float
        Fraction that is set to zero.
    block : int
        Index of the block, 1 to 8; two blocks never share a mask.

    Returns
    -------
    tensor of shape (n, ...)
    """
    # Every replica draws the mask of the global batch: it is cheap, and an image's part
    # of it does not depend on how the batch is split between replicas.
    shape = tf.concat([how.size[tf.newaxis], tf.shape(inputs)[1:]], axis=0)
    words = tf.stack([tf.constant(16 * how.seed + block, tf.int64), how.step])
    drawn = tf.random.stateless_uniform(shape, words, alg="philox")
    kept = tf.gather(drawn >= rate, how.rows)
    return tf.where(kept, inputs / (1 - rate), tf.zeros_like(inputs))
