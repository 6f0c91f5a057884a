"""WHOI-Plankton: 3.5 million images of 103 kinds of plankton and other particles.

Nine zips of a year each, ``<year>/<class>/IFCB<n>_<year>_<day>_<time>_<roi>.png``; what
stands before the last underscore is the water sample. Classes are of very different
sizes: of some there are four images.
"""

import functools
import re
from collections import Counter

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    labelled,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import read_counts
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item
from kerastransfer.datasets.option import Option

# Inria-Chile/planktonzilla, which gives some classes as one number for several.
_COUNTS = read_counts("plankton.json")
CLASSES = tuple(sorted(name for row in _COUNTS for name in row.classes))
_BITSTREAMS = {
    2006: "6968c380-3713-57b1-bdca-5b21e514a996",
    2007: "ff635112-6337-5b34-9354-4035847dae24",
    2008: "c9bf8e43-fa1c-5fd7-9328-04598db52c2e",
    2009: "18b14b5a-2a68-5f85-845f-1c1591a8f1a6",
    2010: "7d6bd792-3fad-59aa-8906-af1fb377115e",
    2011: "c1b63530-b104-5a1f-a8b3-f55898f788e7",
    2012: "67fd1c6a-9268-58f6-808d-a757bf49a345",
    2013: "e1fd23e9-1b79-51a8-a165-1f9bb30177d8",
    2014: "5bf89ef0-0155-5ac2-923b-f2a8578c963a",
}
_SERVER = "https://darchive.mblwhoilibrary.org/bitstreams"
INFO = DatasetInfo(
    description=(
        "3,563,595 images of 103 kinds of plankton and other particles, gray, of very "
        "different sizes."
    ),
    classes=CLASSES,
    parts=tuple(
        PublishedFile(
            file=f"{year}.zip",
            urls=(f"{_SERVER}/{identifier}/download",),
            folders=(str(year),),
            needed=False,  # some years alone are a dataset too
        )
        for year, identifier in _BITSTREAMS.items()
    ),
    # More than half of the classes have fewer images than Table 1's sizes add up to.
    short_classes="cap",
    test=85,
    val=50,
    largest_train=550,
    variant_sizes=(1, 10, 300, 550),
    mirror_keeps_class=True,
    licence="not stated for the images",
    citation=(
        "E. Orenstein, O. Beijbom, E. Peacock and H. Sosik, "
        '"WHOI-Plankton: a Large Scale Fine Grained Visual Recognition Benchmark '
        'Dataset for Plankton Classification", arXiv:1510.00745, 2015; '
        "doi:10.1575/1912/7341"
    ),
    url="https://hdl.handle.net/10.1575/1912/7341",
)
_IMAGE = re.compile(
    r"(?:^|/)([^/]+)/(IFCB\d+_\d{4}_\d{3}_\d{6}_\d+\.png)$", re.IGNORECASE
)
_KNOWN = frozenset(CLASSES)


def layout(*, group: str | None = None) -> Layout:
    """Describe the archives.

    Parameters
    ----------
    group : {'bin'}, optional
        Keep the images of one water sample on one side of every split.
    """
    return Layout(
        image=_image,
        contents=functools.partial(_contents, group=group),
        example="2006/Ceratium/IFCB1_2006_270_170000_00001.png",
    )


def _image(member: str) -> str | None:
    """Return ``<class>/<file>``: the years merge, and a zip may lack their level."""
    match = _IMAGE.search(member)
    return f"{match[1]}/{match[2]}" if match else None


def _contents(images: ImageSizes, texts: Texts, group: str | None) -> ArchiveContents:
    names = {path.partition("/")[0] for path in images}
    classes, labels = labelled(names & _KNOWN)
    items, ignored = [], Counter[str]()
    for path in images:
        folder, _, file = path.partition("/")
        if folder in labels:
            sample = file.rpartition("_")[0] if group else None
            items.append(Item(path, labels[folder], None, sample))
        else:
            ignored[f"images in unknown folder {folder}"] += 1
    return ArchiveContents(classes, items, ignored)


DATASET = KnownDataset(
    name="plankton",
    info=INFO,
    layout=layout,
    options=(
        Option(
            name="group",
            help="Keep all images that share one of these in the same split",
            choices=("bin",),
            metavar="G",
        ),
    ),
    published_counts=_COUNTS,
    in_study=True,
)
