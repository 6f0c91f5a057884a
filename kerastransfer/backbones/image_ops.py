"""The TensorFlow graph of a backbone's preprocessing: resize, crop, normalise.

TensorFlow is imported inside the functions because light modules import this one.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Preprocessing

if TYPE_CHECKING:
    import tensorflow as tf

_KERNELS: Final = {"bilinear": "triangle", "bicubic": "keyscubic"}


class Placement(NamedTuple):
    """Where an image lies once it is resized, and where a crop lies on it.

    Parameters
    ----------
    size : tensor of shape (2,), int32
        Height and width to which the image is resized.
    corner : tensor of shape (2,), int32
        Top and left of the crop, from the resized image's corner; negative where the
        crop begins before the image.
    """

    size: "tf.Tensor"
    corner: "tf.Tensor"


def place(
    shape: "tf.Tensor", preprocessing: Preprocessing, view: "tf.Tensor"
) -> Placement:
    """Say where a view's crop lies on an image.

    Parameters
    ----------
    shape : tensor of shape (2,), int32
        The image's height and width.
    view : tensor of shape (3,), float32
        (top, left, mirror): the position as fractions, 0 to 1, of the space that the
        crop leaves free; mirror is 1 for the mirror image.
    """
    import tensorflow as tf

    crop, resize_to = preprocessing.crop, preprocessing.resize_to
    size = _resized_size(shape, preprocessing)
    if preprocessing.fit == "crop":
        canvas, margin = size, tf.zeros(2, tf.int32)
    else:
        # The whole image lies in the middle crop of a square canvas.
        canvas = tf.constant([resize_to, resize_to])
        margin = (resize_to - crop + 1) // 2 + (crop - size) // 2
    room = tf.cast(canvas - crop, tf.float32)
    # floor(x + 0.5), for tf.round goes to even: the centre must not depend on parity.
    corner = tf.cast(tf.floor(view[:2] * room + 0.5), tf.int32)
    return Placement(size, corner - margin)


def _resized_size(shape: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """Return the height and width to which an image is resized: shape (2,), int32."""
    import tensorflow as tf

    crop, resize_to = preprocessing.crop, preprocessing.resize_to
    lengths = tf.cast(shape, tf.float32)
    if preprocessing.fit == "squash":
        return tf.constant([crop, crop])
    if preprocessing.fit == "pad":
        ratio = crop / tf.reduce_max(lengths)
        return tf.clip_by_value(tf.cast(tf.round(lengths * ratio), tf.int32), 1, crop)
    if preprocessing.resize == "warp":
        return tf.constant([resize_to, resize_to])
    ratio = resize_to / tf.reduce_min(lengths)
    return tf.maximum(tf.cast(tf.round(lengths * ratio), tf.int32), resize_to)


def take_view(
    image: "tf.Tensor", preprocessing: Preprocessing, view: "tf.Tensor"
) -> "tf.Tensor":
    """Resize an image and take one crop of it, possibly mirrored.

    Parameters
    ----------
    image : tensor of shape (height, width, 3)
        RGB, 0 to 255, of any number type.
    view : tensor of shape (3,), float32
        As `place` takes it.

    Returns
    -------
    tensor of shape (crop, crop, 3), float32
        RGB, 0 to 255. Where there is a mean image, its deviation from the mean pixel is
        subtracted here and the mean pixel in `normalise`.
    """
    import tensorflow as tf

    shape = tf.shape(image)[:2]
    placement = place(shape, preprocessing, view)
    image = tf.cast(image, tf.float32)
    side = preprocessing.crop

    def cut() -> tf.Tensor:
        return tf.slice(image, [*tf.unstack(placement.corner), 0], [side, side, 3])

    def resized() -> tf.Tensor:
        return _resized_crop(image, placement, preprocessing)

    if preprocessing.fit == "crop":
        # Most records have that size already; resizing them would give the same values
        # and take longer than decoding them.
        pixels = tf.cond(keeps_size(shape, placement), cut, resized)
    else:
        pixels = resized()
    return finish(pixels, placement, preprocessing, view)


def keeps_size(shape: "tf.Tensor", placement: Placement) -> "tf.Tensor":
    """Whether an image needs no resizing: a scalar bool."""
    import tensorflow as tf

    return tf.reduce_all(tf.equal(shape, placement.size))


def _resized_crop(
    image: "tf.Tensor", placement: Placement, preprocessing: Preprocessing
) -> "tf.Tensor":
    """Compute the pixels of a crop of the resized image, and no others.

    So an image of one pixel by thousands costs no more than its crop.
    """
    import tensorflow as tf

    crop = preprocessing.crop
    size, corner = (tf.cast(each, tf.float32) for each in placement)
    pixels = tf.raw_ops.ScaleAndTranslate(
        images=image[tf.newaxis],
        size=[crop, crop],
        scale=size / tf.cast(tf.shape(image)[:2], tf.float32),
        translation=-corner,
        kernel_type=_KERNELS[preprocessing.interpolation],
        antialias=True,
    )[0]
    pixels = tf.clip_by_value(pixels, 0.0, 255.0)
    if preprocessing.fit == "crop":
        return pixels
    places = tf.range(crop)[:, tf.newaxis] + placement.corner  # of rows and columns
    inside = (places >= 0) & (places < placement.size)
    covered = (
        inside[:, tf.newaxis, 0, tf.newaxis] & inside[tf.newaxis, :, 1, tf.newaxis]
    )
    return tf.where(covered, pixels, tf.constant(_mean_pixel(preprocessing)))


def _mean_pixel(preprocessing: Preprocessing) -> tuple[float, ...]:
    """Return the pixel that the network sees as nothing: RGB, 0 to 255."""
    mean = preprocessing.mean
    return mean[::-1] if preprocessing.channels == "BGR" else mean


def finish(
    pixels: "tf.Tensor",
    placement: Placement,
    preprocessing: Preprocessing,
    view: "tf.Tensor",
) -> "tf.Tensor":
    """Subtract the mean image where the crop lies, and mirror; see `take_view`.

    Parameters
    ----------
    pixels : tensor of shape (crop, crop, 3)
        The crop.
    """
    import tensorflow as tf

    side = preprocessing.crop
    pixels = tf.ensure_shape(tf.cast(pixels, tf.float32), (side, side, 3))
    if preprocessing.mean_image is not None:  # before the mirror, as Caffe does
        corner = tf.unstack(placement.corner)
        pixels -= tf.image.crop_to_bounding_box(
            _deviation(preprocessing.mean_image, preprocessing), *corner, side, side
        )
    return tf.cond(view[2] > 0.5, lambda: pixels[:, ::-1], lambda: pixels)


def centre_crops(images: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """Prepare images that are already cropped as `take_view` prepares centre crops.

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
        As `take_view` returns them.

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
