"""What TFDS says of records that it reads without our package."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerastransfer.datasets import table
from kerastransfer.records.reader import open_records
from kerastransfer.records.write.builder import _ordered
from kerastransfer.records.write.convert import convert

ABOUT = """
import json, sys
import tensorflow_datasets as tfds
info = tfds.builder_from_directory(sys.argv[1]).info
print(json.dumps([info.citation, info.homepage, info.redistribution_info.license]))
assert not any(name.startswith("kerastransfer") for name in sys.modules)
"""


def about(path):
    done = subprocess.run(
        [sys.executable, "-c", ABOUT, path],
        check=True,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd="/",
    )
    return json.loads(done.stdout)


def test_citation_home_page_and_licence_reach_whoever_reads_with_tfds(tmp_path):
    dataset = table.resolve("digits")
    path = convert(dataset, tmp_path, workers=1)
    info = dataset.info
    assert about(path) == [info.citation, info.url, info.licence]
    assert all((info.citation, info.url, info.licence))
    written = json.loads((path / "metadata.json").read_text())
    assert not {"citation", "licence", "url"} & written.keys()
    # Records that were made before these were written are taken as they are.
    file = path / "dataset_info.json"
    bare = json.loads(file.read_text())
    for name in ("citation", "location", "redistributionInfo"):
        del bare[name]
    file.write_text(json.dumps(bare))
    before = open_records(path).content_hash
    assert convert(dataset, tmp_path, workers=1) == path
    assert json.loads(file.read_text()) == bare
    assert open_records(path).content_hash == before


def test_own_images_are_not_said_to_be_in_a_catalogue(tmp_path):
    for label in "ab":
        (tmp_path / "in" / label).mkdir(parents=True)
        for i in range(9):
            pixels = np.full((4, 4, 3), 9 * i, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / label / f"{i}.png")
    dataset = table.resolve(f"folder:{tmp_path / 'in'}")
    citation, homepage, licence = about(convert(dataset, tmp_path / "out", workers=1))
    assert citation == licence == "" and "tensorflow.org" not in homepage


def is_ordered(serialized):
    """Whether a serialised example holds its features in the order of their names."""
    example = tf.train.Example.FromString(serialized)
    # A map's entry begins with its key: field 1, the length, the text.
    places = [
        serialized.index(b"\x0a" + bytes([len(name)]) + name.encode())
        for name in sorted(example.features.feature)
    ]
    return places == sorted(places) and len(places) > 1


@pytest.mark.parametrize("seed", range(5))
def test_an_example_is_written_with_its_features_in_order(seed):
    # Fields of one message may come in any order, and as several messages.
    names = np.random.default_rng(seed).permutation(list("abcdefgh"))
    shuffled = b""
    for name in names:
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"1", b"2"]))
        features = tf.train.Features(feature={name: feature})
        shuffled += tf.train.Example(features=features).SerializeToString()
    assert not is_ordered(shuffled)
    ordered = _ordered(shuffled)
    assert is_ordered(ordered)
    assert tf.train.Example.FromString(ordered) == tf.train.Example.FromString(shuffled)


SAME_BYTES = """
import sys
from pathlib import Path
from kerastransfer.datasets.table import resolve
from kerastransfer.records.write.convert import convert
out, workers = sys.argv[2:]
print(convert(resolve(sys.argv[1]), Path(out), workers=int(workers)))
"""


def test_two_conversions_of_the_same_images_give_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        for number in range(12):
            path = tmp_path / "in" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
    script, spec = tmp_path / "convert.py", f"folder:{tmp_path / 'in'}"
    script.write_text(SAME_BYTES, encoding="utf-8")
    files = []
    # The order of a map's keys is drawn anew by each process, so none is forked.
    for number in (1, 2):
        out = tmp_path / f"out{number}"
        command = [sys.executable, script, spec, out, str(number)]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        (folder,) = out.glob("*/1.0.0")
        assert is_ordered(open_records(folder).serialized("train", 0))
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0].keys() == files[1].keys() and len(files[0]) > 4
    for name, content in files[0].items():
        assert content == files[1][name], name
