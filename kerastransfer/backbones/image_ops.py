"""The TensorFlow graph of a backbone's preprocessing: resize, crop, normalise.

TensorFlow is imported inside the functions because light modules import this one.
"""

from typing import TYPE_CHECKING

import numpy as np

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Preprocessing

if TYPE_CHECKING:
    import tensorflow as tf


def resize(image: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """Resize one image to the size from which crops are taken.

    Parameters
    ----------
    image : tensor of shape (height, width, 3)
        RGB, 0 to 255, of any number type.

    Returns
    -------
    tensor of shape (new_height, new_width, 3), float32
        RGB, clipped to 0 to 255; no side is shorter than the crop.
    """
    import tensorflow as tf

    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    if preprocessing.resize == "warp":
        size = tf.constant([preprocessing.resize_to, preprocessing.resize_to])
    else:
        ratio = preprocessing.resize_to / tf.reduce_min(shape)
        size = tf.maximum(
            tf.cast(tf.round(shape * ratio), tf.int32), preprocessing.resize_to
        )
    image = tf.cast(image, tf.float32)

    def resized() -> tf.Tensor:
        new = tf.image.resize(
            image, size, method=preprocessing.interpolation, antialias=True
        )
        return tf.clip_by_value(new, 0.0, 255.0)

    # Most records have that size already; resizing them would give the same values and
    # take longer than decoding them.
    same = tf.reduce_all(tf.equal(size, tf.shape(image)[:2]))
    return tf.cond(same, lambda: image, resized)


def crop(
    image: "tf.Tensor", preprocessing: Preprocessing, view: "tf.Tensor"
) -> "tf.Tensor":
    """Take one crop, possibly mirrored, from a resized image.

    Parameters
    ----------
    image : tensor of shape (height, width, 3)
        As `resize` returns it.
    view : tensor of shape (3,), float32
        (top, left, mirror): the position as fractions, 0 to 1, of the space that the
        crop leaves free; mirror is 1 for the mirror image.

    Returns
    -------
    tensor of shape (crop, crop, 3), float32
        RGB, 0 to 255. Where there is a mean image, its deviation from the mean pixel is
        subtracted here and the mean pixel in `normalise`.
    """
    import tensorflow as tf

    room = tf.cast(tf.shape(image)[:2] - preprocessing.crop, tf.float32)
    # floor(x + 0.5), for tf.round goes to even: the centre must not depend on parity.
    place = tf.cast(tf.floor(view[:2] * room + 0.5), tf.int32)
    box = place[0], place[1], preprocessing.crop, preprocessing.crop
    cut = tf.image.crop_to_bounding_box(image, *box)
    if preprocessing.mean_image is not None:  # before the mirror, as Caffe does
        cut -= tf.image.crop_to_bounding_box(
            _deviation(preprocessing.mean_image, preprocessing), *box
        )
    cut = tf.cond(view[2] > 0.5, lambda: cut[:, ::-1], lambda: cut)
    return tf.ensure_shape(cut, (preprocessing.crop, preprocessing.crop, 3))


def centre_crops(images: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """Prepare images that are already cropped as `crop` prepares centre crops.

    Parameters
    ----------
    images : tensor of shape (n, crop, crop, 3)
        RGB, 0 to 255.

    Returns
    -------
    tensor of shape (n, crop, crop, 3), float32
        As `normalise` takes them.
    """
    import tensorflow as tf

    images = tf.cast(images, tf.float32)
    if preprocessing.mean_image is None:
        return images
    corner = (
        preprocessing.mean_image.side - preprocessing.crop + 1
    ) // 2  # as `crop` rounds it
    box = corner, corner, preprocessing.crop, preprocessing.crop
    deviation = _deviation(preprocessing.mean_image, preprocessing)
    return images - tf.image.crop_to_bounding_box(deviation, *box)


def _deviation(image: MeanImage, preprocessing: Preprocessing) -> "tf.Tensor":
    """Return a mean image minus the mean pixel: (side, side, 3), RGB."""
    import tensorflow as tf

    deviation = image.pixels - np.array(preprocessing.mean, np.float32)
    return tf.constant(
        deviation[..., ::-1] if preprocessing.channels == "BGR" else deviation
    )


def normalise(images: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """Normalise crops to the network's input.

    Parameters
    ----------
    images : tensor of shape (n, crop, crop, 3)
        As `crop` returns them.

    Returns
    -------
    tensor of shape (n, crop, crop, 3), float32
        In the network's channel order; dimensionless.
    """
    import tensorflow as tf

    images = tf.cast(images, tf.float32)
    if preprocessing.channels == "BGR":
        images = images[..., ::-1]
    return (images - tf.constant(preprocessing.mean)) / tf.constant(preprocessing.scale)
