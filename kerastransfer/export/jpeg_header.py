"""What a JPEG's header says, as a TensorFlow graph: its frame, and how it is turned.

The graph reads the bytes alone, so that an exported model needs nothing of ours.
"""

from typing import Final, NamedTuple

import tensorflow as tf

from kerastransfer.export.byte_numbers import big_endian, little_endian

_START_OF_SCAN: Final = 0xDA
_BASELINE: Final = 0xC0
_APP1: Final = 0xE1
_EXIF: Final = (0x45, 0x78, 0x69, 0x66, 0, 0)  # "Exif", and two zeros
_INTEL: Final = 0x49  # the first byte of a little-endian TIFF header
_ORIENTATION: Final = 0x0112  # EXIF 2.32, table 4
_MOST_ENTRIES: Final = 1_000
_UPRIGHT: Final = 1
_TURNS: Final = 8


class JpegHeader(NamedTuple):
    """What decides whether records keep a JPEG as it is.

    Parameters
    ----------
    orientation : scalar int32
        EXIF's number, 1 to 8; 1 where there is none.
    is_plain : scalar bool
        Whether it is a baseline JPEG of 8 bits, gray or of three colours, whose only
        scan ends with the file's end marker.
    """

    orientation: tf.Tensor
    is_plain: tf.Tensor


def read(encoded: tf.Tensor) -> JpegHeader:
    """Read a JPEG's header.

    Parameters
    ----------
    encoded : scalar string
        The file's bytes, of a JPEG.
    """
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)
    # What is read beyond the end is zero, and no index is out of range.
    data = tf.concat([data, tf.zeros(16, tf.int32)], axis=0)
    frame, exif, scan = _segments(data)
    orientation = tf.cond(
        exif > 0, lambda: _orientation(data[exif:]), lambda: tf.constant(_UPRIGHT)
    )
    components = data[frame + 5]
    is_plain = (
        (frame > 0)
        & (data[frame] == 8)
        & ((components == 1) | (components == 3))
        & _ends_with_scan(data[scan:])
    )
    return JpegHeader(orientation, is_plain)


def _segments(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Walk the segments; return where the frame's body, EXIF and the pixels begin.

    Of a baseline frame and EXIF data 0 where there is none.
    """
    last = tf.size(data) - 16

    def is_header(place: tf.Tensor, marker: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return (marker != _START_OF_SCAN) & (place + 4 <= last) & (data[place] == 0xFF)

    def step(
        place: tf.Tensor,
        _: tf.Tensor,
        frame: tf.Tensor,
        exif: tf.Tensor,
        __: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        marker, body = data[place + 1], place + 4
        stop = place + 2 + big_endian(data, place + 2, 2)
        is_exif = (marker == _APP1) & tf.reduce_all(
            tf.equal(data[body : body + len(_EXIF)], tf.constant(_EXIF))
        )
        frame = tf.where(marker == _BASELINE, body, frame)
        exif = tf.where(is_exif & (exif == 0), body + len(_EXIF), exif)
        after = tf.minimum(tf.maximum(stop, body), last)
        return after, marker, frame, exif, stop

    start = [tf.constant(n) for n in (2, 0, 0, 0, 0)]
    *_, frame, exif, scan = tf.while_loop(is_header, step, start)
    return frame, exif, tf.clip_by_value(scan, 0, last)


def _ends_with_scan(data: tf.Tensor) -> tf.Tensor:
    """Whether the first marker among the pixels is the end of the image."""
    first, second = data[:-1], data[1:]
    is_restart = (second >= 0xD0) & (second <= 0xD7)
    is_marker = (first == 0xFF) & (second != 0) & (second != 0xFF) & ~is_restart
    return second[tf.argmax(tf.cast(is_marker, tf.int32))] == 0xD9


def _orientation(tiff: tf.Tensor) -> tf.Tensor:
    """Read the orientation in EXIF data, which is a TIFF header and its first table."""
    is_intel = tiff[0] == _INTEL

    def number(place: tf.Tensor, length: int) -> tf.Tensor:
        forward = big_endian(tiff, place, length)
        return tf.where(is_intel, little_endian(tiff, place, length), forward)

    room = tf.size(tiff) - 16
    table = tf.clip_by_value(number(tf.constant(4), 4), 0, room)
    count = tf.minimum(number(table, 2), _MOST_ENTRIES)
    count = tf.minimum(count, tf.maximum(room - table, 0) // 12)
    entries = table + 2 + 12 * tf.range(count)
    here = tf.boolean_mask(entries, number(entries, 2) == _ORIENTATION)

    def value() -> tf.Tensor:
        turn = number(here[0] + 8, 2)
        return tf.where((turn >= 1) & (turn <= _TURNS), turn, _UPRIGHT)

    return tf.cond(tf.size(here) > 0, value, lambda: tf.constant(_UPRIGHT))
