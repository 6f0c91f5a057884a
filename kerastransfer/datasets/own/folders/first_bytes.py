"""What a file is, by its first bytes; never decoded here."""

import re
from pathlib import Path
from typing import Final

from kerastransfer.datasets import image_kinds

LONGEST_POINTER = 1024  # bytes of a file that stands for one that is elsewhere
_POINTERS: Final = (
    ("Git LFS pointers", re.compile(rb"version https?://[^\n]*(git-lfs|hawser)")),
    ("git-annex pointers", re.compile(rb"(/annex/objects/|(\.\./)*\.git/annex/)")),
)


# Formats whose names people know otherwise than Pillow spells them.
_USUAL: Final = {"HEIF": "HEIC", "JPEG2000": "JPEG 2000", "PPM": "PNM", "WEBP": "WebP"}
_BMP_HEADERS = 18  # bytes; a shorter file is a text that begins as a BMP does


def image_kind(path: Path) -> str | None:
    """Name an image's format, decodable here or not; None for anything else.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    head = _head(path, image_kinds.HEAD)
    kind = image_kinds.sniff(head)
    if not kind or (kind == "BMP" and len(head) < _BMP_HEADERS):
        return None
    return _USUAL.get(kind, kind)


def pointer_kind(path: Path) -> str | None:
    """Say what a small file stands for, if the real one is elsewhere.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    head = _head(path, 200)
    return next((kind for kind, pattern in _POINTERS if pattern.match(head)), None)


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
