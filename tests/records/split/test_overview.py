import dataclasses

import pytest

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.records.split.overview import Overview, origins
from kerastransfer.records.split.plan import make_plan

OWN = DatasetInfo(description="")


def listing(splits, classes=2, each=20, **fields):
    items = [
        Item(f"{split}/{label}/{i}", label, split)
        for split in splits
        for label in range(classes)
        for i in range(each)
    ]
    names = [f"class{label:03}" for label in range(classes)]
    made = make_listing(names, items, "0", where="here")
    return dataclasses.replace(made, **fields)


@pytest.mark.parametrize(
    ("splits", "info", "val", "test"),
    [
        ([None], OWN, "drawn from all images", "drawn from all images"),
        (["train"], OWN, "drawn from train", "drawn from train"),
        (["train", "test"], OWN, "drawn from train", "official, folder 'Testing'"),
        (["train", "val"], OWN, "official", "drawn from train"),
        (
            [None],
            DatasetInfo(description="", test="rest", val=2, largest_train=5),
            "drawn from all images",
            "all images that are neither train nor val",
        ),
        # a published rule draws, whatever the files say
        (
            ["train", "test"],
            DatasetInfo(description="", test=2, val=2),
            "drawn from all images",
            "drawn from all images",
        ),
        ([None, "train"], OWN, "drawn from all images", "drawn from all images"),
        ([None, "val"], OWN, "official", "drawn from the other images"),
    ],
)
def test_says_whether_a_set_is_official(splits, info, val, test):
    places = {"test": "folder 'Testing'"}
    assert origins(listing(splits, origins=places), info) == {"val": val, "test": test}


def overview(**options):
    images = listing(["train", "test"], **options)
    plan = make_plan(images, OWN, name="a", salt="a")
    return Overview.of_plan(plan, images, OWN)


def test_shows_every_class_and_all_there_is_to_say():
    text = str(
        overview(
            origins={"test": "folder 'Testing'"},
            notes=("looked through 'data'",),
            ignored={".txt files": 1234, "copies": 2},
        )
    )
    assert text.splitlines() == [
        "class       train      val     test",
        "class000       18        2       20",
        "class001       18        2       20",
        "test         40 images, official, folder 'Testing'",
        "val          4 images, drawn from train",
        "read         looked through 'data'",
        "left out     1,234 .txt files, 2 copies",
    ]


def test_many_classes_and_kinds_are_bounded():
    kinds = {f"kind {i}": i + 1 for i in range(50)}
    many = overview(classes=1000, each=3, ignored=kinds)
    lines = str(many).splitlines()
    assert len(lines) < 30 and "... 982 classes of sizes in between" in lines
    assert "of 42 kinds" in lines[-1] and sum(kinds.values()) == 1275
    assert "test         3,000 images, official" in lines


def test_images_that_cannot_be_decoded_are_counted_by_format():
    metadata = {
        "classes": ["a", "b"],
        "counts": {"train": [1, 1], "val": [1, 1], "test": [1, 1]},
        "origins": {},
        "notes": [],
        "groups": None,
        "ignored": {".txt files": 1},
        "rejected": {
            "1": "the HEIC data cannot be decoded: no reader",
            "2": "the HEIC data cannot be decoded: no reader",
            "3": "the JPEG 2000 data cannot be decoded: cut",
            "4": "the file is empty",
        },
    }
    seen = Overview.of_metadata(metadata)
    assert seen.left_out == {
        ".txt files": 1,
        "HEIC images that cannot be decoded": 2,
        "JPEG 2000 images that cannot be decoded": 1,
        "other images that cannot be decoded": 1,
    }
    assert "these records do not say where from" in str(seen)
