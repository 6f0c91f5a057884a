"""What an image file's header declares, as a graph: too much is refused undecoded.

A file of some hundred bytes may declare, and hold, gigabytes of pixels. Whoever serves
a model decides nothing of what it is sent.
"""

from typing import Final

import tensorflow as tf

from kerastransfer.export.byte_numbers import big_endian, little_endian

# Pillow's own limit, from which on records do not hold an image either. What is shrunk
# while it is decoded takes little memory.
MOST_OF_JPEG: Final = 178_956_970
# Of what is decoded whole, at some thirty to sixty bytes a pixel.
MOST_OF_OTHERS: Final = 1 << 25
_HEAD: Final = 32  # bytes, in which all of these declare their size
_PNG_AT, _GIF_AT, _BMP_AT = 16, 6, 18
_WEBP_KIND_AT, _VP8_AT, _VP8L_AT, _VP8X_AT = 12, 26, 21, 24
_VP8X_FLAGS_AT, _ANIMATED = 20, 0x02
_CHUNKS_AT, _MOST_CHUNKS = 12, 2_000  # of a WebP
_FRAME: Final = (0x41, 0x4E, 0x4D, 0x46)  # "ANMF"


def refuse_large_jpeg(shape: tf.Tensor) -> tf.Operation:
    """Fail where a JPEG declares more pixels than an image of the records has."""
    return _refuse(tf.reduce_prod(tf.cast(shape, tf.int64)), MOST_OF_JPEG)


def refuse_large(encoded: tf.Tensor) -> tf.Tensor:
    """Return a PNG, GIF, BMP or WebP; fail where it declares too many pixels.

    Parameters
    ----------
    encoded : scalar string
        The file's bytes; of a GIF, its first frame: see `gif_frame`.
    """
    data = tf.cast(
        tf.io.decode_raw(tf.strings.substr(encoded, 0, _HEAD), tf.uint8), tf.int32
    )
    data = tf.concat([data, tf.zeros(_HEAD, tf.int32)], axis=0)
    pixels = tf.case(
        [
            (_begins(data, b"\x89PNG"), lambda: _png(data)),
            (_begins(data, b"GIF8"), lambda: _gif(data)),
            (_begins(data, b"BM"), lambda: _bmp(data)),
            (_begins(data, b"RIFF"), lambda: _webp(data, encoded)),
        ],
        default=lambda: tf.constant(0, tf.int64),  # which no decoder takes
    )
    with tf.control_dependencies([_refuse(pixels, MOST_OF_OTHERS)]):
        return tf.identity(encoded)


def _refuse(pixels: tf.Tensor, most: int) -> tf.Operation:
    return tf.debugging.Assert(
        (pixels >= 0) & (pixels <= most), ["more pixels than are decoded:", pixels]
    )


def _begins(data: tf.Tensor, magic: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(data[: len(magic)], tf.constant(list(magic))))


def _product(width: tf.Tensor, height: tf.Tensor) -> tf.Tensor:
    return tf.cast(width, tf.int64) * tf.cast(height, tf.int64)


def _png(data: tf.Tensor) -> tf.Tensor:
    return _product(big_endian(data, _PNG_AT, 4), big_endian(data, _PNG_AT + 4, 4))


def _gif(data: tf.Tensor) -> tf.Tensor:
    return _product(
        little_endian(data, _GIF_AT, 2), little_endian(data, _GIF_AT + 2, 2)
    )


def _bmp(data: tf.Tensor) -> tf.Tensor:
    width, height = (little_endian(data, _BMP_AT + at, 4) for at in (0, 4))
    # One that is upside down has a height below 0.
    return tf.abs(_product(width, height))


def _webp(data: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
    """Count the pixels of all frames: they are decoded together."""
    kind = data[_WEBP_KIND_AT : _WEBP_KIND_AT + 4]
    bits = [little_endian(data, at, 2) for at in (_VP8_AT, _VP8_AT + 2)]
    lossy = _product(*(each % (1 << 14) for each in bits))
    packed = little_endian(data, _VP8L_AT, 4)
    lossless = _product(
        1 + packed % (1 << 14), 1 + tf.bitwise.right_shift(packed, 14) % (1 << 14)
    )
    width, height = (1 + little_endian(data, _VP8X_AT + at, 3) for at in (0, 3))
    is_animated = tf.bitwise.bitwise_and(data[_VP8X_FLAGS_AT], _ANIMATED) > 0
    frames = tf.cond(is_animated, lambda: _frames(encoded), lambda: tf.constant(1))
    extended = _product(width, height) * tf.cast(frames, tf.int64)
    return tf.case(
        [
            (_is(kind, b"VP8 "), lambda: lossy),
            (_is(kind, b"VP8L"), lambda: lossless),
            (_is(kind, b"VP8X"), lambda: extended),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )


def _is(kind: tf.Tensor, name: bytes) -> tf.Tensor:
    return tf.reduce_all(tf.equal(kind, tf.constant(list(name))))


def _frames(encoded: tf.Tensor) -> tf.Tensor:
    """Count a WebP's frames; where there are too many chunks to look at, as many."""
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    last = tf.size(data)
    data = tf.concat([data, tf.zeros(8, tf.int32)], axis=0)

    def is_chunk(place: tf.Tensor, chunks: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (place + 8 <= last) & (chunks < _MOST_CHUNKS)

    def step(
        place: tf.Tensor, chunks: tf.Tensor, frames: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        is_frame = tf.reduce_all(tf.equal(data[place : place + 4], tf.constant(_FRAME)))
        length = little_endian(data, place + 4, 4)
        length = tf.clip_by_value(length, 0, last - place)
        after = place + 8 + length + length % 2
        return after, chunks + 1, frames + tf.cast(is_frame, tf.int32)

    start = [tf.constant(n) for n in (_CHUNKS_AT, 0, 0)]
    _, chunks, frames = tf.while_loop(is_chunk, step, start)
    return tf.where(chunks < _MOST_CHUNKS, frames, MOST_OF_OTHERS)


def first_frame(encoded: tf.Tensor) -> tf.Tensor:
    """Return a GIF that ends behind its first frame; any other file as it is.

    TensorFlow decodes all frames, of which the first is taken.
    """
    is_gif = tf.equal(tf.strings.substr(encoded, 0, 4), b"GIF8")
    return tf.cond(is_gif, lambda: _cut_gif(encoded), lambda: encoded)


_GIF_HEADER, _GIF_FLAGS_AT = 13, 10
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, b";"
_DESCRIPTOR, _DESCRIPTOR_FLAGS_AT = 10, 9
_MOST_BLOCKS: Final = 200  # before the first frame


def _cut_gif(encoded: tf.Tensor) -> tf.Tensor:
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    last = tf.size(data)
    data = tf.concat([data, tf.zeros(_DESCRIPTOR + 2, tf.int32)], axis=0)
    ends = _ends_of_blocks(data)

    def is_extension(place: tf.Tensor, blocks: tf.Tensor) -> tf.Tensor:
        return (place < last) & (data[place] == _EXTENSION) & (blocks < _MOST_BLOCKS)

    def behind(place: tf.Tensor, blocks: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tf.minimum(ends[place + 2] + 1, last), blocks + 1

    start = _GIF_HEADER + _colours(data[_GIF_FLAGS_AT])
    place, _ = tf.while_loop(
        is_extension, behind, [tf.minimum(start, last), tf.constant(0)]
    )
    flags = data[place + _DESCRIPTOR_FLAGS_AT]
    pixels = place + _DESCRIPTOR + _colours(flags) + 1  # behind the size of a code
    size = _product(
        little_endian(data, place + 5, 2), little_endian(data, place + 7, 2)
    )
    whole = tf.debugging.Assert(data[place] == _IMAGE, ["no frame in the first blocks"])
    with tf.control_dependencies([whole, _refuse(size, MOST_OF_OTHERS)]):
        end = ends[tf.minimum(pixels, last)]
        return tf.strings.join([tf.strings.substr(encoded, 0, end + 1), _TRAILER])


def _colours(flags: tf.Tensor) -> tf.Tensor:
    """Return the bytes of a colour table that flags declare."""
    size = 3 * tf.bitwise.left_shift(2, tf.bitwise.bitwise_and(flags, 7))
    return tf.where(flags >= 0x80, size, 0)


def _ends_of_blocks(data: tf.Tensor) -> tf.Tensor:
    """Return, for each place, where a chain of blocks that begins there has its end.

    A block is its length and as many bytes, and one of length 0 is the last. Twice as
    many blocks are passed each time, so that a chain of a thousand takes ten steps.
    """
    last = tf.size(data) - 1
    ends = tf.minimum(tf.range(last + 1) + tf.where(data > 0, data + 1, 0), last)

    def is_on_its_way(ends: tf.Tensor, further: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(tf.not_equal(ends, further))

    def doubled(_: tf.Tensor, further: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return further, tf.gather(further, further)

    _, ends = tf.while_loop(is_on_its_way, doubled, [ends, tf.gather(ends, ends)])
    return ends
