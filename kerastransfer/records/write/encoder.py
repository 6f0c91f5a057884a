"""Files to the images that records hold, in this process or in others."""

import functools
from typing import NamedTuple

from PIL import Image

from kerastransfer.datasets.image_file import ImageFile
from kerastransfer.errors import DataError, MissingError
from kerastransfer.records.workers import Load, Workers
from kerastransfer.records.write.patches import cut_patch
from kerastransfer.records.write.stored_image import Encoded, decode, encode, write


class Rejected(NamedTuple):
    """Why an image cannot be had."""

    reason: str


EncodedFile = tuple[str, Encoded | Rejected]


def encode_file(file: ImageFile, image_size: int) -> list[EncodedFile]:
    """Read a file and encode its images; what the user can mend is a reason."""
    try:
        data = file.content.read()
        if all(cut is None for _, cut in file.images):
            encoded = encode(data, image_size, lossless=file.lossless)
            return [(path, encoded) for path, _ in file.images]
        return _patches(file, data)
    except (DataError, MissingError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
    return [(path, Rejected(reason)) for path, _ in file.images]


def _patches(file: ImageFile, data: bytes) -> list[EncodedFile]:
    """Decode a photograph once and cut its patches."""
    photograph = decode(data)
    results: list[EncodedFile] = []
    for path, cut in file.images:
        assert cut is not None
        try:
            patch = Image.fromarray(cut_patch(photograph, cut))
            results.append((path, write(patch)))
        except DataError as error:
            results.append((path, Rejected(str(error))))
    return results


def make_encoder(
    image_size: int, *, images: int, workers: int | None = None
) -> Workers[ImageFile, EncodedFile]:
    """Return what encodes files; a context manager.

    Parameters
    ----------
    images : int
        How many there will be in all.
    workers : int, optional
        Processes; None for as many as there are cores.

    Returns
    -------
    Workers
        Reads files where they are, but for archives that pass by only once.
    """
    work = functools.partial(encode_file, image_size=image_size)
    return Workers(work, _load, weigh=_weigh, images=images, workers=workers)


def _load(file: ImageFile) -> Load:
    # What is on disk brings nothing along to a worker, what is in memory does.
    held: int = getattr(file.content, "held_bytes", 0)
    return Load(held, len(file.images))


def _weigh(result: EncodedFile) -> int:
    _, image = result
    return len(image.data) if isinstance(image, Encoded) else 0
