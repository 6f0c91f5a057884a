"""Deep and transparent images from files to records, their metadata and words."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from helpers.deep_pictures import pixels_of, scaled
from helpers.pictures import pixels, png
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.health.inspect_report import inspect
from kerastransfer.records.prepare import prepare
from kerastransfer.records.reader import open_records
from kerastransfer.records.write.convert import convert

EACH = 8  # images of a class


def images(folder, write):
    """Two classes; `write` gets a path without suffix and a number from 0."""
    for label, name in enumerate(("ant", "bee")):
        (folder / name).mkdir(parents=True)
        for index in range(EACH):
            write(folder / name / str(index), label * EACH + index)
    return f"folder:{folder}"


def deep(most):
    def write(path, number):
        values = pixels(number) / 255 * most * (number + 1) / 16
        tifffile.imwrite(f"{path}.tif", values.astype(np.uint16), photometric="rgb")

    return write


def stored(records):
    """The images of records by their id."""
    found = {}
    for split in ("train", "val", "test"):
        for position in range(records.size(split)):
            example = tf.train.Example.FromString(records.serialized(split, position))
            feature = example.features.feature
            name = feature["id"].bytes_list.value[0].decode()
            found[name] = pixels_of(feature["image"].bytes_list.value[0])
    return found


@pytest.mark.parametrize(
    ("most", "level"), [(3900, 4095), (1000, 1023), (60_000, 65_535)]
)
def test_all_images_are_scaled_by_the_greatest_value_of_all(tmp_path, most, level):
    spec = images(tmp_path / "photos", deep(most))
    prepared = prepare(resolve(spec), tmp_path / "out", inspect=False, workers=1)
    summary = prepared.as_dict()
    assert summary["white"] == {"integer": level, "floating": None}
    assert summary["images"] == {"deep": 16}
    assert f"16 images deeper than 8 bits: {level:,} is white" in str(prepared)
    found = stored(prepared.records)
    assert len(found) == 16
    for name, image in found.items():
        values = tifffile.imread(tmp_path / "photos" / name)
        np.testing.assert_array_equal(image, scaled(values, level))
    report = inspect(prepared.records, lambda w, h: 1.0, backbone="x", workers=1)
    assert f"16 images deeper than 8 bits: {level:,} is white" in str(report)
    assert report.as_dict()["white"]["integer"] == level


def test_a_users_white_level_is_taken_and_kept(tmp_path):
    spec = images(tmp_path / "photos", deep(3900))
    dataset, out = resolve(spec), tmp_path / "out"
    path = convert(dataset, out, white_level="2003", workers=1)
    records = open_records(path)
    assert records.metadata["white_level"] == 2003
    assert records.metadata["images"]["clipped"] > 0
    for name, image in stored(records).items():
        values = tifffile.imread(tmp_path / "photos" / name)
        np.testing.assert_array_equal(image, scaled(values, 2003))
    with pytest.raises(DataError, match="white_level 2003 instead of 'auto'"):
        convert(dataset, out, workers=1)
    # files that change are converted again with the level that was asked for
    (tmp_path / "photos" / "ant" / "new.png").write_bytes(png(99))
    with pytest.warns(KerasTransferWarning, match="have changed"):
        again = find_or_convert(dataset, out, workers=1)
    assert again.metadata["white_level"] == 2003


def test_8_bit_images_beside_deep_ones_stay_as_they_are(tmp_path):
    def write(path, number):
        if number % 2:
            deep(4000)(path, number)
        else:
            path.with_suffix(".png").write_bytes(png(number))

    spec = images(tmp_path / "photos", write)
    with pytest.warns(KerasTransferWarning, match="8 of 16 images are deeper than 8"):
        path = convert(resolve(spec), tmp_path / "out", workers=1)
    records = open_records(path)
    assert records.metadata["images"] == {"deep": 8}
    found = stored(records)
    for number in range(0, EACH, 2):
        np.testing.assert_array_equal(found[f"ant/{number}.png"], pixels(number))


def test_without_such_images_records_are_what_they_were(tmp_path):
    def write(path, number):
        path.with_suffix(".png").write_bytes(png(number, "RGBA" if number % 2 else "L"))

    spec = images(tmp_path / "photos", write)
    records = open_records(convert(resolve(spec), tmp_path / "out", workers=1))
    assert records.metadata["images"] == {}
    for name, image in stored(records).items():
        source = Image.open(tmp_path / "photos" / name).convert("RGB")
        np.testing.assert_array_equal(image, np.asarray(source))


@pytest.mark.parametrize("background", [None, "black", "#123456"])
def test_transparent_images_are_set_on_one_background(tmp_path, background):
    def write(path, number):
        image = Image.fromarray(np.zeros((30, 40, 4), np.uint8))
        image.putpixel((number, 3), (200, 100, 50, 255))
        image.save(path.with_suffix(".png"))

    spec = images(tmp_path / "icons", write)
    out = tmp_path / "out"
    options = {} if background is None else {"background": background}
    prepared = prepare(resolve(spec), out, inspect=False, workers=1, **options)
    code = {None: "#ffffff", "black": "#000000"}.get(background, background)
    ground = list(bytes.fromhex(code[1:]))
    for name, image in stored(prepared.records).items():
        number = int(name[4:-4]) + EACH * name.startswith("bee")
        expected = np.full((30, 40, 3), ground)
        expected[3, number] = [200, 100, 50]
        np.testing.assert_array_equal(image, expected)
    assert prepared.as_dict()["images"] == {"transparent": 16}
    assert f"16 images with transparency, set on {code}" in str(prepared)


def floating(most):
    def write(path, number):
        values = np.linspace(0, most, 400, dtype=np.float32).reshape(20, 20)
        tifffile.imwrite(f"{path}.tif", np.roll(values, number))

    return write


def test_floating_point_values_that_are_not_clear_are_refused(tmp_path):
    spec = images(tmp_path / "photos", floating(40.0))
    with pytest.raises(DataError, match=r"got up to 40 .*--white-level N"):
        convert(resolve(spec), tmp_path / "out", workers=1)
    assert not list((tmp_path / "out").rglob("*.tfrecord*"))
    path = convert(resolve(spec), tmp_path / "out", white_level=40, workers=1)
    found = stored(open_records(path))["ant/0.tif"][..., 0]
    values = np.linspace(0, 40, 400, dtype=np.float32).reshape(20, 20)
    np.testing.assert_array_equal(found, scaled(values, 40))


@pytest.mark.parametrize("policy", ["error", "cap", "drop"])
def test_a_dataset_that_cannot_be_read_says_why(tmp_path, policy):
    def write(path, number):
        bands = np.zeros((20, 20, 13), np.uint16)
        tifffile.imwrite(f"{path}.tif", bands, photometric=1, planarconfig=1)

    spec = images(tmp_path / "photos", write)
    with pytest.raises(
        DataError, match=r"No image of 2 of 2 classes can be decoded .* got 13"
    ):
        convert(resolve(spec), tmp_path / "out", short_classes=policy, workers=1)


def test_a_class_that_is_lost_whole_is_an_error_unless_dropped(tmp_path):
    def write(path, number):
        path.with_suffix(".png").write_bytes(png(number))

    folder = tmp_path / "photos"
    images(folder, write)
    shutil.copytree(folder / "bee", folder / "cow")
    for path in (folder / "cow").iterdir():
        path.write_bytes(b"%PDF-1.4")
    dataset = resolve(f"folder:{folder}")
    for policy in ("error", "cap"):
        with pytest.raises(DataError, match=r"No image of 1 of 3 classes .*'cow'.*PDF"):
            convert(dataset, tmp_path / "out", short_classes=policy, workers=1)
    with pytest.warns(KerasTransferWarning, match="8 images cannot be decoded"):
        path = convert(dataset, tmp_path / "out", short_classes="drop", workers=1)
    assert open_records(path).classes == ("ant", "bee")


def test_wrong_options_are_refused(tmp_path):
    spec = images(tmp_path / "photos", deep(10))
    for options in ({"white_level": "bright"}, {"background": "red"}):
        with pytest.raises(InputError, match="Expected --"):
            convert(resolve(spec), tmp_path / "out", workers=1, **options)
    assert not (tmp_path / "out").exists()


def test_records_of_earlier_versions_stay(tmp_path):
    spec = images(tmp_path / "photos", deep(10))
    dataset, out = resolve(spec), tmp_path / "out"
    path = convert(dataset, out, workers=1)
    metadata = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
    for name in ("white_level", "background", "white", "images"):
        del metadata[name]
    (path / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    before = (path / "metadata.json").stat().st_mtime_ns
    assert convert(dataset, out, workers=1) == path
    assert (path / "metadata.json").stat().st_mtime_ns == before
    records = find_or_convert(dataset, out)
    report = str(inspect(records, lambda w, h: 1.0, backbone="x", workers=1))
    assert "were not looked at when these records" in report


@pytest.mark.parametrize(
    "change",
    [
        {"white_level": "bright"},
        {"white_level": -1},
        {"background": "red"},
        {"white": {"integer": 5}},
        {"white": {"integer": 0, "floating": None}},
        {"images": {"deep": -1}},
        {"images": 3},
    ],
)
def test_damaged_metadata_is_refused(made_once, change):
    metadata = json.loads((made_once / "metadata.json").read_text(encoding="utf-8"))
    damaged = made_once.parent / "damaged"
    shutil.copytree(made_once, damaged, dirs_exist_ok=True)
    text = json.dumps(metadata | change)
    (damaged / "metadata.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"holds a damaged '{next(iter(change))}'"):
        open_records(damaged)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    spec = images(folder / "photos", deep(10))
    return convert(resolve(spec), folder / "out", workers=1)


def test_images_are_found_by_their_bytes_under_odd_names(tmp_path):
    names = (
        "a",
        "b.jpg_large",
        "c.jpg?w=800",
        "d.JFIF",
        "e.pnm",
        "f.scan",
        "g.h",
        "i.",
    )

    def write(path, number):
        path.with_name(names[number % EACH]).write_bytes(png(number))

    spec = images(tmp_path / "photos", write)
    (tmp_path / "photos" / "ant" / "notes.txt").write_text("Seen in May.")
    records = open_records(convert(resolve(spec), tmp_path / "out", workers=1))
    assert len(stored(records)) == 16
