"""The bytes that records hold: a JPEG or PNG that every decoder reads alike.

A baseline JPEG of 1 or 3 components that needs no turning and is not much too large is
kept as it is. All else is decoded, turned as its EXIF tag says, brought to 8-bit RGB,
shrunk and encoded again. What a file is, is told by its first bytes, never by its name.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from kerastransfer.errors import DataError

KEEP_FACTOR = 1.25  # a JPEG's shorter side, in units of the image size
QUALITY = 95
SMALL = 64  # a shorter side below this is kept without loss
_WHOLE = 1 << 30  # an image size that nothing is shrunk to
_SIGNATURES: Final = (
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("GIF", b"GIF8"),
    ("BMP", b"BM"),
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("TIFF", b"II+\0"),
    ("TIFF", b"MM\0+"),
    ("PPM", b"P1"),
    ("PPM", b"P2"),
    ("PPM", b"P3"),
    ("PPM", b"P4"),
    ("PPM", b"P5"),
    ("PPM", b"P6"),
)
_BASELINE = 0xC0  # marker of a baseline frame
_SCAN = 0xDA  # marker of the pixels
_END = b"\xff\xd9"
# A marker among the pixels: neither an escaped 255 nor a restart.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
# EXIF orientation to what sets the image upright (EXIF 2.32, tag 0x0112).
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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


def encode(data: bytes, image_size: int = 256, *, lossless: bool = False) -> Encoded:
    """Turn an image file's bytes into those that records hold.

    Parameters
    ----------
    data : bytes
        Any JPEG, PNG, GIF (its first frame), BMP, TIFF, WebP or PNM.
    image_size : int
        The shorter side that larger images are shrunk to, in pixels. Smaller ones keep
        their size; the aspect is kept.
    lossless : bool
        Whether the pixels are stored as PNG in any case.

    Raises
    ------
    DataError
        If the bytes cannot be decoded; the message is the reason.
    """
    kind = _sniff(data)
    with _explaining(kind):
        if kind == "JPEG" and not lossless and _may_stay(data, image_size):
            _decode_cheaply(data)
            return Encoded(data, "jpeg", changed=False)
        return write(_decode(data, kind, image_size), lossless=lossless)


def decode(data: bytes) -> NDArray[np.uint8]:
    """Decode an image file whole, upright.

    Parameters
    ----------
    data : bytes
        Any format that `encode` takes.

    Returns
    -------
    array of shape (height, width, 3)
        RGB.

    Raises
    ------
    DataError
        If the bytes cannot be decoded; the message is the reason.
    """
    kind = _sniff(data)
    with _explaining(kind):
        return np.asarray(_decode(data, kind, _WHOLE))


@contextlib.contextmanager
def _explaining(kind: str) -> Iterator[None]:
    """Turn whatever decoding raises into a reason."""
    try:
        # Pillow warns of half-sized bombs; those are let through, whole ones are not
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    except UnidentifiedImageError:  # its text holds an address in memory
        raise DataError(f"the {kind} data cannot be decoded: no whole header") from None
    except Exception as error:  # a hostile file makes Pillow raise almost anything
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise DataError(f"the {kind} data cannot be decoded: {reason}") from None


def _sniff(data: bytes) -> str:
    """Name the format that the first bytes tell."""
    for kind, signature in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if not data:
        raise DataError("the file is empty")
    raise DataError(
        f"expected JPEG, PNG, GIF, BMP, TIFF, WebP or PNM, got bytes {data[:8]!r}"
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


def _open(data: bytes, kind: str) -> Image.Image:
    # naming the format keeps Pillow's other readers away from hostile bytes
    return Image.open(io.BytesIO(data), formats=(kind,))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged tag; the pixels may be well
        return 1


def _is_turned(data: bytes) -> bool:
    """Whether the EXIF tag asks for a rotation or a mirror image."""
    with _open(data, "JPEG") as image:
        return _orientation(image) in _TURNS


def _decode_cheaply(data: bytes) -> None:
    """Decode at an eighth of the size, which reads every byte all the same."""
    with _open(data, "JPEG") as image:
        image.draft(None, (1, 1))
        image.load()


def _decode(data: bytes, kind: str, image_size: int) -> Image.Image:
    """Decode to 8-bit RGB, upright, of the size that is stored."""
    with _open(data, kind) as image:
        target = _target(image.size, image_size)
        if kind == "JPEG":
            image.draft(None, target)
        image.load()
        # asked after loading, for Pillow sets a TIFF upright while it loads
        turn = _TURNS.get(_orientation(image))
        upright = image if turn is None else image.transpose(turn)
        if (upright.width > upright.height) != (target[0] > target[1]):
            target = target[::-1]
        rgb = _to_rgb(upright, kind)
    return rgb.resize(target, Image.Resampling.LANCZOS) if rgb.size != target else rgb


def _to_rgb(image: Image.Image, kind: str) -> Image.Image:
    """Bring any mode to RGB; transparency is dropped, as TensorFlow does."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind == "PPM"):
        # 65,535 is white; rounding, for Pillow's own conversion cuts at 255
        gray = np.asarray(image, np.float32) / 257
        return Image.fromarray(np.rint(gray).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise DataError(
            f"32-bit pixels (mode {image.mode}) have no fixed white; save the image "
            "with 8 or 16 bits"
        )
    return image.convert("RGB")


def _target(size: tuple[int, int], image_size: int) -> tuple[int, int]:
    """Return the size with the shorter side shrunk to `image_size`."""
    shorter = min(size)
    if shorter <= image_size:
        return size
    width, height = (max(1, round(side * image_size / shorter)) for side in size)
    return width, height


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
