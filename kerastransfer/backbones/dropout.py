"""Dropout whose masks follow from (seed, step, image), whatever device draws them.

Keras's own layer counts its calls, so its masks change with the number of replicas and
are lost when a run is interrupted.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, slots=True)
class Drop:
    """What the masks of one step follow from.

    Parameters
    ----------
    seed : int
        The run's.
    step : scalar int64 tensor
        Of the run.
    rows : tensor of shape (n,), int32
        Each image's place in the whole batch, of which this may be a part.
    size : scalar int32 tensor
        Images in the whole batch.
    """

    seed: int
    step: tf.Tensor
    rows: tf.Tensor
    size: tf.Tensor


def drop(inputs: tf.Tensor, rate: float, how: Drop, block: int) -> tf.Tensor:
    """Set a share of the values to zero and scale the others up.

    Parameters
    ----------
    inputs : tensor of shape (n, ...)
    rate : float
        Share that is dropped.
    how : Drop
    block : int
        Number of the block; two blocks never share a mask.

    Returns
    -------
    tensor of shape (n, ...)
    """
    # The mask of the whole batch is drawn by every replica: it costs little, and an
    # image's part of it does not depend on how the batch is shared.
    shape = tf.concat([how.size[tf.newaxis], tf.shape(inputs)[1:]], axis=0)
    words = tf.stack([tf.constant(16 * how.seed + block, tf.int64), how.step])
    drawn = tf.random.stateless_uniform(shape, words, alg="philox")
    kept = tf.gather(drawn >= rate, how.rows)
    return tf.where(kept, inputs / (1 - rate), tf.zeros_like(inputs))
