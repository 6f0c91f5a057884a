"""Records tell nobody where the images of whoever made them are."""

import json
import shutil

import pytest
from helpers import small_run

import kerastransfer as kt
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import MissingError
from kerastransfer.records import manifest, place
from kerastransfer.records.write.convert import convert


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("of_ann_smith") / "images"
    small_run.make_images(folder)
    rows = [f"{p.parent.name}/{p.name},{p.parent.name}" for p in folder.rglob("*.png")]
    table = folder.parent / "birds.csv"
    table.write_text("path,label\n" + "\n".join(sorted(rows)) + "\n")
    return folder


def folder_of(images):
    return resolve(f"folder:{images}")


def csv_of(images):
    options = {"image_folder": str(images)}
    return resolve(f"csv:{images.parent / 'birds.csv'}", options=options)


@pytest.mark.parametrize("dataset_of", [folder_of, csv_of])
def test_no_file_of_records_holds_a_place(images, dataset_of, tmp_path):
    dataset = dataset_of(images)
    records = convert(dataset, tmp_path)
    for path in records.rglob("*"):
        assert b"of_ann_smith" not in (path.read_bytes() if path.is_file() else b"")
    said = json.loads((records / "metadata.json").read_text())
    bare = {"folder": "folder:images", "csv": "csv:birds.csv"}
    assert said["spec"] == bare[dataset.spec.partition(":")[0]]
    # Who has the hidden file beside them can read the images again.
    metadata = manifest.read(records)
    assert metadata["spec"] == dataset.spec
    assert metadata["image_folder"] == dataset.options.get("image_folder")
    before = (records / "metadata.json").stat().st_mtime_ns
    assert convert(dataset, tmp_path) == records
    assert (records / "metadata.json").stat().st_mtime_ns == before


def test_records_that_were_given_away_are_used_without_their_images(images, tmp_path):
    records = convert(csv_of(images), tmp_path / "mine")
    name = records.parent.name
    theirs = tmp_path / "theirs"
    shutil.copytree(records.parent, theirs / name)
    opened = kt.load(name, records=theirs)
    assert opened.name == name and opened.size("train") > 0
    with pytest.raises(MissingError, match="name their place, as in csv:PATH"):
        opened.dataset.listing()


@pytest.mark.parametrize(
    "damage", [lambda p: p.write_text("{"), lambda p: p.write_text('{"spec": 1}')]
)
def test_a_damaged_place_is_none(images, tmp_path, damage):
    records = convert(folder_of(images), tmp_path)
    (hidden,) = tmp_path.glob(".*.place.json")
    damage(hidden)
    assert manifest.read(records)["spec"] == "folder:images"
    assert place.is_bare("folder:images")
