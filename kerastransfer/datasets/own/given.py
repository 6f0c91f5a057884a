"""Images that were given in Python before: their records are there, they are not."""

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
    spec = f"{kind}:{text}"
    return Dataset(
        name=f"{kind}_{text}",
        spec=spec,
        info=DatasetInfo(description="Images given in Python.", steps=steps),
        source=GivenBefore(spec, steps),
    )
