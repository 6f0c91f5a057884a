"""TIFF files: their headers, and the pixels that Pillow refuses or gets wrong."""

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes, tiff_segments
from kerastransfer.records.images.samples import Samples

MAX_SAMPLES = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # where Pillow refuses, too
_INVERTED, _GRAY, _RGB, _CMYK = 0, 1, 2, 5  # photometric interpretations
_SENSOR = {32803, 34892}  # colour filter array, linear raw
_DNG_VERSION, _SUB_IFDS, _ORIENTATION = 50706, 330, 274
_REDUCED, _MASK = 1, 4  # bits of the kind of a page
_ASSOCIATED, _ALPHA = 1, 2  # kinds of an extra band
_SEPARATE = 2  # planar configuration
_NUMBERS: Final = (
    *("imagewidth", "imagelength", "imagedepth", "samplesperpixel", "subfiletype"),
    *("tilewidth", "tilelength", "tiledepth", "rowsperstrip", "planarconfig"),
)
_PAGES = 16  # that are looked at for a second image
# None, LZW, deflate (two numbers), PackBits, LZMA and Zstandard. JPEG and others
# within a TIFF have 8 bits, and Pillow reads them.
_COMPRESSIONS: Final = {1, 5, 8, 32773, 32946, 34925, 50000}


class TiffHeader(NamedTuple):
    """What a TIFF says of its first page.

    Parameters
    ----------
    is_deep : bool
        Whether its samples are not whole numbers of at most 8 bits from 0 on.
    notes : frozenset of str
        See `kerastransfer.records.images.notes`.
    """

    is_deep: bool
    notes: frozenset[str]


def read_header(data: bytes) -> TiffHeader:
    """Look at a TIFF's first page, and whether there are others.

    Raises
    ------
    DataError
        If it is a camera's raw file, or larger than Pillow would read.
    """
    with _opened(data) as (file, page):
        _check(page)
        kinds = set()
        if _has_pages(file):
            kinds.add(notes.FRAMES)
        extra = page.extrasamples[: max(0, page.samplesperpixel - 3)]
        if page.photometric == _RGB and any(int(each) == 0 for each in extra):
            kinds.add(notes.BANDS)
        whole = page.sampleformat in (1, 4) and np.max(page.bitspersample) <= 8
        return TiffHeader(not whole, frozenset(kinds))


def read(data: bytes) -> Samples | Image.Image:
    """Decode a TIFF's first page without Pillow.

    Returns
    -------
    Samples, or Image for CMYK

    Raises
    ------
    DataError
        If its bands are not gray or RGB, with or without alpha, or are compressed in a
        way that is not read.
    """
    with _opened(data) as (_, page):
        _check(page)
        if page.photometric not in (_INVERTED, _GRAY, _RGB, _CMYK):
            raise DataError(
                f"expected gray or RGB beyond 8 bits, got {_name(page.photometric)}; "
                "save it as RGB"
            )
        if page.compression not in _COMPRESSIONS:
            raise DataError(f"compression {_name(page.compression)} is not read")
        tiff_segments.check(page)
        bands = _bands(data, page)
        if page.samplesperpixel == 1:
            bands = bands[..., None]
        elif page.planarconfig == _SEPARATE:
            bands = np.moveaxis(bands, 0, -1)
        if page.photometric == _CMYK:
            return _inks(bands)
        return _samples(bands, page)


def _bands(data: bytes, page: Any) -> NDArray[Any]:
    if page.compression not in (tiff_segments.LZW, tiff_segments.PACKBITS):
        return page.asarray(maxworkers=1)
    flat = tiff_segments.unpack(data, page)
    with _opened(flat.data) as (_, plain):
        plain.compression = tiff_segments.DEFLATE
        plain.dataoffsets, plain.databytecounts = flat.offsets, flat.sizes
        return plain.asarray(maxworkers=1)


def orientation(data: bytes) -> int:
    """Return the number of a TIFF's rotation; 1 where there is none."""
    with _opened(data) as (_, page):
        value = page.tags.valueof(_ORIENTATION, default=1)
    return value if isinstance(value, int) else 1


def _samples(bands: NDArray[Any], page: Any) -> Samples:
    """Tell colours from alpha and from bands that are neither."""
    extra = [int(each) for each in page.extrasamples]
    count, kinds = bands.shape[-1], set()
    colours = 3 if page.photometric == _RGB else 1
    if colours == 3 and count == 4 and not extra:  # many writers leave it out
        extra = [_ALPHA]
    has_alpha = count > colours and extra[:1] in ([_ALPHA], [_ASSOCIATED])
    if colours == 1 and count == 3 and not any(extra):
        colours = 3
        kinds.add(notes.UNNAMED)
    if count < colours or (page.photometric != _RGB and count > colours + has_alpha):
        raise DataError(
            f"expected 1 band, 3, or one more for alpha, got {count}; choose three and "
            "save them as RGB"
        )
    if count > colours + has_alpha:
        kinds.add(notes.BANDS)
    bits = int(np.max(page.bitspersample))
    declared = page.sampleformat == 1 and bits not in (16, 32, 64)
    return Samples(
        colours=bands[..., :colours],
        alpha=bands[..., colours] if has_alpha else None,
        white=2**bits - 1 if declared else None,
        inverted=page.photometric == _INVERTED,
        premultiplied=has_alpha and extra[0] == _ASSOCIATED,
        notes=frozenset(kinds),
    )


def _inks(bands: NDArray[Any]) -> Image.Image:
    if bands.shape[-1] != 4 or bands.dtype not in (np.uint8, np.uint16):
        raise DataError(
            f"expected CMYK of 8 or 16 bits, got {bands.shape[-1]} bands of "
            f"{bands.dtype}; save it as RGB"
        )
    full = np.iinfo(bands.dtype).max
    eight = np.rint(bands.astype(np.float32) * (255 / full)).astype(np.uint8)
    return Image.frombytes("CMYK", eight.shape[1::-1], eight.tobytes())


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[tuple[Any, Any]]:
    """Open a TIFF; what its reader says of damage is not for the user's terminal."""
    import tifffile  # a tenth of a second, for TIFFs only

    logger = logging.getLogger("tifffile")
    was, logger.disabled = logger.disabled, True
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            assert isinstance(page, tifffile.TiffPage)
            yield file, page
    finally:
        logger.disabled = was


def _check(page: Any) -> None:
    """Refuse what would fill the memory, and pictures that are previews."""
    numbers = (getattr(page, name) for name in _NUMBERS)
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise DataError("its header states no sizes")
    tiles = page.tilewidth * page.tilelength * page.tiledepth
    strips = page.imagewidth * min(page.rowsperstrip or 1, page.imagelength)
    largest = max(page.imagewidth * page.imagelength, tiles, strips)
    if page.samplesperpixel < 1 or largest < 1:
        raise DataError("its header states no pixels")
    if largest * page.samplesperpixel > MAX_SAMPLES:
        raise DataError(
            f"its {page.imagewidth:,} x {page.imagelength:,} pixels in "
            f"{page.samplesperpixel:,} bands are more than {MAX_SAMPLES:,} samples, "
            "could be a decompression bomb"
        )
    if page.imagedepth > 1:
        raise DataError(f"it is a volume of {page.imagedepth:,} layers; save one")
    preview = page.subfiletype & _REDUCED and _SUB_IFDS in page.tags
    if preview or _DNG_VERSION in page.tags or page.photometric in _SENSOR:
        raise DataError(
            "it is a camera's raw file, or begins with a preview; develop it and save "
            "it as TIFF, PNG or JPEG"
        )


def _has_pages(file: Any) -> bool:
    """Whether a TIFF has a second image, no smaller copy or mask of the first."""
    pages = file.pages
    for index in range(1, _PAGES):
        try:
            page = pages[index]
        except IndexError:
            break
        if not page.subfiletype & (_REDUCED | _MASK):
            return True
    held = (file.imagej_metadata or {}).get("images", 1)
    return isinstance(held, int) and held > 1


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))
