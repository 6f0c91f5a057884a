"""Digits: the 1,797 scans of handwritten digits that come with scikit-learn."""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerastransfer.datasets.dataset import DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import InputError

INFO = DatasetInfo(
    description="1,797 handwritten digits, 8 x 8 pixels, gray; part of scikit-learn.",
    classes=tuple("0123456789"),
    test=50,
    val=10,
    licence="CC BY 4.0",
    citation=(
        'E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI '
        "Machine Learning Repository, 1998, doi:10.24432/C50P49"
    ),
    url="https://archive.ics.uci.edu/dataset/80",
    auto_convert=True,
)
_WHITE = 16  # the scans count ink in 4 x 4 blocks, 0 to 16


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """One of the scans, by its index in scikit-learn's order."""

    index: int

    def read(self) -> bytes:
        """Return it as an 8-bit gray PNG, its 0 to 16 stretched to 0 to 255."""
        scans, _ = _load()
        gray = np.rint(scans[self.index] * (255 / _WHITE))
        out = io.BytesIO()
        Image.fromarray(gray.astype(np.uint8)).save(out, "PNG")
        return out.getvalue()


@dataclasses.dataclass(frozen=True, slots=True)
class Digits(ImageSource):
    """The scans in the installed scikit-learn."""

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List ``<digit>/<index in scikit-learn's order>.png``."""
        scans, labels = _load()
        items = (
            Item(f"{label}/{index:04d}.png", int(label))
            for index, label in enumerate(labels)
        )
        fingerprint = hashlib.sha256(scans.tobytes() + labels.tobytes()).hexdigest()
        return make_listing("0123456789", items, fingerprint, where="digits")

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield scans."""
        return (whole(path, Scan(int(PurePosixPath(path).stem))) for path in paths)


def source(archives: Path | None) -> Digits:
    """Return the scans; they need no archive.

    Raises
    ------
    InputError
        If `archives` is given.
    """
    if archives is not None:
        raise InputError("digits comes with scikit-learn; leave --archives out.")
    return Digits()


@functools.cache
def _load() -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import load_digits  # half a second, so only when needed

    digits = load_digits()
    return digits.images, digits.target


DATASET = KnownDataset(name="digits", info=INFO, source=source)
