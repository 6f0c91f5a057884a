"""SUN397: 108,753 photographs of 397 kinds of scene.

``SUN397/<letter>/<class>[/<kind>]/sun_<16 letters>.jpg``. Names end in .jpg whatever
the bytes are. Two files are known to decode badly: they are rejected when they do.

``Partitions.zip`` holds ten official partitions, ``Training_<NN>.txt`` and
``Testing_<NN>.txt`` with lines ``/<letter>/<class>/<file>``, 50 images of a class each.
They overlap with one another; an image that a partition does not name is left out.
"""

import dataclasses
import functools
import re

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    contents_from_lists,
    labelled,
    official,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import read_counts
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item, SplitName
from kerastransfer.datasets.option import Option
from kerastransfer.foundation.checksums import Checksum

INFO = DatasetInfo(
    description="108,753 photographs of 397 kinds of scene.",
    parts=(
        PublishedFile(
            file="SUN397.tar.gz",
            size=39_077_296_924,
            checksums=(
                Checksum("md5", "8ca2778205c41d23104230ba66911c7a"),
                Checksum(
                    "sha256",
                    "f404130965a7ad77bed5ececc71e720ab50f3cc1e1bb257257610d38f3b928ec",
                ),
            ),
            folders=("SUN397",),
        ),
    ),
    steps=(
        "the servers at Princeton and MIT that had SUN397.tar.gz and Partitions.zip "
        "are gone (tensorflow/datasets issue 4807); get it from a mirror or a colleague"
    ),
    # Drawn from all images, not from the ten official partitions: of those a class has
    # 50 for training, and the study trains on 70.
    test=25,
    val=2,
    largest_train=70,
    variant_sizes=(1, 10, 50, 70),
    mirror_keeps_class=True,
    licence="research use; the photographs have owners of their own",
    citation=(
        'J. Xiao, J. Hays, K. Ehinger, A. Oliva and A. Torralba, "SUN Database: '
        'Large-scale Scene Recognition from Abbey to Zoo", CVPR, 2010'
    ),
    url="https://vision.princeton.edu/projects/2010/SUN/",
)
PARTITIONS = PublishedFile(
    file="Partitions.zip",
    size=18_293_705,
    checksums=(
        Checksum("md5", "29a205c0a0129d21f36cbecfefe81881"),
        Checksum(
            "sha256",
            "e3311ea5f812d4cc6faef194688343d1111f6cd6f70f2c62f393c2b8d6ba1ec9",
        ),
    ),
    folders=("Partitions",),
    holds="lists",
)
NUM_PARTITIONS = 10
_IMAGE = re.compile(
    r"(?:^|/)([a-z]/[^/]+(?:/[^/]+)?)/(sun_[a-z]+\.jpe?g)$", re.IGNORECASE
)
_EXAMPLE = "SUN397/a/abbey/sun_aaalbzqrimafwbiv.jpg"


def _image(member: str) -> str | None:
    match = _IMAGE.search(member)
    return f"{match[1]}/{match[2]}" if match else None


def _contents(images: ImageSizes, texts: Texts) -> ArchiveContents:
    names = {path: f"/{path.rpartition('/')[0]}" for path in images}
    classes, labels = labelled(set(names.values()))
    return ArchiveContents(
        classes, [Item(path, labels[name]) for path, name in names.items()]
    )


def info(*, partition: int | None = None) -> DatasetInfo:
    """Return the facts, of all images or of one official partition from 1 to 10."""
    if partition is None:
        return INFO
    # 50 training images a class, two of them for validation as elsewhere.
    return dataclasses.replace(
        INFO,
        parts=(*INFO.parts, PARTITIONS),
        listed=100,
        test="official",
        largest_train=48,
        variant_sizes=(1, 10, 48),
    )


def layout(*, partition: int | None = None) -> Layout:
    """Describe the archives.

    Parameters
    ----------
    partition : int from 1 to 10, optional
        Whose lists are read; None for none.
    """
    if partition is None:
        return Layout(image=_image, contents=_contents, example=_EXAMPLE)
    lists: dict[str, SplitName] = {
        f"Training_{partition:02d}.txt": "train",
        f"Testing_{partition:02d}.txt": "test",
    }

    def text(member: str) -> str | None:
        name = member.rpartition("/")[2]
        return name if name in lists else None

    contents = functools.partial(_of_partition, lists=lists)
    return Layout(image=_image, contents=contents, text=text, example=_EXAMPLE)


def _of_partition(
    images: ImageSizes, texts: Texts, lists: dict[str, SplitName]
) -> ArchiveContents:
    contents = contents_from_lists(images, official(texts, lists, "sun397"))
    classes = [f"/{name}" for name in contents.classes]
    return dataclasses.replace(contents, classes=classes)


DATASET = KnownDataset(
    name="sun397",
    info=INFO,
    layout=layout,
    options=(
        Option(
            name="partition",
            help="Test on this one of the official partitions, 1 to 10, in place of "
            "images drawn from all",
            value_type=int,
            most=NUM_PARTITIONS,
        ),
    ),
    info_with=info,
    published_counts=read_counts("sun397.json"),  # TensorFlow Datasets' file lists
    in_study=True,
)
