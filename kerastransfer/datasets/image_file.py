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
    where : Readable
        The file's bytes.
    images : tuple of (path, Cut or None)
        Paths in the listing; None for the whole of the file.
    """

    where: Readable
    images: tuple[tuple[str, Cut | None], ...]


def whole(path: str, where: Readable) -> ImageFile:
    """Return the blob of a file that is one image."""
    return ImageFile(where, ((path, None),))
