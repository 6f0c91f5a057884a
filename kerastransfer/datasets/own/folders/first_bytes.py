"""What a file is, by its first bytes; never decoded here."""

import re
from pathlib import Path
from typing import Final

LONGEST_POINTER = 1024  # bytes of a file that stands for one that is elsewhere
_SIGNATURES: Final = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    # the size of the second header tells it from a text that begins so
    ("BMP", re.compile(rb"BM.{8}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("TIFF", re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]")),
    ("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ("PNM", re.compile(rb"P[1-6]\s+(#|\d)")),
    ("HEIC", re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
    ("AVIF", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51")),
)
_POINTERS: Final = (
    ("Git LFS pointers", re.compile(rb"version https?://[^\n]*(git-lfs|hawser)")),
    ("git-annex pointers", re.compile(rb"(/annex/objects/|(\.\./)*\.git/annex/)")),
)


def image_kind(path: Path) -> str | None:
    """Name an image's format, decodable here or not; None for anything else.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return _first(_SIGNATURES, path, 32)


def pointer_kind(path: Path) -> str | None:
    """Say what a small file stands for, if the real one is elsewhere.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return _first(_POINTERS, path, 200)


def _first(
    table: tuple[tuple[str, re.Pattern[bytes]], ...], path: Path, size: int
) -> str | None:
    with path.open("rb") as file:
        start = file.read(size)
    return next((kind for kind, pattern in table if pattern.match(start)), None)
