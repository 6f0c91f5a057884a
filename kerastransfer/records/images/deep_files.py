"""PNG, PNM and JPEG 2000 files deeper than 8 bits, of which Pillow drops the rest."""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.images.samples import Samples
from kerastransfer.records.images.tiff import MAX_SAMPLES

_DEPTH = 24  # place of a PNG's bit depth, in its first chunk
_BLANK = rb"(?:\s|#[^\n]*\n)+"
# Gray or RGB, with width, height and the value of white.
_PNM: Final = re.compile(
    rb"P([2356])%b(\d{1,9})%b(\d{1,9})%b(\d{1,5})\s" % (_BLANK, _BLANK, _BLANK)
)
_CODESTREAM: Final = b"\xff\x4f\xff\x51"  # where JPEG 2000 begins to speak of pixels
_COMPONENTS = 36  # bytes from there to the number of components; then three for each
_WITHIN = 1 << 16  # bytes in which it begins
_DIGITS = 32  # bytes for a number in text, with the blanks about it
_BINARY = 5  # PNM's least digit of bytes; those below are of text


def read(data: bytes, kind: str, image: Image.Image) -> Samples | None:
    """Read a file whose samples have more than 8 bits; None for any other.

    Parameters
    ----------
    kind : str
        Pillow's name of the format.
    image : Image
        Opened, whose size Pillow has found bearable; not loaded yet.

    Raises
    ------
    DataError
        If there are more samples than is bearable, or other bands than gray or RGB,
        with or without alpha.
    """
    if kind == "PNG" and data[_DEPTH : _DEPTH + 1] == b"\x10":
        return _png(data, image)
    if kind == "JPEG2000":
        return _jpeg2000(data, image)
    if kind == "PPM":
        return _pnm(data, image)
    return None


def of_array(
    values: NDArray[Any], *, white: int | None = None, premultiplied: bool = False
) -> Samples:
    """Take an array of one to four bands, alpha being the second or the fourth."""
    bands = values[..., None] if values.ndim == 2 else values
    count = bands.shape[-1]
    if count > 4:
        raise DataError(
            f"expected 1 band, 3, or one more for alpha, got {count}; choose three and "
            "save them as RGB"
        )
    has_alpha = count in (2, 4)
    return Samples(
        colours=bands[..., : count - has_alpha],
        alpha=bands[..., -1] if has_alpha else None,
        white=white,
        premultiplied=premultiplied,
    )


def _png(data: bytes, image: Image.Image) -> Samples:
    import imagecodecs

    _check_size(image, 4)
    return of_array(imagecodecs.png_decode(data))


def _jpeg2000(data: bytes, image: Image.Image) -> Samples | None:
    start = data.find(_CODESTREAM, 0, _WITHIN)
    head = data[start + 4 : start + 4 + _COMPONENTS + 2 + 3 * 4]
    if start < 0 or len(head) < _COMPONENTS + 3:
        return None
    count = int.from_bytes(head[_COMPONENTS : _COMPONENTS + 2])
    depths = head[_COMPONENTS + 2 :: 3][:count]
    bits = max(depths, default=0)
    if bits & 0x7F < 8:
        return None
    import imagecodecs

    _check_size(image, count)
    depth = (bits & 0x7F) + 1
    is_signed = bits > 0x7F
    white = None if is_signed or depth >= 16 else 2**depth - 1
    return of_array(imagecodecs.jpeg2k_decode(data), white=white)


def _pnm(data: bytes, image: Image.Image) -> Samples | None:
    match = _PNM.match(data)
    if match is None:
        return None
    digit, width, height, white = (int(each) for each in match.groups())
    if white < 256:
        return None
    bands = 1 if digit in (2, 5) else 3
    _check_size(image, bands)
    count = width * height * bands
    body = memoryview(data)[match.end() :]
    if digit < _BINARY:
        text = bytes(body[: _DIGITS * count + _WITHIN])
        values = np.fromstring(text, np.int64, sep=" ")[:count]
    else:
        whole = body[: min(len(body) // 2, count) * 2]
        values = np.frombuffer(whole, ">u2")
    if (width, height) != image.size or len(values) < count:
        raise DataError("image file is truncated")
    full = white == np.iinfo(np.uint16).max
    pixels = values.reshape(height, width, bands)
    return of_array(pixels, white=None if full else white)


def _check_size(image: Image.Image, bands: int) -> None:
    if image.width * image.height * bands > MAX_SAMPLES:
        raise DataError(
            f"its {image.width:,} x {image.height:,} pixels in {bands} bands are more "
            f"than {MAX_SAMPLES:,} samples, could be a decompression bomb"
        )
