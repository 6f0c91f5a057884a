"""What a file is, told by its first bytes, whatever its name says."""

import re
from typing import Final

HEAD = 512  # bytes that tell

# Formats that are read, by Pillow's names for them.
_SIGNATURES: Final = (
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("GIF", b"GIF8"),
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("TIFF", b"II+\0"),
    ("TIFF", b"MM\0+"),
    ("JPEG2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("JPEG2000", b"\xff\x4f\xff\x51"),
    ("QOI", b"qoif"),
)
# Others that people keep among their images.
_OTHERS: Final = (
    ("a JPEG XL image", b"\xff\x0a"),
    ("a JPEG XL image", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("a Photoshop document", b"8BPS"),
    ("a GIMP document", b"gimp xcf"),
    ("an OpenEXR image", b"v/1\x01"),
    ("a Radiance image", b"#?RADIANCE"),
    ("a camera's raw file", b"IIRO"),
    ("a camera's raw file", b"IIRS"),
    ("a camera's raw file", b"MMOR"),
    ("a camera's raw file", b"IIU\0"),
    ("a camera's raw file", b"FUJIFILMCCD-RAW"),
    ("a JPEG XR image", b"II\xbc"),
    ("a FITS image", b"SIMPLE  ="),
    ("a NumPy array", b"\x93NUMPY"),
    ("an HDF5 file", b"\x89HDF\r\n\x1a\n"),
    ("a PDF document", b"%PDF"),
    ("a PostScript document", b"%!PS"),
    ("a Git LFS pointer", b"version https://git-lfs"),
    ("a zip file", b"PK\x03\x04"),
    ("a gzip file", b"\x1f\x8b"),
)
_AVIF: Final = {b"avif", b"avis"}
_HEIF: Final = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"msf1"),
}
_BMP_HEADERS: Final = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes of the second header
# A number or a comment follows: "P1 is a patient" is a text.
_PNM: Final = re.compile(rb"P[1-6f](?:#|\s+(?:[#\d]|\Z))")


def sniff(head: bytes) -> str:
    """Name the format of an image that can be read.

    Parameters
    ----------
    head : bytes
        The file's first `HEAD` bytes, or all of it.

    Returns
    -------
    str
        Pillow's name of the format; ``HEIF`` where pillow-heif is needed; empty where
        it is no image that can be read.

    Examples
    --------
    >>> sniff(b"GIF89a"), sniff(b"hello, world")
    ('GIF', '')
    """
    kind = _starting(_SIGNATURES, head)
    if kind:
        return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if _PNM.match(head):
        return "PPM"
    if head[:2] == b"BM" and (len(head) < 18 or _word(head, 14) in _BMP_HEADERS):
        return "BMP"
    if head[:4] == b"\0\0\1\0" and head[4:6] > b"\0\0" and head[9:10] == b"\0":
        return "ICO"
    return _boxed(head)


def describe(head: bytes) -> str:
    """Say what a file is that is no image which can be read.

    Parameters
    ----------
    head : bytes
        The file's first `HEAD` bytes, or all of it.

    Returns
    -------
    str
        With an article, such as ``a PDF document``; empty where that is not known.

    Examples
    --------
    >>> describe(b"%PDF-1.7")
    'a PDF document'
    """
    words = _starting(_OTHERS, head)
    if words:
        return words
    if head[128:132] == b"DICM":
        return "a DICOM file"
    start = head.lstrip()[:HEAD].lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return ""


def _starting(table: tuple[tuple[str, bytes], ...], head: bytes) -> str:
    """Return what a table says of the bytes that a file starts with."""
    return next((words for words, start in table if head.startswith(start)), "")


def _word(head: bytes, place: int) -> int:
    return int.from_bytes(head[place : place + 4], "little")


def _boxed(head: bytes) -> str:
    """Tell AVIF and HEIF by the brands in their first box (ISO/IEC 14496-12)."""
    if head[4:8] != b"ftyp":
        return ""
    size = min(int.from_bytes(head[:4]), len(head))
    brands = {head[i : i + 4] for i in (8, *range(16, size, 4))}
    if brands & _AVIF:
        return "AVIF"
    return "HEIF" if brands & _HEIF else ""
