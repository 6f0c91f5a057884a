"""MIT Indoor 67: photographs of 67 kinds of room, with official lists.

``Images/<class>/<file>``, and two lists of ``<class>/<file>``, which name 5,360 and
1,340 of the 15,620 images; the others belong to neither and are left out. Names hold
blanks, and some that end in .jpg are GIF, PNG or BMP inside.
"""

import re

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    contents_from_lists,
    official,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import read_counts
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import SplitName

_LISTS: dict[str, SplitName] = {"TrainImages.txt": "train", "TestImages.txt": "test"}
_LIST_URL = "https://web.mit.edu/torralba/www"
INFO = DatasetInfo(
    description=(
        "6,700 of 15,620 photographs of 67 kinds of room: those in the official lists."
    ),
    parts=(
        PublishedFile(
            file="indoorCVPR_09.tar",
            urls=(
                "https://groups.csail.mit.edu/vision/LabelMe/NewImages/"
                "indoorCVPR_09.tar",
            ),
            folders=("indoorCVPR_09", "Images"),
        ),
        # Their hashes are known of a copy only, which may differ in its line ends.
        PublishedFile(
            file="TrainImages.txt",
            urls=(f"{_LIST_URL}/TrainImages.txt",),
            holds="list",
        ),
        PublishedFile(
            file="TestImages.txt",
            urls=(f"{_LIST_URL}/TestImages.txt",),
            holds="list",
        ),
    ),
    test="official",
    val=2,
    largest_train=75,
    variant_sizes=(1, 10, 25, 75),
    mirror_keeps_class=True,
    licence="research purposes only",
    citation='A. Quattoni and A. Torralba, "Recognizing Indoor Scenes", CVPR, 2009',
    url="https://web.mit.edu/torralba/www/indoor.html",
)
_IMAGE = re.compile(
    r"(?:^|/)images/([^/]+/[^/]+\.(?:jpe?g|png|gif|bmp))$", re.IGNORECASE
)


def _image(member: str) -> str | None:
    match = _IMAGE.search(member)
    return match[1] if match else None


def _contents(images: ImageSizes, texts: Texts) -> ArchiveContents:
    return contents_from_lists(images, official(texts, _LISTS, "mit_indoor"))


def layout() -> Layout:
    """Describe the archives."""
    return Layout(
        image=_image, contents=_contents, example="Images/airport_inside/x.jpg"
    )


DATASET = KnownDataset(
    name="mit_indoor",
    info=INFO,
    layout=layout,
    # the official lists, as cdoersch/elementdiscovery keeps them
    published_counts=read_counts("mit_indoor.json"),
    in_study=True,
)
