"""An image file's bytes to upright 8-bit RGB of the size that is stored."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from kerastransfer.datasets import image_kinds
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images import deep_files, notes, png_chunks, profiles, tiff
from kerastransfer.records.images.rendering import Rendering
from kerastransfer.records.images.samples import (
    Samples,
    ValueRange,
    is_blank,
    is_transparent,
    to_8_bits,
    white_level,
)
from kerastransfer.records.images.transparency import flatten

# EXIF orientation to what sets the image upright (EXIF 2.32, tag 0x0112).
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ANIMATED: Final = ("GIF", "PNG", "WEBP", "AVIF", "HEIF")
_FULL = 65_535  # Pillow's white of an ASCII PNM that has more than 8 bits


class Rendered(NamedTuple):
    """One image in 8-bit RGB.

    Parameters
    ----------
    notes : frozenset of str
        See `kerastransfer.records.images.notes`.
    """

    image: Image.Image
    notes: frozenset[str]


def sniff(data: bytes) -> str:
    """Name the format that the first bytes tell, by Pillow's name.

    Raises
    ------
    DataError
        If it is none that is read.
    """
    head = data[: image_kinds.HEAD]
    kind = image_kinds.sniff(head)
    if kind:
        return kind
    if not data:
        raise DataError("the file is empty")
    words = image_kinds.describe(head)
    raise DataError(
        "expected JPEG, PNG, GIF, BMP, TIFF, WebP, PNM, AVIF, HEIC or JPEG 2000, got "
        f"{words or f'bytes {quoted(data[:8])}'}"
    )


@contextlib.contextmanager
def explaining(kind: str) -> Iterator[None]:
    """Turn whatever decoding raises into a reason."""
    try:
        # Pillow warns of half-sized bombs; those are let through, whole ones are not
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError as error:
        raise DataError(str(error)) from None
    except UnidentifiedImageError:  # its text holds an address in memory
        raise DataError(f"the {kind} data cannot be decoded: no whole header") from None
    except Exception as error:  # a hostile file makes Pillow raise almost anything
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise DataError(f"the {kind} data cannot be decoded: {reason}") from None


def open_image(data: bytes, kind: str) -> Image.Image:
    """Open an image with Pillow, without decoding it.

    Raises
    ------
    DataError
        If it is a HEIC image, and its reader is not installed.
    """
    if kind == "HEIF":
        try:
            import pillow_heif
        except ImportError:
            raise DataError(
                "HEIC images are read by pillow-heif, which is not installed; "
                "pip install 'kerastransfer[heif]'"
            ) from None
        pillow_heif.register_heif_opener()
    # naming the format keeps Pillow's other readers away from hostile bytes
    return Image.open(io.BytesIO(data), formats=(kind,))


def orientation(image: Image.Image) -> int:
    """Return the number of an image's rotation in EXIF; 1 where there is none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged tag; the pixels may be well
        return 1


def render(
    data: bytes, kind: str, image_size: int, rendering: Rendering
) -> Rendered | ValueRange:
    """Decode to 8-bit RGB, upright, of the size that is stored.

    Parameters
    ----------
    kind : str
        As `sniff` returns it.
    image_size : int
        The shorter side that larger images are shrunk to, in pixels.

    Returns
    -------
    Rendered, or ValueRange where the image is deep and its white level not known
    """
    noted: frozenset[str] = frozenset()
    if kind == "TIFF":
        header = _tiff_header(data)
        noted = header.notes
        if header.is_deep:
            return _render_tiff(data, noted, image_size, rendering)
    if kind == "PNG":
        png_chunks.check(data)
    with open_image(data, kind) as image:
        target = target_size(image.size, image_size)
        deep = deep_files.read(data, kind, image)
        if deep is not None:
            noted |= _frames(image, kind)
            turn = orientation(image)
            return _render_deep(deep, noted, turn, target, rendering)
        if kind == "JPEG":
            image.draft(None, target)
        image.load()
        if image.mode == "F" or image.mode.startswith("I"):
            white = _FULL if kind == "PPM" and image.mode != "F" else None
            deep = deep_files.of_array(np.asarray(image), white=white)
            return _render_deep(deep, noted, 1, target, rendering)
        noted |= _frames(image, kind) | _colours(image)
        # asked after loading, for Pillow sets a TIFF upright while it loads
        return _finish(image, kind, noted, orientation(image), target, rendering)


def _tiff_header(data: bytes) -> tiff.TiffHeader:
    """Read a TIFF's header; one that only Pillow understands is Pillow's."""
    try:
        header = tiff.read_header(data)
    except DataError:
        raise
    except Exception:
        return tiff.TiffHeader(False, frozenset())
    if not header.is_deep:
        try:
            with open_image(data, "TIFF"):
                return header
        except UnidentifiedImageError:  # bands that Pillow has no mode for
            return header._replace(is_deep=True)
    return header


def _render_tiff(
    data: bytes, noted: frozenset[str], image_size: int, rendering: Rendering
) -> Rendered | ValueRange:
    deep = tiff.read(data)
    turn = tiff.orientation(data)
    if isinstance(deep, Image.Image):
        noted |= {notes.CMYK}
        target = target_size(deep.size, image_size)
        return _finish(deep, "TIFF", noted, turn, target, rendering)
    height, width, _ = deep.colours.shape
    target = target_size((width, height), image_size)
    return _render_deep(deep, noted, turn, target, rendering)


def _render_deep(
    samples: Samples,
    noted: frozenset[str],
    turn: int,
    target: tuple[int, int],
    rendering: Rendering,
) -> Rendered | ValueRange:
    values = samples.check()
    white = white_level(samples, rendering)
    if white is None:
        return values
    ground = rendering.ground if rendering.background else None
    kinds = {notes.DEEP, *samples.notes} if _is_deep(samples) else set(samples.notes)
    if values.greatest > white:
        kinds.add(notes.CLIPPED)
    if ground is not None and is_transparent(samples, white):
        kinds.add(notes.TRANSPARENT)
        if is_blank(samples):
            kinds.add(notes.BLANK)
    image = Image.fromarray(to_8_bits(samples, white, ground))
    return _finish(image, "", noted | kinds, turn, target, rendering)


def _is_deep(samples: Samples) -> bool:
    return samples.white != 255  # 8 bits that Pillow did not read are none the deeper


def _finish(
    image: Image.Image,
    kind: str,
    noted: frozenset[str],
    turn: int,
    target: tuple[int, int],
    rendering: Rendering,
) -> Rendered:
    """Set upright and on its background, and shrink."""
    transposition = TURNS.get(turn)
    upright = image if transposition is None else image.transpose(transposition)
    if (upright.width > upright.height) != (target[0] > target[1]):
        target = target[::-1]
    flat = flatten(upright, kind, rendering)
    rgb = flat.image
    return Rendered(_shrink(rgb, target), noted | flat.notes)


def _shrink(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Resize columns first and then rows, whatever the release of Pillow.

    From 13 on it takes tall images the other way round, to other pixels.
    """
    width, height = target
    for size in ((width, image.height), (width, height)):
        if image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS)
    return image


def _frames(image: Image.Image, kind: str) -> frozenset[str]:
    try:
        several = kind in _ANIMATED and getattr(image, "is_animated", False)
    except Exception:  # a damaged second frame; the first may be well
        several = True
    return frozenset({notes.FRAMES}) if several else frozenset()


def _colours(image: Image.Image) -> frozenset[str]:
    """Note an image's ink, or its profile."""
    if image.mode == "CMYK":
        return frozenset({notes.CMYK})
    profile = image.info.get("icc_profile")
    is_other = isinstance(profile, bytes) and not profiles.is_srgb(profile)
    return frozenset({notes.PROFILE}) if is_other else frozenset()


def target_size(size: tuple[int, int], image_size: int) -> tuple[int, int]:
    """Return the size with the shorter side shrunk to `image_size`."""
    shorter = min(size)
    if shorter <= image_size:
        return size
    width, height = (max(1, round(side * image_size / shorter)) for side in size)
    return width, height
