import io
import json
import shutil
import struct

import numpy as np
import pytest
from helpers.reading import planned
from PIL import Image

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.records import tfrecord
from kerastransfer.records.reader import open_records
from kerastransfer.records.write.convert import convert


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("reader")
    for name, size in [("ant", 10), ("bee", 20), ("cow", 30)]:
        (root / "in" / name).mkdir(parents=True)
        for i in range(size):
            Image.new("RGB", (9, 9), (i, size, 0)).save(root / "in" / name / f"{i}.png")
    dataset = resolve(f"folder:{root / 'in'}")
    plan = planned(dataset)
    return convert(dataset, root / "out"), plan


@pytest.fixture
def path(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "1.0.0")


def test_counts_and_labels_follow_the_plan(made):
    path, plan = made
    records = open_records(path)
    for split in ("train", "val", "test"):
        labels = [place.label for place in plan.places(split)]
        assert records.labels(split).tolist() == labels
        assert records.size(split) == len(labels)
        assert records.class_counts(split).tolist() == np.bincount(labels).tolist()
    assert records.class_counts("train").tolist() == [7, 14, 21]


@pytest.mark.parametrize("draw", range(5))
def test_variants_are_nested_and_balanced(made, draw):
    path, plan = made
    records = open_records(path)
    before = set()
    for n in range(1, 22):
        positions = records.variant(n, draw)
        assert positions.dtype == np.int64
        counts = np.bincount(records.labels("train")[positions], minlength=3)
        assert counts.tolist() == [min(n, 7), min(n, 14), min(n, 21)]
        assert counts.tolist() == records.variant_counts(n).tolist()
        assert before < set(positions.tolist())
        before = set(positions.tolist())
        if draw == 0:
            assert positions.tolist() == list(range(len(positions)))
        else:
            assert positions.tolist() == plan.draws[draw - 1][: len(positions)].tolist()
    assert sorted(records.variant(None, draw)) == list(range(42))


def test_examples_are_read_at_any_position(made):
    import tensorflow as tf

    path, plan = made
    records = open_records(path)
    for position in (41, 0, 17, 0):
        example = tf.train.Example.FromString(records.serialized("train", position))
        place = plan.train[position]
        assert example.features.feature["id"].bytes_list.value[0].decode() == place.path
        data = example.features.feature["image"].bytes_list.value[0]
        red = Image.open(io.BytesIO(data)).getpixel((0, 0))[0]
        assert red == int(place.path[4:-4])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.variant(22), "images_per_class from 1 to 21, .* got 22"),
        (lambda r: r.variant(0), "images_per_class from 1 to 21, .* got 0"),
        (lambda r: r.variant(1, 5), "Expected a draw from 0 to 4, got 5"),
        (lambda r: r.variant(1, -1), "Expected a draw from 0 to 4, got -1"),
        (lambda r: r.size("exam"), "Expected split train, val or test, got 'exam'"),
        (lambda r: r.labels("exam"), "Expected split train, val or test, got 'exam'"),
        (lambda r: r.serialized("val", 6), "a position from 0 to 5 in val, got 6"),
        (lambda r: r.serialized("val", -1), "a position from 0 to 5 in val, got -1"),
    ],
)
def test_arguments_out_of_range(made, ask, message):
    with pytest.raises(InputError, match=message):
        ask(open_records(made[0]))


def test_no_records_are_missing(tmp_path):
    with pytest.raises(MissingError, match=r"holds no 'dataset_info.json'"):
        open_records(tmp_path)


def shard(path, split):
    [file] = path.glob(f"*-{split}.tfrecord-00000-of-00001")
    return file


@pytest.mark.parametrize("keep", [-1, -100])
def test_a_truncated_shard_is_named(path, keep):
    file = shard(path, "val")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match=f"{file.name}' ends within record") as error:
        open_records(path).serialized("val", 0)
    assert "convert the dataset again" in str(error.value)


def test_a_length_beyond_the_file_is_refused(path):
    file = shard(path, "val")
    content = file.read_bytes()
    file.write_bytes(b"\xff" * 8 + content[8:])
    with pytest.raises(DataError, match="the checksum of its length is another"):
        open_records(path).serialized("val", 0)
    checksum = struct.pack("<I", tfrecord.checksum(b"\xff" * 8))
    file.write_bytes(b"\xff" * 8 + checksum + content[12:])
    with pytest.raises(DataError, match="ends within record 0"):
        open_records(path).serialized("val", 0)


def test_a_shard_that_went_away_or_lost_records_is_named(path):
    shard(path, "test").write_bytes(shard(path, "val").read_bytes())
    with pytest.raises(DataError, match=r"Expected 12 records in .* found 6"):
        open_records(path).serialized("test", 0)
    shard(path, "test").write_bytes(b"")
    with pytest.raises(DataError, match=r"12 records in .* found 0 bytes, which"):
        open_records(path).serialized("test", 0)
    shard(path, "test").unlink()
    with pytest.raises(MissingError, match=r"test.tfrecord.*is not there"):
        open_records(path)


@pytest.mark.parametrize("keep", [0, 5, 11, 95])
def test_a_shard_of_fewer_bytes_than_records_need_is_named(path, keep):
    file = shard(path, "val")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match=f"Expected 6 records .* found {keep} bytes"):
        open_records(path)


@pytest.mark.parametrize("length", ["1e3", "-1", "1_0", 2.0, True, None, "٣", []])
def test_a_shard_whose_length_is_none_is_refused(path, length):
    def edit(info):
        info["splits"][0]["shardLengths"] = [length]

    change(path, "dataset_info.json", edit)
    with pytest.raises(DataError, match="does not list shards as TFDS does"):
        open_records(path)


def test_counts_beyond_the_files_take_no_memory(path):
    def counts(metadata):
        metadata["counts"]["test"][0] += 1 << 39

    def lengths(info):
        for split in info["splits"]:
            if split["name"] == "test":
                split["shardLengths"] = [str(12 + (1 << 39))]

    change(path, "metadata.json", counts)
    change(path, "dataset_info.json", lengths)
    with pytest.raises(DataError, match="too few for them"):
        open_records(path)


def test_a_split_that_is_listed_twice_is_refused(path):
    change(path, "dataset_info.json", lambda m: m["splits"].append(m["splits"][0]))
    with pytest.raises(DataError, match="or lists them twice"):
        open_records(path)


def change(path, name, edit):
    found = json.loads((path / name).read_text())
    edit(found)
    (path / name).write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("metadata.json", lambda m: m.update(dataset="x" * 300), "damaged 'dataset'"),
        ("metadata.json", lambda m: m.update(classes=["a"] * 3), "damaged 'classes'"),
        ("metadata.json", lambda m: m.update(short={"a": {}}), "damaged 'short'"),
        ("metadata.json", lambda m: m.update(archives=[1]), "damaged 'archives'"),
        ("metadata.json", lambda m: m.update(ungrouped={}), "damaged 'ungrouped'"),
        ("metadata.json", lambda m: m.update(white=None), "lacks 'white'"),
        ("metadata.json", lambda m: m.pop("plan_hash"), "lacks 'plan_hash'; are these"),
        ("metadata.json", lambda m: m.update(dataset="../x"), "damaged 'dataset'"),
        ("metadata.json", lambda m: m.update(classes=["a"]), "damaged 'classes'"),
        ("metadata.json", lambda m: m.update(classes=["a", "b"]), "damaged 'counts'"),
        ("metadata.json", lambda m: m["counts"].pop("val"), "damaged 'counts'"),
        (
            "metadata.json",
            lambda m: m["counts"].update(val=[1 << 60, 0, 0]),
            "damaged 'counts'",
        ),
        (
            "metadata.json",
            lambda m: m["counts"].update(val=[1, 1, 1]),
            "Expected 3 val",
        ),
        ("metadata.json", lambda m: m["draws"].pop(), "damaged 'draws'"),
        ("metadata.json", lambda m: m["draws"][2].pop(), "damaged 'draws'"),
        (
            "metadata.json",
            lambda m: m["draws"][2].__setitem__(0, m["draws"][2][1]),
            "damaged 'draws'",
        ),
        ("metadata.json", lambda m: m.update(bytes_hash="x"), "damaged 'bytes_hash'"),
        (
            "dataset_info.json",
            lambda m: m.pop("splits"),
            "does not list shards as TFDS",
        ),
        ("dataset_info.json", lambda m: m["splits"].pop(1), "lists no shards of split"),
        (
            "dataset_info.json",
            lambda m: m["splits"][0].update(filepathTemplate="/etc/{SPLIT}"),
            "lists no shards of split 'train'",
        ),
    ],
)
def test_damaged_metadata_is_refused(path, name, edit, message):
    change(path, name, edit)
    with pytest.raises(DataError, match=message) as error:
        open_records(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 200_000])
def test_what_is_not_json_is_refused(path, text):
    (path / "metadata.json").write_text(text)
    with pytest.raises(DataError, match=r"metadata.json"):
        open_records(path)


def test_the_home_follows_the_environment(monkeypatch, tmp_path):
    from kerastransfer.foundation.home import home, records_home

    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x" and records_home() == tmp_path / "x" / "records"
    monkeypatch.delenv("KERASTRANSFER_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "kerastransfer"
