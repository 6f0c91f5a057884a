"""Image files' bytes to pixels, as a TensorFlow graph."""

import tensorflow as tf

_JPEG = b"\xff\xd8\xff"
# Of TensorFlow's two integer transforms the accurate one: the same pixels to the bit
# as Pillow's. The other is off by one level on average, and by up to fourteen.
_DCT = "INTEGER_ACCURATE"
# Pixels about a box that are decoded with it and cut off: where colours are
# subsampled, those at a box's border are interpolated from beyond it.
_MARGIN = 16


def is_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """Whether an image file's bytes are a JPEG's: a scalar bool."""
    return tf.equal(tf.strings.substr(encoded, 0, len(_JPEG)), _JPEG)


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decode an image file's bytes: JPEG, PNG, GIF (its first frame), BMP or WebP.

    Returns
    -------
    tensor of shape (height, width, 3), uint8
        RGB; a JPEG's pixels are those that Pillow decodes. A rotation in EXIF is not
        applied: TensorFlow's decoders ignore it.
    """
    image = tf.cond(
        is_jpeg(encoded),
        lambda: decode_jpeg(encoded),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, (None, None, 3))


def decode_jpeg(encoded: tf.Tensor, ratio: int = 1) -> tf.Tensor:
    """Decode a JPEG, at 1 / `ratio` of its size: 1, 2, 4 or 8."""
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method=_DCT)


def jpeg_shape(encoded: tf.Tensor) -> tf.Tensor:
    """Read a JPEG's height and width from its header: shape (2,), int32."""
    return tf.io.extract_jpeg_shape(encoded)[:2]


def decode_jpeg_box(encoded: tf.Tensor, corner: tf.Tensor, side: int) -> tf.Tensor:
    """Decode a square of a JPEG, to the same pixels as `decode` of the whole.

    Parameters
    ----------
    corner : tensor of shape (2,), int32
        Its top and left, in pixels; the square lies within the image.
    side : int
        In pixels.

    Returns
    -------
    tensor of shape (side, side, 3), uint8
    """
    start = tf.maximum(corner - _MARGIN, 0)
    stop = tf.minimum(corner + side + _MARGIN, jpeg_shape(encoded))
    box = tf.concat([start, stop - start], axis=0)
    pixels = tf.io.decode_and_crop_jpeg(encoded, box, channels=3, dct_method=_DCT)
    top, left = tf.unstack(corner - start)
    return pixels[top : top + side, left : left + side]
