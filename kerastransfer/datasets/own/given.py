"""Images whose records are there and they are not: given in Python, or elsewhere."""

import dataclasses
import re
from collections.abc import Collection, Iterator
from typing import NoReturn

from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted

KINDS = ("arrays", "frame")


@dataclasses.dataclass(frozen=True, slots=True)
class GivenBefore(ImageSource):
    """Says that the images must be given again."""

    spec: str
    steps: str

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """Raise MissingError."""
        self._refuse()

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Raise MissingError."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise MissingError(
            f"The images of {quoted(self.spec)} are not kept; {self.steps}."
        )


def dataset(kind: str, text: str) -> Dataset:
    """Return the dataset whose spec was, for example, ``arrays:1a2b3c4d``.

    Parameters
    ----------
    kind : {'arrays', 'frame'}
    text : str
        Eight digits of the content's hash.

    Raises
    ------
    InputError
        If `text` is no such hash.
    """
    if not re.fullmatch(r"[0-9a-f]{8}", text):
        raise InputError(
            f"Expected eight hexadecimal digits after '{kind}:', got {quoted(text)}; "
            "images in memory are given in Python and named by their content."
        )
    steps = "they were given in Python and must be given again"
    return _dataset(f"{kind}_{text}", f"{kind}:{text}", steps)


def elsewhere(name: str, spec: str) -> Dataset:
    """Return the dataset of records that do not say where their images are.

    Parameters
    ----------
    name : str
        The records'; it names them as a spec would.
    spec : str
        What they do say, such as ``csv:birds.csv``.
    """
    kind = spec.partition(":")[0]
    return _dataset(name, name, f"name their place, as in {kind}:PATH")


def _dataset(name: str, spec: str, steps: str) -> Dataset:
    return Dataset(
        name=name,
        spec=spec,
        info=DatasetInfo(description="Images whose records are there.", steps=steps),
        source=GivenBefore(spec, steps),
    )
