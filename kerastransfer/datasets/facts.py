"""What is known of a dataset before one of its images is read."""

import dataclasses
from collections.abc import Callable
from typing import Literal, Protocol

from kerastransfer.datasets.listing import Listing

TestRule = int | Literal["official", "rest"] | None
ShortClasses = Literal["error", "cap", "drop"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A dataset's facts; the rules that read them stand in `records.plan`.

    Parameters
    ----------
    description : str
        One or two sentences.
    classes : tuple of str or None
        Names by label; None where they are found with the images.
    test : int, 'official', 'rest' or None
        Test images per class; the test set that the authors published; all images that
        are neither train nor val; or, with None, the official set where there is one
        and else min(50, 20 %) per class.
    val : int or None
        Validation images per class; None for min(10, 10 %).
    largest_train : int or None
        Most training images per class; None for all that are left. The rule ``rest``
        needs a number.
    variant_sizes : tuple of int
        Published numbers of training images per class.
    mirror_keeps_class : bool
        Whether an image seen in a mirror is of the same class.
    short_classes : {'error', 'cap', 'drop'}
        What becomes of a class with too few images unless the user says otherwise.
    licence, citation, url : str
        As published; empty where nothing is.
    auto_convert : bool
        Whether the images are at hand, so that records are made on first use.
    may_change : bool
        Whether the files are the user's own and may change between two runs.
    """

    description: str
    classes: tuple[str, ...] | None = None
    test: TestRule = None
    val: int | None = None
    largest_train: int | None = None
    variant_sizes: tuple[int, ...] = ()
    mirror_keeps_class: bool = False
    short_classes: ShortClasses = "error"
    licence: str = ""
    citation: str = ""
    url: str = ""
    auto_convert: bool = False
    may_change: bool = False


class Source(Protocol):
    """Lists a dataset's images and reads one; picklable, for worker processes."""

    def listing(self) -> Listing:
        """Return every image's path, label, split and group; reads no image."""

    def read(self, path: str) -> bytes:
        """Return one image file's bytes, by its path in the listing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Images that can be listed and read.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and underscores, so that it can name a folder.
    spec : str
        What a user types after ``--dataset`` to get it; folders and files absolute.
    facts : Facts
    source : Source
    """

    name: str
    spec: str
    facts: Facts
    source: Source

    def listing(self) -> Listing:
        """Return every image's path, label, split and group; reads no image."""
        return self.source.listing()

    @property
    def read(self) -> Callable[[str], bytes]:
        """A picklable function from a path in the listing to the file's bytes."""
        return self.source.read
