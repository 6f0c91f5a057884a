"""What one file gives to a conversion: a whole image, or patches cut out of it."""

import dataclasses
from typing import NamedTuple

from kerastransfer.archives.spans import Readable


class Cut(NamedTuple):
    """A square patch about a point of a photograph.

    Parameters
    ----------
    row, column : int
        Of the point, in pixels from the top left corner, from 0.
    size : int
        The patch's side, in pixels; what lies beyond the border is reflected.
    """

    row: int
    column: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFile:
    """A file and the images that are made of it; small enough for a worker's queue.

    Parameters
    ----------
    content : Readable
        The file's bytes.
    images : tuple of (path, Cut or None)
        Paths in the listing; None for the whole of the file.
    lossless : bool
        Whether the pixels are stored as they are, as PNG, whatever the size.
    """

    content: Readable
    images: tuple[tuple[str, Cut | None], ...]
    lossless: bool = False


def whole(path: str, content: Readable, *, lossless: bool = False) -> ImageFile:
    """Return a file that is one image."""
    return ImageFile(content, ((path, None),), lossless)
