"""The bytes that records hold: a JPEG or PNG that every decoder reads alike.

A baseline JPEG of 1 or 3 components that needs no turning and is not much too large is
kept as it is. All else is decoded, turned as its EXIF tag says, brought to 8-bit RGB,
shrunk and encoded again. What a file is, is told by its first bytes, never by its name.
"""

import io
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes, profiles
from kerastransfer.records.images.reading import (
    TURNS,
    Rendered,
    explaining,
    open_image,
    orientation,
    render,
    sniff,
)
from kerastransfer.records.images.rendering import ALONE, Rendering
from kerastransfer.records.images.samples import ValueRange

KEEP_FACTOR = 1.25  # a JPEG's shorter side, in units of the image size
QUALITY = 95
SMALL = 64  # a shorter side below this is kept without loss
_WHOLE = 1 << 30  # an image size that nothing is shrunk to
_BASELINE = 0xC0  # marker of a baseline frame
_SCAN = 0xDA  # marker of the pixels
_APP2 = 0xE2  # marker of what may be a colour profile
_PROFILE = b"ICC_PROFILE\0"
_END = b"\xff\xd9"
# A marker among the pixels: neither an escaped 255 nor a restart.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


class Encoded(NamedTuple):
    """One image as records hold it.

    Parameters
    ----------
    format : {'jpeg', 'png'}
    changed : bool
        Whether the bytes are others than the source's.
    """

    data: bytes
    format: Literal["jpeg", "png"]
    changed: bool


class Stored(NamedTuple):
    """One image as records hold it, and what is noted of its file.

    Parameters
    ----------
    notes : frozenset of str
        See `kerastransfer.records.images.notes`.
    """

    image: Encoded
    notes: frozenset[str]


def encode(
    data: bytes,
    image_size: int = 256,
    *,
    lossless: bool = False,
    rendering: Rendering = ALONE,
) -> Encoded:
    """Turn an image file's bytes into those that records hold.

    Parameters
    ----------
    data : bytes
        Any JPEG, PNG, GIF, BMP, TIFF, WebP, PNM, AVIF, JPEG 2000, ICO, QOI or, with
        pillow-heif, HEIC; of several frames or pages the first.
    image_size : int
        The shorter side that larger images are shrunk to, in pixels. Smaller ones keep
        their size; the aspect is kept.
    lossless : bool
        Whether the pixels are stored as PNG in any case.
    rendering : Rendering
        The white level of deep images, and the background of transparent ones.

    Raises
    ------
    DataError
        If the bytes cannot be decoded, or the image is deep and its white level is not
        known; the message is the reason.
    """
    stored = store(data, image_size, lossless=lossless, rendering=rendering)
    if isinstance(stored, ValueRange):
        raise DataError(unknown_white(stored))
    return stored.image


def store(
    data: bytes, image_size: int, *, lossless: bool = False, rendering: Rendering
) -> Stored | ValueRange:
    """Turn an image file's bytes into those that records hold, or say what is lacking.

    Parameters
    ----------
    image_size, lossless, rendering
        As for `encode`.

    Returns
    -------
    Stored, or ValueRange where the image is deep and its white level not known

    Raises
    ------
    DataError
        If the bytes cannot be decoded; the message is the reason.
    """
    kind = sniff(data)
    with explaining(kind):
        if kind == "JPEG" and not lossless and _may_stay(data, image_size):
            _decode_cheaply(data)
            return Stored(Encoded(data, "jpeg", changed=False), _noted(data))
        rendered = render(data, kind, image_size, rendering)
        if isinstance(rendered, ValueRange):
            return rendered
        return Stored(write(rendered.image, lossless=lossless), rendered.notes)


def decode(data: bytes, rendering: Rendering = ALONE) -> Rendered | ValueRange:
    """Decode an image file whole, upright.

    Parameters
    ----------
    data : bytes
        Any format that `encode` takes.

    Returns
    -------
    Rendered, or ValueRange where the image is deep and its white level not known

    Raises
    ------
    DataError
        If the bytes cannot be decoded; the message is the reason.
    """
    kind = sniff(data)
    with explaining(kind):
        return render(data, kind, _WHOLE, rendering)


def unknown_white(values: ValueRange) -> str:
    """Say that a deep image has no white level."""
    kind = "whole" if values.kind == "integer" else "floating-point"
    return (
        f"its pixels are {kind} numbers of more than 8 bits, up to "
        f"{values.greatest:,.6g}, and which one is white is not known; say so with "
        "--white-level N, or save the image with 8 bits"
    )


def _may_stay(data: bytes, image_size: int) -> bool:
    """Whether a JPEG may be kept as it is, should it decode."""
    frame, scan = b"", len(data)
    for marker, start, stop in _segments(data):
        if marker == _BASELINE:
            frame = data[start:stop]
        scan = stop
    if len(frame) < 6 or frame[0] != 8 or frame[5] not in (1, 3):
        return False
    sides = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    end = _MARKER.search(data, scan)
    return (
        0 < min(sides) <= KEEP_FACTOR * image_size
        and end is not None  # TensorFlow refuses what ends early, Pillow does not
        and end.group() == _END
        and not _is_turned(data)
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield a JPEG's segments up to its pixels: marker, start and stop of the body."""
    place, marker = 2, 0
    while marker != _SCAN and place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        stop = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        yield marker, place + 4, stop
        place = max(stop, place + 4)


def _noted(data: bytes) -> frozenset[str]:
    """Note another colour profile than sRGB in a JPEG that stays as it is."""
    for marker, start, stop in _segments(data):
        body = data[start:stop]
        if marker == _APP2 and body.startswith(_PROFILE):
            is_other = not profiles.is_srgb(body[len(_PROFILE) + 2 :])
            return frozenset({notes.PROFILE} if is_other else ())
    return frozenset()


def _is_turned(data: bytes) -> bool:
    """Whether the EXIF tag asks for a rotation or a mirror image."""
    with open_image(data, "JPEG") as image:
        return orientation(image) in TURNS


def _decode_cheaply(data: bytes) -> None:
    """Decode at an eighth of the size, which reads every byte all the same."""
    with open_image(data, "JPEG") as image:
        image.draft(None, (1, 1))
        image.load()


def write(image: Image.Image, *, lossless: bool = False) -> Encoded:
    """Write pixels as records hold them: JPEG, or PNG where they are few.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    lossless : bool
        Whether many are written as PNG too.
    """
    image.info = {}  # or a profile, comment or transparency would be written with it
    out = io.BytesIO()
    if lossless or min(image.size) < SMALL:
        image.save(out, "PNG")
        return Encoded(out.getvalue(), "png", changed=True)
    image.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return Encoded(out.getvalue(), "jpeg", changed=True)
