"""Numbers in a file's bytes, as a TensorFlow graph."""

import tensorflow as tf


def little_endian(data: tf.Tensor, place: tf.Tensor | int, length: int) -> tf.Tensor:
    """Read numbers of so many bytes, the lowest first.

    Parameters
    ----------
    data : tensor of shape (n,), int32
        The bytes.
    place : tensor of any shape, int32
        Where each number begins.

    Returns
    -------
    tensor of the shape of `place`, int32
        Negative where a number needs more than 31 bits.
    """
    return _sum_of_bytes(data, place, range(length))


def big_endian(data: tf.Tensor, place: tf.Tensor | int, length: int) -> tf.Tensor:
    """Read numbers of so many bytes, the highest first; see `little_endian`."""
    return _sum_of_bytes(data, place, range(length - 1, -1, -1))


def _sum_of_bytes(data: tf.Tensor, place: tf.Tensor | int, powers: range) -> tf.Tensor:
    return tf.add_n(
        [tf.gather(data, place + at) * 256**power for at, power in enumerate(powers)]
    )
