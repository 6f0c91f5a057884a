"""What TFDS says of records that it reads without our package."""

import json
import os
import subprocess
import sys

import numpy as np
from PIL import Image

from kerastransfer.datasets import table
from kerastransfer.records.reader import open_records
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
