"""From an image file's bytes to the pixels that records would hold, as a graph.

A model is trained and evaluated on records: images set upright, shrunk and encoded
again. The exported model repeats this step by step, so that it sees of a file what was
measured; `kerastransfer.records.write.stored_image` is what it follows.
"""

from typing import Final

import tensorflow as tf

from kerastransfer import decoding
from kerastransfer.export import image_bounds, jpeg_header, lanczos
from kerastransfer.export.byte_numbers import little_endian
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.write.stored_image import KEEP_FACTOR, QUALITY, SMALL

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_AT: Final = 24  # the byte of a PNG's header that holds its bits
_WEBP, _WEBP_AT = b"WEBP", 8  # after "RIFF" and a length
_WEBP_KIND_AT, _VP8X_FLAGS_AT, _VP8L_FLAGS_AT = 12, 20, 24
_WEBP_ALPHA = 0x10  # of the flags, in both kinds that may have it
_BMP_START_AT, _BMP_HEADER_AT, _BMP_BITS_AT = 10, 14, 28
_RATIOS: Final = (8, 4, 2, 1)  # by which libjpeg can shrink while it decodes
_OPAQUE: Final = 255
_DEEP: Final = 65_535


def record_pixels(encoded: tf.Tensor, rules: ImageRules) -> tf.Tensor:
    """Decode an image file as records hold it.

    Parameters
    ----------
    encoded : scalar string
        The bytes of a JPEG, PNG, GIF (its first frame), BMP or WebP.
    rules : ImageRules
        How the records' images were read.

    Returns
    -------
    tensor of shape (height, width, 3), uint8
        RGB, upright.
    """
    pixels = tf.cond(
        decoding.is_jpeg(encoded),
        lambda: _of_jpeg(encoded, rules),
        lambda: _stored(_of_other(_bounded(encoded), rules), rules.image_size),
    )
    return tf.ensure_shape(pixels, (None, None, 3))


def _bounded(encoded: tf.Tensor) -> tf.Tensor:
    return image_bounds.refuse_large(image_bounds.first_frame(encoded))


def _of_jpeg(encoded: tf.Tensor, rules: ImageRules) -> tf.Tensor:
    shape = decoding.jpeg_shape(encoded)
    with tf.control_dependencies([image_bounds.refuse_large_jpeg(shape)]):
        encoded = tf.identity(encoded)
    header = jpeg_header.read(encoded)
    shorter = tf.cast(tf.reduce_min(shape), tf.float32)
    is_kept = (
        header.is_plain
        & (shorter <= KEEP_FACTOR * rules.image_size)
        & (header.orientation == 1)
    )

    def anew() -> tf.Tensor:
        target = _target(shape, rules.image_size)
        pixels = _decode_shrunk(encoded, shape, target)
        return _stored(_upright(pixels, header.orientation), rules.image_size, target)

    return tf.cond(is_kept, lambda: decoding.decode(encoded), anew)


def _decode_shrunk(
    encoded: tf.Tensor, shape: tf.Tensor, target: tf.Tensor
) -> tf.Tensor:
    """Decode a JPEG at the least size that is no smaller than the target."""
    times = tf.reduce_min(shape // target)
    index = tf.reduce_sum(tf.cast(times < tf.constant(_RATIOS), tf.int32))
    return tf.switch_case(
        index, [lambda r=r: decoding.decode_jpeg(encoded, r) for r in _RATIOS]
    )


def _upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Set an image upright as EXIF says: orientations 1 to 8."""

    def swapped(image: tf.Tensor) -> tf.Tensor:
        return tf.transpose(image, (1, 0, 2))

    turns = [
        lambda: pixels,
        lambda: pixels[:, ::-1],
        lambda: pixels[::-1, ::-1],
        lambda: pixels[::-1],
        lambda: swapped(pixels),
        lambda: swapped(pixels)[:, ::-1],
        lambda: swapped(pixels)[::-1, ::-1],
        lambda: swapped(pixels)[::-1],
    ]
    return tf.switch_case(orientation - 1, turns)


def _of_other(encoded: tf.Tensor, rules: ImageRules) -> tf.Tensor:
    """Decode what is no JPEG to RGB, on the background."""
    is_png = tf.equal(tf.strings.substr(encoded, 0, len(_PNG)), _PNG)
    is_webp = tf.equal(tf.strings.substr(encoded, _WEBP_AT, len(_WEBP)), _WEBP)
    bits = tf.strings.substr(encoded, _BMP_BITS_AT, 1)
    # TensorFlow takes the palette's numbers for grays.
    has_palette = tf.equal(tf.strings.substr(encoded, 0, 2), b"BM") & (bits == b"\x08")
    return tf.case(
        [
            (is_png, lambda: _of_png(encoded, rules)),
            (is_webp, lambda: _of_webp(encoded, rules)),
            (has_palette, lambda: _of_bmp_palette(encoded)),
        ],
        default=lambda: decoding.decode(encoded),
    )


def _of_bmp_palette(encoded: tf.Tensor) -> tf.Tensor:
    """Decode a BMP of 256 colours, which stand before its pixels as BGR and a zero."""
    numbers = tf.cast(tf.io.decode_bmp(encoded)[..., 0], tf.int32)
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    start = _BMP_HEADER_AT + little_endian(data, _BMP_HEADER_AT, 4)
    stop = little_endian(data, _BMP_START_AT, 4)
    colours = tf.cast(tf.reshape(data[start:stop], (-1, 4)), tf.uint8)
    return tf.gather(colours[:, 2::-1], numbers)


def _of_webp(encoded: tf.Tensor, rules: ImageRules) -> tf.Tensor:
    # Asked for any number of channels, TensorFlow 2.21 writes beyond its buffer where
    # an animation is opaque; asked for three, it refuses transparency and animations.
    kind = tf.strings.substr(encoded, _WEBP_KIND_AT, 4)
    at = tf.where(tf.equal(kind, b"VP8L"), _VP8L_FLAGS_AT, _VP8X_FLAGS_AT)
    flags = tf.io.decode_raw(tf.strings.substr(encoded, at, 1), tf.uint8)[0]
    has_flags = tf.equal(kind, b"VP8L") | tf.equal(kind, b"VP8X")
    is_transparent = has_flags & (tf.bitwise.bitwise_and(flags, _WEBP_ALPHA) > 0)

    def transparent() -> tf.Tensor:
        frames = tf.io.decode_webp(encoded, channels=4)
        return _on_ground(tf.cast(frames[0], tf.float32), _ground(rules))

    return tf.cond(is_transparent, transparent, lambda: decoding.decode(encoded))


def _of_png(encoded: tf.Tensor, rules: ImageRules) -> tf.Tensor:
    depth = tf.strings.substr(encoded, _PNG_DEPTH_AT, 1)
    rendering, ground = rules.rendering, _ground(rules)
    white = rendering.given or rendering.integer or _DEEP

    def deep() -> tf.Tensor:
        pixels = tf.io.decode_png(encoded, channels=4, dtype=tf.uint16)
        scaled = tf.cast(pixels, tf.float32) * tf.constant(
            [255 / white] * 3 + [255 / _DEEP], tf.float32
        )
        return _on_ground(tf.minimum(scaled, 255.0), ground)

    def shallow() -> tf.Tensor:
        pixels = tf.io.decode_png(encoded, channels=4)
        return _on_ground(tf.cast(pixels, tf.float32), ground)

    return tf.cond(tf.equal(depth, b"\x10"), deep, shallow)


def _ground(rules: ImageRules) -> tuple[int, int, int] | None:
    return rules.rendering.ground if rules.rendering.background else None


def _on_ground(rgba: tf.Tensor, ground: tuple[int, int, int] | None) -> tf.Tensor:
    """Set RGBA, 0 to 255, on a background, and round."""
    colours = rgba[..., :3]
    if ground is not None:
        alpha = rgba[..., 3:] / _OPAQUE
        colours = colours * alpha + tf.constant(ground, tf.float32) * (1 - alpha)
    return _rounded(colours)


def _stored(
    pixels: tf.Tensor, image_size: int, target: tf.Tensor | None = None
) -> tf.Tensor:
    """Shrink pixels, and encode and decode them, as records are written and read."""
    shape = tf.shape(pixels)[:2]
    if target is None:
        target = _target(shape, image_size)
    # The target of an image that was turned on its side is turned with it.
    is_turned = (shape[1] > shape[0]) != (target[1] > target[0])
    target = tf.where(is_turned, target[::-1], target)
    small = lanczos.resize(pixels, target)
    is_lossless = tf.reduce_min(target) < SMALL

    def encoded() -> tf.Tensor:
        data = tf.io.encode_jpeg(
            small, quality=QUALITY, chroma_downsampling=False, format="rgb"
        )
        return decoding.decode(data)

    return tf.cond(is_lossless, lambda: small, encoded)


def _target(shape: tf.Tensor, image_size: int) -> tf.Tensor:
    """Return the height and width with the shorter side shrunk to `image_size`."""
    lengths = tf.cast(shape, tf.float64)
    ratio = image_size / tf.reduce_min(lengths)
    size = tf.maximum(tf.cast(tf.round(lengths * ratio), tf.int32), 1)
    return tf.where(tf.reduce_min(shape) <= image_size, shape, size)


def _rounded(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(tf.clip_by_value(pixels, 0.0, 255.0) + 0.5), tf.uint8)
