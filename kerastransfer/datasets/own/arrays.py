"""Images and labels in arrays, as ``load_data()`` of many libraries returns them."""

import dataclasses
import hashlib
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import InputError

INFO = DatasetInfo(
    description="Images that were given as an array.",
    auto_convert=True,
    may_change=True,  # eight digits of a hash are no proof that images are the same
)
_HASHED = 256  # images that are hashed at a time


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One image in memory."""

    values: NDArray[np.uint8]

    @property
    def held_bytes(self) -> int:
        """How much memory it takes."""
        return int(self.values.nbytes)

    def read(self) -> bytes:
        """Return it as a PNG."""
        out = io.BytesIO()
        # quick to compress: records hold other bytes, these are only passed on
        Image.fromarray(self.values).save(out, "PNG", compress_level=1)
        return out.getvalue()


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ArraySource(ImageSource):
    """Lists images that are in memory.

    Parameters
    ----------
    images : array of shape (n, height, width, 3) or (n, height, width), uint8
    labels : sequence of int
        Indices into `classes`.
    content_hash : str
        Of images and labels; a hexadecimal SHA-256.
    """

    images: NDArray[np.uint8]
    labels: Sequence[int]
    classes: tuple[str, ...]
    content_hash: str

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<index>.png``."""
        items = (
            Item(f"{index:07d}.png", label) for index, label in enumerate(self.labels)
        )
        return make_listing(
            self.classes, items, self.content_hash, where="the array of images"
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield images, to be stored without loss."""
        for path in sorted(paths):
            pixels = Pixels(self.images[int(PurePosixPath(path).stem)])
            yield whole(path, pixels, lossless=True)


def dataset(images: Any, labels: Any) -> Dataset:
    """Return the dataset of images and labels in arrays.

    Parameters
    ----------
    images : array of shape (n, height, width, 3) or (n, height, width), uint8
        RGB, or gray.
    labels : array of shape (n,)
        Whole numbers or texts; classes are sorted by them.

    Raises
    ------
    InputError
        If types or shapes are others.

    Examples
    --------
    >>> images = np.zeros((4, 8, 8, 3), np.uint8)
    >>> dataset(images, ["ant", "bee", "ant", "bee"]).source.listing().classes
    ('ant', 'bee')
    """
    pixels = _check_images(np.asarray(images))
    values = _check_labels(np.asarray(labels), len(pixels))
    classes = sorted(set(values))
    indices = {value: label for label, value in enumerate(classes)}
    content = _hash(pixels, values)
    return Dataset(
        name=f"arrays_{content[:8]}",
        spec=f"arrays:{content[:8]}",
        info=INFO,
        source=ArraySource(
            images=pixels,
            labels=tuple(indices[value] for value in values),
            classes=tuple(str(value) for value in classes),
            content_hash=content,
        ),
        salt="arrays",
    )


def _check_images(images: NDArray[Any]) -> NDArray[np.uint8]:
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)
    if images.dtype != np.uint8 or not shaped or 0 in images.shape:
        raise InputError(
            "Expected images as a uint8 array of shape (n, height, width, 3) or "
            f"(n, height, width), got {images.dtype} of shape {images.shape}; convert "
            "them to 0 to 255 first."
        )
    return images


def _check_labels(labels: NDArray[Any], count: int) -> list[Any]:
    if labels.shape != (count,):
        raise InputError(
            f"Expected one label for each of {count:,} images, got labels of shape "
            f"{labels.shape}."
        )
    values: list[Any] = labels.tolist()
    kinds = {type(value) for value in values}
    if kinds not in ({int}, {str}):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(
            f"Expected labels that are all whole numbers or all texts, got {names}."
        )
    return values


def _hash(images: NDArray[np.uint8], labels: Sequence[Any]) -> str:
    digest = hashlib.sha256(repr((images.shape, labels)).encode())
    for start in range(0, len(images), _HASHED):
        digest.update(images[start : start + _HASHED].tobytes())
    return digest.hexdigest()
