"""Fashion-MNIST: 70,000 drawings of ten kinds of garment, in four IDX files.

The IDX layout: a big-endian magic number (2051 for images, 2049 for labels), the
number of items, for images their rows and columns, then one byte a value.
"""

import dataclasses
import functools
import gzip
import hashlib
import io
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.archives.spans import read_bounded
from kerastransfer.datasets.dataset import DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item, Listing, SplitName, make_listing
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

CLASSES = (
    "t-shirt_top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
)
INFO = DatasetInfo(
    description=(
        "70,000 garments, 28 x 28 pixels, gray. Published class names: T-shirt/top, "
        "Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot."
    ),
    classes=CLASSES,
    test="official",
    mirror_keeps_class=True,  # a garment may face either way
    licence="MIT",
    citation=(
        'H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for '
        'Benchmarking Machine Learning Algorithms", arXiv:1708.07747, 2017'
    ),
    url="https://github.com/zalandoresearch/fashion-mnist",
    auto_convert=True,
)
FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of the Debian package
_SIDE = 28
_MOST = 60_000  # items in the larger of the two published parts
_PARTS: dict[str, SplitName] = {"train": "train", "t10k": "test"}


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
    """One of the drawings, by the published part and its index there."""

    folder: Path
    part: str
    index: int

    def read(self) -> bytes:
        """Return it as an 8-bit gray PNG."""
        out = io.BytesIO()
        image = _images(self.folder, self.part)[self.index]
        # quick to compress: records hold other bytes, these are only passed on
        Image.fromarray(image).save(out, "PNG", compress_level=1)
        return out.getvalue()


@dataclasses.dataclass(frozen=True, slots=True)
class FashionMnist(ImageSource):
    """The four published files.

    Parameters
    ----------
    folder : Path
        Holds ``{train,t10k}-images-idx3-ubyte.gz`` and ``...-labels-idx1-ubyte.gz``.
    """

    folder: Path

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<part>/<class>/<index>.png``; part t10k is the official test set.

        Raises
        ------
        MissingError
            If a file is not there.
        DataError
            If a file is not what it should be.
        """
        digest = hashlib.sha256()
        items = []
        for part, split in _PARTS.items():
            labels = _labels(self.folder, part)
            images = _images(self.folder, part)
            if len(images) != len(labels):
                raise DataError(
                    f"Expected as many labels as images in {quoted(part)} of "
                    f"{quoted(self.folder)}, got {len(labels):,} and {len(images):,}."
                )
            digest.update(labels.tobytes() + images.tobytes())
            items += [
                Item(f"{part}/{CLASSES[label]}/{index:05d}.png", int(label), split)
                for index, label in enumerate(labels)
            ]
        where = f"{quoted(self.folder)}"
        return make_listing(CLASSES, items, digest.hexdigest(), where=where)

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield drawings."""
        for path in paths:
            part, _, file = PurePosixPath(path).parts
            index = int(PurePosixPath(file).stem)
            yield whole(path, Drawing(self.folder, part, index))


def source(archives: Path | None) -> FashionMnist:
    """Return the drawings in `archives`, by default in the Debian package's folder."""
    return FashionMnist((archives or FOLDER).expanduser().absolute())


@functools.lru_cache(maxsize=2)
def _images(folder: Path, part: str) -> NDArray[np.uint8]:
    path = folder / f"{part}-images-idx3-ubyte.gz"
    values = _idx(path, magic=2051, shape=(_SIDE, _SIDE))
    return values.reshape(-1, _SIDE, _SIDE)


def _labels(folder: Path, part: str) -> NDArray[np.uint8]:
    path = folder / f"{part}-labels-idx1-ubyte.gz"
    labels = _idx(path, magic=2049, shape=())
    if labels.size and labels.max() >= len(CLASSES):
        raise DataError(
            f"Expected labels from 0 to {len(CLASSES) - 1} in {quoted(path)}, got "
            f"{labels.max()}."
        )
    return labels


def _idx(path: Path, *, magic: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read one gzipped IDX file of at most `_MOST` items of the given shape."""
    header = struct.Struct(f">{2 + len(shape)}I")
    size = int(np.prod(shape, dtype=int))
    data = _inflate(path, header.size + _MOST * size)
    if len(data) < header.size:
        raise DataError(f"Expected an IDX header in {quoted(path)}, got its end.")
    magic_read, count, *sides = header.unpack_from(data)
    if (magic_read, *sides) != (magic, *shape):
        raise DataError(
            f"Expected IDX header {(magic, 'count', *shape)} in {quoted(path)}, got "
            f"{(magic_read, count, *sides)}."
        )
    body = len(data) - header.size
    if count > _MOST or body != count * size:
        raise DataError(
            f"Expected {count:,} x {size} bytes after the header of {quoted(path)} (at "
            f"most {_MOST:,} items), got {body:,}."
        )
    return np.frombuffer(data, np.uint8, offset=header.size)


def _inflate(path: Path, limit: int) -> bytes:
    """Decompress at most one byte more than `limit`."""
    if not system.is_file(path):
        raise MissingError(
            f"Fashion-MNIST's {quoted(path.name)} is not in {quoted(path.parent)}; "
            "install it with 'apt-get install dataset-fashion-mnist', or name its "
            "folder with --archives DIR."
        )
    try:
        with gzip.open(io.BytesIO(read_bounded(path))) as file:
            return file.read(limit + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"Expected a whole gzip file at {quoted(path)}, got: {error}; get it again."
        ) from None


DATASET = KnownDataset(name="fashion_mnist", info=INFO, source=source)
