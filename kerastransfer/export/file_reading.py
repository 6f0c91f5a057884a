"""An image file as records would hold it, or why it cannot be read.

Needs no TensorFlow, for other processes read with it.
"""

from pathlib import Path
from typing import NamedTuple

from kerastransfer.errors import DataError
from kerastransfer.records.images import notes
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.write.stored_image import store, unknown_white

_MAX_BYTES = 256 * 2**20
_WARNINGS = {
    notes.FRAMES: "several frames or pages, of which the first was taken",
    notes.CLIPPED: "values above the white level of the training images",
    notes.BANDS: "bands beyond red, green and blue, which were left out",
    notes.BLANK: "nothing but transparency",
}


class FileRead(NamedTuple):
    """A file that was read.

    Parameters
    ----------
    number : int
        Its place among those that are to be read.
    data : bytes
        What records would hold of it; empty where it cannot be read.
    error : str
        Why not.
    warnings : tuple of str
        What is odd in it.
    """

    number: int
    data: bytes
    error: str = ""
    warnings: tuple[str, ...] = ()


def lost(numbered: tuple[int, Path]) -> list[FileRead]:
    """Return what stands for a file that ended the process which read it."""
    reason = "it ended the process that read it, perhaps for want of memory"
    return [FileRead(numbered[0], b"", reason)]


def read(numbered: tuple[int, Path], rules: ImageRules) -> list[FileRead]:
    """Read a file, as conversion would.

    EXIF rotation is applied, every format that records accept is read, and the result
    is that of the same image in records.

    Parameters
    ----------
    numbered : tuple of (int, Path)
        The file and its place.

    Returns
    -------
    list of FileRead
        Of one.
    """
    number, path = numbered
    try:
        if path.stat().st_size > _MAX_BYTES:
            reason = f"larger than {_MAX_BYTES // 2**20} MiB"
            return [FileRead(number, b"", reason)]
        data = path.read_bytes()
        stored = store(data, rules.image_size, rendering=rules.rendering)
    except (DataError, OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        return [FileRead(number, b"", reason)]
    if isinstance(stored, ValueRange):
        return [FileRead(number, b"", unknown_white(stored))]
    odd = tuple(words for note, words in _WARNINGS.items() if note in stored.notes)
    return [FileRead(number, stored.image.data, "", odd)]
