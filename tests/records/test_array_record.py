"""Records as ArrayRecord files: the same ones, also for ``tfds.data_source``."""

import json
import subprocess
import sys

import pytest

from kerastransfer.datasets import table
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.records.reader import open_records
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.write.convert import convert

# By a reader that knows nothing of ours.
BY_TFDS = """
import hashlib, json, sys
import tensorflow_datasets as tfds
builder = tfds.builder_from_directory(sys.argv[1])
seen = {}
for split in ("train", "val", "test"):
    source = builder.as_data_source(split)
    last = source[len(source) - 1]
    seen[split] = [len(source), last["id"].decode(), int(last["label"]),
                   hashlib.sha256(last["image"].tobytes()).hexdigest()]
print(json.dumps(seen))
assert not any(name.startswith("kerastransfer") for name in sys.modules)
"""
BY_TFDS_AS_TFRECORD = BY_TFDS.replace(
    "source = builder.as_data_source(split)",
    "source = list(tfds.as_numpy(builder.as_dataset(split, shuffle_files=False)))",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    digits = table.resolve("digits")
    options = {"max_per_class": 12, "workers": 1}
    return [
        convert(digits, folder / name, **options, shards=3, file_format=name)
        for name in ("tfrecord", "array_record")
    ]


def seen_by_tfds(path, code):
    command = [sys.executable, "-c", code, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_both_formats_hold_the_same_records(both):
    one, two = map(open_records, both)
    assert one.content_hash == two.content_hash
    for split in SPLITS:
        assert one.size(split) == two.size(split) > 3
        for position in range(one.size(split)):
            mine, other = (each.serialized(split, position) for each in (one, two))
            assert mine == other
    assert len(list(both[1].glob("*.array_record-*-of-00003"))) == 9


def test_tfds_reads_them_in_any_order(both):
    tfrecord, array_record = both
    assert seen_by_tfds(array_record, BY_TFDS) == seen_by_tfds(
        tfrecord, BY_TFDS_AS_TFRECORD
    )


def test_records_that_are_there_keep_their_format(both):
    digits, folder = table.resolve("digits"), both[1].parents[1]
    assert convert(digits, folder, max_per_class=12) == both[1]
    with pytest.raises(DataError, match="format array_record instead of tfrecord"):
        convert(digits, folder, max_per_class=12, file_format="tfrecord")
    with pytest.raises(InputError, match="--format to be tfrecord or array_record"):
        convert(digits, folder, file_format="riegeli")


def test_damaged_files_are_told(both, tmp_path):
    [shard] = both[1].glob("*-val.array_record-00001*")
    data = shard.read_bytes()
    try:
        shard.write_bytes(data[: len(data) // 2])
        with pytest.raises(DataError, match=r"is damaged .*; convert the"):
            open_records(both[1])
        shard.unlink()
        with pytest.raises(MissingError, match="is not there; convert the dataset"):
            open_records(both[1])
    finally:
        shard.write_bytes(data)
    file = both[1] / "dataset_info.json"
    text = file.read_text()
    file.write_text(text.replace('"array_record"', '"riegeli"'))
    with pytest.raises(DataError, match=r"tfrecord or array_record, and .*'riegeli'"):
        open_records(both[1])
    file.write_text(text)
