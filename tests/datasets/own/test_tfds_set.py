"""A dataset of TFDS, made by a builder that knows nothing of ours."""

import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from kerastransfer import cli
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.reader import find_or_convert, open_records
from kerastransfer.records.write.convert import convert

# Prepares a dataset that knows nothing of ours, in a process of its own.
PREPARE = """
import sys
import numpy as np
import tensorflow_datasets as tfds

class Shapes(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("2.1.0")
    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({
                "picture": tfds.features.Image(shape=(None, None, 3)),
                "kind": tfds.features.ClassLabel(names=["disc", "square"]),
                "note": tfds.features.Text(),
            }),
            supervised_keys=("picture", "kind"),
            description="Two shapes.",
        )
    def _split_generators(self, dl_manager):
        return {"train": self._some(0, 60), "test": self._some(100, 20),
                "extra": self._some(200, 5)}
    def _generate_examples(self):
        pass
    def _some(self, start, count):
        for i in range(start, start + count):
            image = np.full((9, 12, 3), i % 256, np.uint8)
            yield i, {"picture": image, "kind": i % 2, "note": str(i)}

class Notes(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    def _info(self):
        features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)
    def _split_generators(self, dl_manager):
        return {"train": [(0, {"text": "a"})]}
    def _generate_examples(self):
        pass

for builder in (Shapes, Notes):
    builder(data_dir=sys.argv[1]).download_and_prepare()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    command = [sys.executable, "-c", PREPARE, str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


def test_it_is_listed_by_split_and_position(folder):
    listing = resolve("tfds:shapes", folder).listing()
    assert listing.classes == ("disc", "square")
    assert len(listing.items) == 80
    assert listing.ignored == {"images of the split extra": 5}
    assert listing.items[0].path == "test/0000000" and listing.items[0].split == "test"
    assert listing.items[79].path == "train/0000059"
    assert listing.items[79].split == "train"


def test_it_is_converted_by_the_same_rules(folder, tmp_path):
    import tensorflow as tf

    dataset = resolve("tfds:shapes", folder)
    records = open_records(convert(dataset, tmp_path))
    assert records.name == "tfds_shapes"
    assert records.metadata["spec"] == "tfds:shapes"
    assert records.class_counts("test").tolist() == [10, 10]
    assert records.class_counts("val").tolist() == [3, 3]
    assert records.class_counts("train").tolist() == [27, 27]
    for position in range(records.size("train")):
        example = tf.train.Example.FromString(records.serialized("train", position))
        feature = example.features.feature
        data = feature["image"].bytes_list.value[0]
        gray = int(np.asarray(Image.open(io.BytesIO(data)))[0, 0, 0])
        # The picture's brightness is its number, whose parity is its class.
        assert gray % 2 == feature["label"].int64_list.value[0]
        assert gray < 60


def test_it_is_converted_on_first_use(folder, tmp_path):
    dataset = resolve("tfds:shapes", folder)
    with pytest.warns(
        KerasTransferWarning, match="Converting tfds:shapes to .* on first use"
    ):
        first = find_or_convert(dataset, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_or_convert(dataset, tmp_path).content_hash == first.content_hash


def test_records_of_ours_are_a_dataset_of_tfds(tmp_path):
    convert(resolve("digits"), tmp_path)
    listing = resolve("tfds:digits", tmp_path).listing()
    splits = [item.split for item in listing.items]
    assert {s: splits.count(s) for s in set(splits)} == {
        "train": 1197,
        "val": 100,
        "test": 500,
    }


def test_what_tfds_cannot_prepare_is_one_line_and_not_on_standard_output(
    tmp_path, capsys
):
    words = ("convert", "--dataset", "tfds:imagenet2012", "--download", "--json")
    assert cli.main([*words, "--archives", str(tmp_path / "tfds")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    *told, last = err.splitlines()
    assert any("Downloading and preparing" in line for line in told)
    assert last.startswith("kerastransfer: error: TFDS could not prepare 'imagenet2012")
    assert "does not exist or is empty" in last and last.endswith(".")


def test_a_package_that_tfds_lacks_is_told(tmp_path, monkeypatch):
    """As some of its datasets find out only once they are prepared."""
    from tensorflow_datasets.image_classification.cmaterdb import Cmaterdb

    def lacks(self, dl_manager):
        import no_such_package  # noqa: F401

    monkeypatch.setattr(Cmaterdb, "_split_generators", lacks)
    with pytest.raises(MissingError, match=r"'cmaterdb': .*No module named 'no_such"):
        resolve("tfds:cmaterdb", tmp_path).source.prepare()


def test_what_is_not_prepared_or_not_known_is_told(folder, tmp_path):
    with pytest.raises(DataError, match="TFDS knows no dataset 'no_such_set'"):
        resolve("tfds:no_such_set", folder).listing()
    with pytest.raises(
        MissingError, match=r"tfds:mnist is not prepared in .*--download"
    ):
        resolve("tfds:mnist", tmp_path).listing()
    with pytest.raises(DataError, match="Expected tfds:notes to hold an image and a"):
        resolve("tfds:notes", folder).listing()
    for name in ("tfds:", "tfds:../x", "tfds:a b"):
        with pytest.raises(InputError, match="Expected a name after 'tfds:'"):
            resolve(name)
