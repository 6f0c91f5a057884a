"""What is known of a dataset before one of its images is read."""

import dataclasses
from collections.abc import Collection, Iterator
from typing import Literal, Protocol

from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.image_file import ImageFile
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.read_options import ArchiveState, ReadOptions

TestRule = int | Literal["official", "rest"] | None
ShortClasses = Literal["error", "cap", "drop"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """A dataset's facts; the rules that read them stand in `records.plan`.

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
    groups : tuple of str
        By what images can be kept together, such as ``photograph``; a user's choice.
    options : tuple of str
        Other fields of `DatasetOptions` that go with it.
    patch_size : int or None
        The side of the patches that are cut about labelled points, in pixels, unless
        the user says otherwise; None where whole files are images.
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
    groups: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    patch_size: int | None = None
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOptions:
    """What a user may choose of how a dataset is read.

    Parameters
    ----------
    group : str, optional
        One of the facts' groups.
    patch_size : int, optional
        For datasets of patches, their side in pixels.
    partition : int, optional
        Which of the official partitions gives the test set; None for the study's way,
        which draws it from all images.
    keep_clutter : bool
        Whether images of nothing in particular are a class.
    merge_porites : bool
        Whether points labelled as a species of Porites count as Porites.
    """

    group: str | None = None
    patch_size: int | None = None
    partition: int | None = None
    keep_clutter: bool = False
    merge_porites: bool = False


class ImageSource(Protocol):
    """Lists a dataset's images and says where their bytes are."""

    @property
    def sequential(self) -> bool:
        """Whether reading some images costs as much as reading all."""

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """Return every image's path, label, split and group; reads no image.

        Parameters
        ----------
        watch : ReadOptions, optional
            Makes the listing say which archives it was read from.
        """

    def blobs(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield the files of some of the listing's paths, in the cheapest order.

        What is not there any more may be left out, or fail when it is read.
        """

    def stamp(self) -> str:
        """Return what changes when the files on disk do, at no cost; or nothing.

        Where it is the same as before, nothing needs to be listed again.
        """

    def archives(self, watch: ReadOptions) -> tuple[ArchiveState, ...]:
        """Say which archives are read, without a listing; none where there are none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Images that can be listed and read.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and underscores, so that it can name a folder.
    spec : str
        What a user types after ``--dataset`` to get it; folders and files absolute.
    info : DatasetInfo
    source : ImageSource
    choices : DatasetOptions
        How the source reads it.
    salt : str, optional
        What splits are hashed with, beside images' names; by default `name`. The name
        of a user's own folder tells where it is, and the folder may move.
    """

    name: str
    spec: str
    info: DatasetInfo
    source: ImageSource
    choices: DatasetOptions = DatasetOptions()
    salt: str = ""

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """Return every image's path, label, split and group; see `ImageSource`."""
        return self.source.listing(watch)
