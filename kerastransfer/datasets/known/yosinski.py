"""Half of ImageNet's classes (ILSVRC-2012), as targets of a network of the other half.

``ILSVRC2012_img_train.tar`` holds a tar for each class, ``ILSVRC2012_img_val.tar`` the
50,000 validation images, in no order, which are the test set here. Their labels come
from Caffe's ``val.txt`` or the development kit where one is given, else from the list
in TensorFlow Datasets; the three agree.

A network that was trained on all 1,000 classes has seen the target's: the clean
protocol pretrains on the complementary half.
"""

import functools
import importlib.util
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kerastransfer.datasets.archived.layout import (
    ArchiveContents,
    ImageSizes,
    Layout,
    Texts,
    labelled,
    lines,
)
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.class_counts import ClassCount
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known import ilsvrc_synsets, imagenet_halves
from kerastransfer.datasets.known.imagenet_halves import NUM_HALVES, SIDES, Half
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.listing import Item
from kerastransfer.errors import DataError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.quoting import quoted

_LIST = "val.txt"
_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_META = "meta.mat"
_PARTS = (
    PublishedFile(
        file="ILSVRC2012_img_train.tar",
        size=147_897_477_120,
        checksums=(
            Checksum("md5", "1d675b47d978889d74fa0da5fadfb00e"),
            Checksum(
                "sha256",
                "b08200a27a8e34218a0e58fde36b0fe8f73bc377f4acea2d91602057c3ca45bb",
            ),
        ),
        folders=("ILSVRC2012_img_train", "train"),
    ),
    PublishedFile(
        file="ILSVRC2012_img_val.tar",
        size=6_744_924_160,
        checksums=(
            Checksum("md5", "29b22e2961454d5413ddabcf34fc5622"),
            Checksum(
                "sha256",
                "c7e06a6c0baccf06d8dbeb6577d71efff84673a5dbdd50633ab44f8ea0456ae0",
            ),
        ),
        folders=("ILSVRC2012_img_val", "val"),
    ),
    PublishedFile(file=_LIST, holds="list", needed=False),
    PublishedFile(
        file="ILSVRC2012_devkit_t12.tar.gz",
        checksums=(Checksum("md5", "fa75699e90414af021442c21a62c3abf"),),
        folders=("ILSVRC2012_devkit_t12",),
        holds="lists",
        needed=False,
    ),
)
_TRAIN = re.compile(r"(?:^|/)(n\d{8})_(\d+)\.JPEG$", re.IGNORECASE)
_VAL = re.compile(r"(?:^|/)ILSVRC2012_val_(\d{8})\.JPEG$", re.IGNORECASE)
_CLASS_TAR = re.compile(r"(?:^|/)(n\d{8})\.tar$", re.IGNORECASE)
_LINE = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG\s+([0-9]{1,9})", re.IGNORECASE)


def info(number: int, which: Half) -> DatasetInfo:
    """Return the facts of one half."""
    return DatasetInfo(
        description=(
            f"Half {number}{which.upper()} of ImageNet's classes (ILSVRC-2012), 500 of "
            "1,000; tested on ILSVRC's validation images of them."
        ),
        classes=tuple(
            imagenet_halves.wnids()[index]
            for index in imagenet_halves.half(number, which)
        ),
        parts=_PARTS,
        steps=(
            "register at image-net.org and get the ILSVRC2012 training and validation "
            "images (tasks 1 and 2)"
        ),
        test="official",
        val=20,
        largest_train=120,
        variant_sizes=(1, 10, 25, 53, 120),
        mirror_keeps_class=True,
        licence="non-commercial research and education",
        citation=(
            'O. Russakovsky et al., "ImageNet Large Scale Visual Recognition '
            'Challenge", IJCV 115, 2015; halves of J. Yosinski et al., NIPS 2014'
        ),
        url="https://image-net.org/challenges/LSVRC/2012/",
    )


def layout(number: int, which: Half) -> Layout:
    """Describe the archives of one half."""
    wnids = frozenset(
        imagenet_halves.wnids()[index] for index in imagenet_halves.half(number, which)
    )

    def enter(member: str) -> bool:
        match = _CLASS_TAR.search(member)
        return match is not None and match[1] in wnids

    def image(member: str) -> str | None:
        match = _TRAIN.search(member)
        if match:
            name = f"{match[1]}/{match[1]}_{match[2]}.JPEG"
            return name if match[1] in wnids else None
        match = _VAL.search(member)
        return f"val/ILSVRC2012_val_{match[1]}.JPEG" if match else None

    return Layout(
        image=image,
        contents=functools.partial(_contents, wnids=wnids),
        text=_text,
        example="n01440764/n01440764_10026.JPEG or ILSVRC2012_val_00000001.JPEG",
        enter=enter,
    )


def _text(member: str) -> str | None:
    name = member.rpartition("/")[2]
    return name if name in (_TRUTH, _META) else None


def _contents(
    images: ImageSizes, texts: Texts, wnids: frozenset[str]
) -> ArchiveContents:
    train = [path for path in images if not path.startswith("val/")]
    classes, labels = labelled({path.partition("/")[0] for path in train})
    items = [Item(path, labels[path.partition("/")[0]]) for path in train]
    truth = _validation_labels(texts)
    for path in images.keys() - set(train):
        number = int(_VAL.search(path)[1])  # type: ignore[index]
        if not 1 <= number <= len(truth):
            raise DataError(
                f"Expected validation images 1 to {len(truth):,}, got {quoted(path)}."
            )
        label = labels.get(truth[number - 1])
        if label is not None:
            items.append(Item(path, label, "test"))
    others = Counter({"validation images of other classes": len(images) - len(items)})
    return ArchiveContents(classes, items, +others)


def _validation_labels(texts: Texts) -> Sequence[str]:
    """Return the WordNet identifier of every validation image, by its number."""
    if _LIST in texts:
        return _from_caffe(lines(texts, _LIST, "yosinski"))
    if _TRUTH in texts and _META in texts:
        return _from_kit(lines(texts, _TRUTH, "yosinski"), texts[_META])
    return _from_tfds()


def _from_caffe(rows: Sequence[str]) -> list[str]:
    """Read ``<file> <number>``, classes numbered from 0 in the order of their names."""
    wnids: dict[int, str] = {}
    for row in rows:
        cells = _LINE.fullmatch(row)
        if cells is None or int(cells[2]) >= len(imagenet_halves.wnids()):
            raise DataError(
                f"Expected '<file> <0 to 999>' in {quoted(_LIST)}, got {quoted(row)}."
            )
        wnids[int(cells[1])] = imagenet_halves.wnids()[int(cells[2])]
    if sorted(wnids) != list(range(1, len(wnids) + 1)):
        raise DataError(
            f"Expected a line for each image in {quoted(_LIST)}, from 1 on."
        )
    return [wnids[number] for number in sorted(wnids)]


def _from_kit(rows: Sequence[str], meta: bytes) -> list[str]:
    """Read the ground truth, whose numbers are those of ``meta.mat``, from 1."""
    names = ilsvrc_synsets.read(meta, _META)
    try:
        return [names[int(row)] for row in rows]
    except (KeyError, ValueError) as error:
        raise DataError(
            f"Expected numbers of {quoted(_META)} in {quoted(_TRUTH)}: {error}."
        ) from None


def _from_tfds() -> list[str]:
    """Read the list that TensorFlow Datasets brings, without importing it."""
    spec = importlib.util.find_spec("tensorflow_datasets")
    folders = spec.submodule_search_locations if spec else None
    file = Path(*(folders or [""]), "datasets", "imagenet2012", "validation_labels.txt")
    if not file.is_file():
        raise DataError(
            "The labels of ILSVRC's validation images are not at hand: put Caffe's "
            "val.txt or ILSVRC2012_devkit_t12.tar.gz beside the archives."
        )
    return file.read_text(encoding="ascii").split()


def _half(number: int, which: Half) -> KnownDataset:
    """Declare one half; the study's is called ``yosinski`` and nothing more."""
    own = info(number, which)
    name = "yosinski" if (number, which) == STUDY else f"yosinski_{number}{which}"
    return KnownDataset(
        name=name,
        info=own,
        layout=functools.partial(layout, number, which),
        published_counts=tuple(
            ClassCount((wnid,), _MOST, least=_LEAST, most=_MOST)
            for wnid in own.classes or ()
        ),
        in_study=True,
    )


# The study does not say which half it used; B of the first pair is our choice, for
# published networks of A exist.
STUDY: tuple[int, Half] = (0, "b")
# Images of a class: 732 to 1,300 for training (O. Russakovsky et al., IJCV 2015,
# Table 2) and 50 for validation.
_LEAST, _MOST = 782, 1_350
_HALVES: tuple[tuple[int, Half], ...] = (
    STUDY,
    (0, "a"),
    *((number, which) for number in range(1, NUM_HALVES) for which in SIDES),
)
DATASETS = tuple(_half(number, which) for number, which in _HALVES)
# A second name. A name is part of what decides a split, so each half has one.
ALIASES = {f"yosinski_{STUDY[0]}{STUDY[1]}": "yosinski"}
