"""What is known of a dataset before one of its images is read."""

import abc
import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import ClassCount
from kerastransfer.datasets.image_file import ImageFile
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.read_options import ArchiveState, ReadOptions

TestRule = int | Literal["official", "rest"] | None
ShortClasses = Literal["error", "cap", "drop"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """What a dataset is and how it is split; `records.split` applies the rules.

    Parameters
    ----------
    description : str
        One or two sentences.
    classes : tuple of str or None
        Names by label; None where they are found with the images.
    parts : tuple of PublishedFile
        The archives it is published in; empty where it comes otherwise.
    steps : str
        How to get by hand what cannot be downloaded.
    listed : int or None
        Images of each class that are listed, where that is not all of them.
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
    parts: tuple[PublishedFile, ...] = ()
    steps: str = ""
    listed: int | None = None
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


class ImageSource(abc.ABC):
    """Lists a dataset's images and opens their files."""

    __slots__ = ()

    @property
    def sequential(self) -> bool:
        """Whether reading some images costs as much as reading all."""
        return False

    @abc.abstractmethod
    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """Return every image's path, label, split and group; reads no image.

        Parameters
        ----------
        watch : ReadOptions, optional
            Makes the listing say which archives it was read from.
        """

    @abc.abstractmethod
    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield the files of some of the listing's paths, in the cheapest order.

        A file that was deleted since may be left out, or fail when it is read.
        """

    def described(self, info: DatasetInfo) -> DatasetInfo:
        """Add what the source itself says of its licence, citation and home page."""
        return info

    def stamp(self) -> str:
        """Return a text that changes when the files on disk do, without reading them.

        Where it is the same as before, nothing is listed again. It is empty where
        listing costs little.
        """
        return ""

    def archives(self, watch: ReadOptions) -> tuple[ArchiveState, ...]:
        """Describe the archives that are read, without a listing."""
        return ()

    def check(self) -> None:  # noqa: B027 (most have nothing to check)
        """Refuse a path that is not there, before anything is begun.

        Raises
        ------
        MissingError
            If it is not.
        """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Images that can be listed and read.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and underscores, so that it can name a folder.
    spec : str
        What a user types after ``--dataset`` to get it; folders and files absolute.
    options : mapping of str to value
        How the source reads it: a value for each of the dataset's own options.
    published_counts : tuple of ClassCount
        How many images of each class were published; empty where nobody counted.
    salt : str, optional
        What splits are hashed with, beside images' names; by default `name`. The name
        of a user's own folder tells where it is, and the folder may move.
    """

    name: str
    spec: str
    info: DatasetInfo
    source: ImageSource
    options: Mapping[str, OptionValue] = dataclasses.field(default_factory=dict)
    published_counts: tuple[ClassCount, ...] = ()
    salt: str = ""

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """Return every image's path, label, split and group; see `ImageSource`."""
        return self.source.listing(watch)
