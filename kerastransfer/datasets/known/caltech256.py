"""Caltech-256: 29,780 photographs of 256 kinds of object.

``256_ObjectCategories/<NNN>.<name>/<NNN>_<IIII>.jpg``. Folder 257 is clutter and no
class, unless one wants it. Some folders hold files that are no images of theirs.
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
from kerastransfer.datasets.class_counts import ClassCount, read_counts
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item
from kerastransfer.datasets.option import Option
from kerastransfer.foundation.checksums import Checksum

INFO = DatasetInfo(
    description="29,780 photographs of 256 kinds of object; clutter is left out.",
    parts=(
        PublishedFile(
            file="256_ObjectCategories.tar",
            urls=(
                "https://data.caltech.edu/records/nyy15-4j048/files/"
                "256_ObjectCategories.tar",
            ),
            size=1_183_006_720,
            checksums=(
                Checksum("md5", "67b4f42ca05d46448c6bb8ecd2220f6d"),
                Checksum(
                    "sha256",
                    "08ff01b03c65566014ae88eb0490dbe4419fc7ac4de726ee1163e39fd809543e",
                ),
            ),
            folders=("256_ObjectCategories",),
        ),
    ),
    test=25,
    val=2,
    largest_train=53,
    variant_sizes=(1, 10, 25, 53),
    mirror_keeps_class=True,
    licence="CC BY 4.0",
    citation=(
        'G. Griffin, A. Holub and P. Perona, "Caltech-256 Object Category Dataset", '
        "Caltech, 2007, doi:10.22002/D1.20087"
    ),
    url="https://data.caltech.edu/records/nyy15-4j048",
)
_IMAGE = re.compile(r"(?:^|/)((\d{3})\.[^/]+)/(\2_\d{4}\.jpe?g)$", re.IGNORECASE)
_CLUTTER = "257."


def _image(member: str) -> str | None:
    match = _IMAGE.search(member)
    return f"{match[1]}/{match[3]}" if match else None


def _contents(images: ImageSizes, texts: Texts, keep_clutter: bool) -> ArchiveContents:
    kept = [path for path in images if keep_clutter or not path.startswith(_CLUTTER)]
    folders, labels = labelled({path.partition("/")[0] for path in kept})
    items = [Item(path, labels[path.partition("/")[0]]) for path in kept]
    ignored = Counter({"clutter": len(images) - len(kept)})
    return ArchiveContents([class_name(folder) for folder in folders], items, +ignored)


def class_name(folder: str) -> str:
    """Return a class's name from its folder's, such as ``251.airplanes-101``.

    The ending tells classes that Caltech-101 had already; it is no part of the name.
    """
    return folder.partition(".")[2].removesuffix("-101")


def layout(*, keep_clutter: bool = False) -> Layout:
    """Describe the archive.

    Parameters
    ----------
    keep_clutter : bool
        Whether folder 257 is a class all the same.
    """
    contents = functools.partial(_contents, keep_clutter=keep_clutter)
    return Layout(
        image=_image,
        contents=contents,
        example="256_ObjectCategories/001.ak47/001_0001.jpg",
    )


DATASET = KnownDataset(
    name="caltech256",
    info=INFO,
    layout=layout,
    options=(
        Option(
            name="keep_clutter",
            help="Make the images of nothing in particular a class",
            value_type=bool,
            default=False,
        ),
    ),
    # the counts of the released folders
    published_counts=(
        *read_counts("caltech256.json"),
        ClassCount(("clutter",), 827, optional=True),
    ),
    in_study=True,
)
