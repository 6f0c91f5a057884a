"""Parquet files as Hugging Face's libraries write them, written by pyarrow itself."""

import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.reading import read
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.records.reader import open_records
from kerastransfer.records.write.convert import convert

CLASSES = ("disc", "square")
HF_FEATURES = {
    "image": {"_type": "Image"},
    "label": {"_type": "ClassLabel", "names": list(CLASSES)},
}


def png(number):
    out = io.BytesIO()
    Image.fromarray(np.full((6, 7, 3), number, np.uint8)).save(out, "PNG")
    return out.getvalue()


def write(path, numbers, *, labels=None, features=HF_FEATURES, about=(), **columns):
    """Images whose gray value is their number, and whose class its parity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": png(n), "path": f"{n}.png"} for n in numbers]
    labels = [n % 2 for n in numbers] if labels is None else labels
    table = pa.table({"image": images, "label": labels, **columns})
    info = {"info": {"features": features, **dict(about)}}
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path, row_group_size=7)
    return path


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "set" / "data"
    write(data / "train-00000-of-00002.parquet", range(0, 40))
    write(data / "train-00001-of-00002.parquet", range(40, 80))
    write(data / "validation-00000-of-00001.parquet", range(100, 112))
    write(data / "test-00000-of-00001.parquet", range(200, 230))
    return tmp_path / "set"


def test_it_is_listed_by_file_and_row(folder):
    listing = resolve(f"parquet:{folder}").listing()
    assert listing.classes == CLASSES
    splits = [item.split for item in listing.items]
    assert {s: splits.count(s) for s in set(splits)} == {
        "train": 80,
        "val": 12,
        "test": 30,
    }
    first = listing.items[0]
    assert first.path == "data/test-00000-of-00001.parquet/0000000"
    assert (first.label, first.split) == (0, "test")


def test_images_are_the_stored_bytes_and_records_hold_them(folder, tmp_path):
    import tensorflow as tf

    dataset = resolve(folder)  # as a folder that holds nothing else
    assert dataset.spec == f"parquet:{folder}"
    assert read(dataset, "data/train-00001-of-00002.parquet/0000017") == png(57)
    records = open_records(convert(dataset, tmp_path / "out", workers=1))
    assert records.class_counts("test").tolist() == [15, 15]
    for position in range(records.size("test")):
        example = tf.train.Example.FromString(records.serialized("test", position))
        feature = example.features.feature
        data = feature["image"].bytes_list.value[0]
        gray = int(np.asarray(Image.open(io.BytesIO(data)))[0, 0, 0])
        assert 200 <= gray < 230
        assert gray % 2 == feature["label"].int64_list.value[0]


@pytest.mark.parametrize(
    ("columns", "classes"),
    [
        ({"features": None}, ("0", "1")),
        (
            {"features": None, "labels": ["square", "disc"] * 10},
            ("disc", "square"),
        ),
        (
            {"labels": pa.array(["b", "a"] * 10).dictionary_encode(), "features": {}},
            ("a", "b"),
        ),
    ],
)
def test_labels_without_declared_names_name_their_classes(tmp_path, columns, classes):
    file = write(tmp_path / "photos.parquet", range(20), **columns)
    listing = resolve(str(file)).listing()
    assert listing.classes == classes and len(listing.items) == 20
    assert {item.split for item in listing.items} == {None}  # one file, no split


def test_images_may_be_bytes_or_paths(tmp_path):
    (tmp_path / "a.png").write_bytes(png(9))
    values = [png(3), png(4), png(5)]
    pq.write_table(
        pa.table({"jpg": values, "cls": ["x", "y", "x"]}), tmp_path / "one.parquet"
    )
    images = [{"bytes": None, "path": "a.png"}, {"bytes": png(4), "path": None}]
    pq.write_table(
        pa.table({"image": images, "label": ["x", "y"]}), tmp_path / "two.parquet"
    )
    one, two = (resolve(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert one.listing().classes == ("x", "y")
    assert read(one, "one.parquet/0000002") == png(5)
    assert two.listing().classes == ("x", "y")
    assert read(two, "two.parquet/0000000") == png(9)
    assert read(two, "two.parquet/0000001") == png(4)


def test_an_official_test_set_without_labels_is_an_error_that_names_it(folder):
    file = folder / "data" / "test-00000-of-00001.parquet"
    write(file, range(30), labels=[-1] * 30)
    with pytest.raises(DataError, match="None of 30 images in the official test set"):
        resolve(f"parquet:{folder}").listing()
    choice = {"splits": "train=train,test=validation"}
    listing = resolve(f"parquet:{folder}", options=choice).listing()
    assert listing.ignored == {"images of the split test": 30}
    assert sum(item.split == "test" for item in listing.items) == 12


def test_single_rows_without_a_label_are_counted(tmp_path):
    file = write(tmp_path / "x.parquet", range(6), labels=[0, 1, None, -1, 0, 1])
    listing = resolve(file).listing()
    assert listing.ignored == {"images without a label": 2} and len(listing.items) == 4


def test_columns_and_groups_may_be_named(tmp_path):
    site = [f"s{n // 4}" for n in range(20)]
    file = write(tmp_path / "x.parquet", range(20), features=None, kind=site)
    options = {"label_column": "kind", "group_column": "label"}
    listing = resolve(file, options=options).listing()
    assert listing.classes == ("s0", "s1", "s2", "s3", "s4")
    assert [item.group for item in listing.items[:3]] == ["0", "1", "0"]
    with pytest.raises(InputError, match="are 'image', 'label', 'kind', got 'species'"):
        resolve(file, options={"label_column": "species"}).listing()


def test_group_by_names_the_column_that_group_column_names(tmp_path):
    write(tmp_path / "a.parquet", range(4), features={}, site=["n", None, "s", "n"])
    for way in ({"group_by": "column:site"}, {"group_column": "site"}):
        listing = resolve(f"parquet:{tmp_path}/a.parquet", options=way).listing()
        assert [item.group for item in listing.items] == ["n", None, "s", "n"]
    with pytest.raises(InputError, match="--group-column or --group-by to name a"):
        resolve(f"parquet:{tmp_path}/a.parquet", options={"group_by": "x"}).listing()


def test_licence_and_citation_of_the_schema_reach_the_records(tmp_path):
    about = {"license": "CC0", "citation": "@misc{x}", "homepage": "https://x.example"}
    dataset = resolve(write(tmp_path / "x.parquet", range(6), about=about))
    info = dataset.source.described(dataset.info)
    assert (info.licence, info.citation, info.url) == tuple(about.values())


def test_what_cannot_be_used_is_told(folder, tmp_path):
    def message(path, **options):
        with pytest.raises((DataError, MissingError)) as error:
            resolve(f"parquet:{path}", options=options).listing()
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "is not there" in message(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "found none" in message(tmp_path / "empty")
    (tmp_path / "empty" / "data-00000.arrow").write_bytes(b"")
    assert "write them with 'to_parquet'" in message(tmp_path / "empty")
    file = folder / "data" / "test-00000-of-00001.parquet"
    data = file.read_bytes()
    file.write_bytes(data[:-100])
    assert "cannot be read as a Parquet file" in message(folder)
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "a pointer of Git LFS" in message(folder)
    write(file, range(4), features=None)
    assert "the same columns and classes in all files" in message(folder)
    write(file, range(4), labels=[0, 1, 7, 1])
    assert "Expected labels from 0 to 1" in message(folder)
    file.write_bytes(data)
    file.rename(file.with_name("test-00000-of-00003.parquet"))
    assert "Expected 3 files of split 'test'" in message(folder)
    file.with_name("test-00000-of-00003.parquet").rename(file)
    write(folder / "small" / "train-00000-of-00001.parquet", range(4))
    assert "got Parquet files in 'data', 'small'; name one" in message(folder)
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), plain)
    assert "got 'text', 'label', of which none is the image" in message(plain)
    pq.write_table(pa.table({"a": [b"1"], "b": [b"2"], "label": [1]}), plain)
    assert "of which several may be the image; say which" in message(plain)


def test_folders_of_splits_are_those_of_the_automatic_conversion(tmp_path):
    """``default/train/0000.parquet``, as the hub converts every dataset."""
    write(tmp_path / "default" / "train" / "0000.parquet", range(20))
    write(tmp_path / "default" / "test" / "0000.parquet", range(20, 30))
    items = resolve(f"parquet:{tmp_path}").listing().items
    assert [item.split for item in items] == ["test"] * 10 + ["train"] * 20


def test_a_folder_of_images_beside_a_parquet_file_is_one_of_images(tmp_path):
    (tmp_path / "ants").mkdir()
    (tmp_path / "bees").mkdir()
    (tmp_path / "meta.parquet").write_bytes(b"")
    assert resolve(tmp_path).spec == f"folder:{tmp_path}"


def test_a_reader_that_is_not_installed_is_named(tmp_path, monkeypatch):
    file = write(tmp_path / "x.parquet", range(4))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingError, match=r"pip install kerastransfer\[parquet\]"):
        resolve(file).listing()
