"""CUB-200-2011: 11,788 photographs of 200 kinds of bird.

``CUB_200_2011/images/<NNN.Species>/<Species>_<iiii>_<id>.jpg``, and lists that number
images and classes from 1. The official halves are pooled: of those a class has 30 for
training, and the study trains on 35.
"""

import re
from collections import Counter

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    lines,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import read_counts
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item
from kerastransfer.errors import DataError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description=(
        "11,788 photographs of 200 kinds of bird (the 2011 edition). Some of them are "
        "in ImageNet too, as their authors warn."
    ),
    parts=(
        PublishedFile(
            file="CUB_200_2011.tgz",
            urls=(
                "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
            ),
            size=1_150_585_339,
            checksums=(
                Checksum("md5", "97eceeb196236b17998738112f37df78"),
                Checksum(
                    "sha256",
                    "0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
                ),
            ),
            folders=("CUB_200_2011",),
        ),
    ),
    test="rest",
    val=2,
    largest_train=35,
    variant_sizes=(5, 20, 35),
    mirror_keeps_class=True,
    licence="not stated; commonly non-commercial research and education",
    citation=(
        'C. Wah, S. Branson, P. Welinder, P. Perona and S. Belongie, "The Caltech-UCSD '
        'Birds-200-2011 Dataset", Caltech, CNS-TR-2011-001, 2011'
    ),
    url="https://data.caltech.edu/records/65de6-vp158",
)
_NUMBER = re.compile(r"[0-9]{1,9}")
_IMAGE = re.compile(r"(?:^|/)images/(\d{3}\.[^/]+/[^/]+\.jpe?g)$", re.IGNORECASE)
_TEXT = re.compile(
    r"(?:^|/)CUB_200_2011/(images|image_class_labels|classes)\.txt$", re.IGNORECASE
)


def _image(member: str) -> str | None:
    match = _IMAGE.search(member)
    return match[1] if match else None


def _text(member: str) -> str | None:
    match = _TEXT.search(member)
    return f"{match[1].lower()}.txt" if match else None


def _contents(images: ImageSizes, texts: Texts) -> ArchiveContents:
    names = _table(texts, "classes.txt")
    numbers = _table(texts, "image_class_labels.txt")
    paths = _table(texts, "images.txt")
    # Numbers of classes count from 1, labels from 0.
    ordered = sorted(names, key=int)
    labels = {number: label for label, number in enumerate(ordered)}
    items = []
    for image, path in paths.items():
        number = numbers.get(image)
        if number not in labels:
            raise DataError(
                f"Expected a class for image {image} ({quoted(path)}) of cub200."
            )
        if path in images:
            items.append(Item(path, labels[number]))
    ignored = Counter(
        {
            "images that no list names": len(images) - len(items),
            "listed images that are missing": len(paths) - len(items),
        }
    )
    return ArchiveContents([names[number] for number in ordered], items, +ignored)


def _table(texts: Texts, name: str) -> dict[str, str]:
    """Read lines of a number and a word."""
    rows = {}
    for line in lines(texts, name, "cub200"):
        number, _, word = line.partition(" ")
        if not _NUMBER.fullmatch(number) or not word:
            raise DataError(
                f"Expected '<number> <word>' in {quoted(name)}, got {quoted(line)}."
            )
        rows[number] = word.strip()
    return rows


def layout() -> Layout:
    """Describe the archive."""
    return Layout(
        image=_image,
        contents=_contents,
        text=_text,
        example="CUB_200_2011/images/001.Black_footed_Albatross/x.jpg",
    )


DATASET = KnownDataset(
    name="cub200",
    info=INFO,
    layout=layout,
    published_counts=read_counts("cub200.json"),  # the release's own lists
    in_study=True,
)
