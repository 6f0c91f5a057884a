"""Files to the images that records hold, in this process or in others."""

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from kerastransfer.datasets.image_file import ImageFile
from kerastransfer.errors import DataError, MissingError
from kerastransfer.records.images.rendering import ALONE, Rendering
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.pending import Load
from kerastransfer.records.workers import Workers
from kerastransfer.records.write.patches import cut_patch
from kerastransfer.records.write.stored_image import Stored, decode, store, write


class Rejected(NamedTuple):
    """Why an image cannot be had."""

    reason: str


# A deep image whose white level is not known has a range of values, and is not encoded.
EncodedFile = tuple[str, Stored | ValueRange | Rejected]


def encode_file(
    file: ImageFile, image_size: int, rendering: Rendering = ALONE
) -> list[EncodedFile]:
    """Read a file and encode its images; what the user can mend is a reason."""
    try:
        data = file.content.read()
        if all(cut is None for _, cut in file.images):
            stored = store(
                data, image_size, lossless=file.lossless, rendering=rendering
            )
            return [(path, stored) for path, _ in file.images]
        return _patches(file, data, rendering)
    except (DataError, MissingError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
    return [(path, Rejected(reason)) for path, _ in file.images]


def _patches(file: ImageFile, data: bytes, rendering: Rendering) -> list[EncodedFile]:
    """Decode a photograph once and cut its patches."""
    decoded = decode(data, rendering)
    if isinstance(decoded, ValueRange):
        return [(path, decoded) for path, _ in file.images]
    photograph = np.asarray(decoded.image)
    results: list[EncodedFile] = []
    for path, cut in file.images:
        assert cut is not None
        try:
            patch = Image.fromarray(cut_patch(photograph, cut))
            results.append((path, Stored(write(patch), decoded.notes)))
        except DataError as error:
            results.append((path, Rejected(str(error))))
    return results


def make_encoder(
    image_size: int,
    *,
    rendering: Rendering = ALONE,
    images: int,
    workers: int | None = None,
) -> Workers[ImageFile, EncodedFile]:
    """Return what encodes files; a context manager.

    Parameters
    ----------
    rendering : Rendering
        Of deep and transparent images.
    images : int
        How many there will be in all.
    workers : int, optional
        Processes; None for as many as there are cores.

    Returns
    -------
    Workers
        Reads files where they are, but for archives that pass by only once.
    """
    work = functools.partial(encode_file, image_size=image_size, rendering=rendering)
    return Workers(work, _load, weigh=_weigh, images=images, workers=workers)


def _load(file: ImageFile) -> Load:
    # What is on disk brings nothing along to a worker, what is in memory does.
    held: int = getattr(file.content, "held_bytes", 0)
    return Load(held, len(file.images))


def _weigh(result: EncodedFile) -> int:
    _, stored = result
    return len(stored.image.data) if isinstance(stored, Stored) else 0
