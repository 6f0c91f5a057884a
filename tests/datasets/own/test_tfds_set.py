"""A dataset of TFDS, made by a builder that knows nothing of ours."""

import io
import shutil
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
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.reader import open_records
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


# Datasets as others declare them: keys of three, nested features, float images, other
# names of splits, splits without labels.
PREPARE_ODD = """
import sys
import numpy as np
import tensorflow_datasets as tfds

F = tfds.features

class Odd(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    KEYS, SPLITS, DTYPE, LABELLED = None, ("training", "testing"), np.uint8, True
    def _info(self):
        image = F.Image(shape=(None, None, 1), dtype=self.DTYPE)
        return tfds.core.DatasetInfo(
            builder=self,
            features=F.FeaturesDict({
                "views": {"front": image},
                "kind": F.ClassLabel(names=["disc", "square"]),
                "weight": np.float32,
                "site": F.Text(),
            }),
            supervised_keys=self.KEYS,
            citation="@misc{odd}", homepage="https://example.org/odd", license="CC0",
        )
    def _split_generators(self, dl_manager):
        return {name: self._some(n) for n, name in enumerate(self.SPLITS)}
    def _generate_examples(self):
        pass
    def _some(self, number):
        for i in range(100 * number, 100 * number + 40):
            image = np.full((9, 12, 1), self.value(i), self.DTYPE)
            kind = i % 2 if self.LABELLED or number == 0 else -1
            yield i, {"views": {"front": image}, "kind": kind, "weight": 1.0,
                      "site": "reef" if i % 4 < 2 else "bay"}
    def value(self, i):
        return i

class Three(Odd, skip_registration=True):
    KEYS = ("views", "kind", "weight")

class Nested(Odd, skip_registration=True):
    KEYS = ({"x": "views"}, ({"y": "kind"},))

class Floats(Odd, skip_registration=True):
    DTYPE = np.float32
    def value(self, i):
        return i / 255

class WideFloats(Floats, skip_registration=True):
    def value(self, i):
        return i

class Signed(Floats, skip_registration=True):
    def value(self, i):
        return i - 7

class Unlabelled(Odd, skip_registration=True):
    SPLITS, LABELLED = ("train", "test"), False

class Full(Odd, skip_registration=True):
    SPLITS = ("full",)

class Parts(Odd, skip_registration=True):
    SPLITS = ("part_a", "part_b")

folder = sys.argv[1]
for builder in (Three, Nested, Floats, WideFloats, Signed, Unlabelled, Full, Parts):
    builder(data_dir=folder).download_and_prepare()
for builder in (Three, Floats):
    builder(data_dir=folder + "/random", file_format="array_record"
    ).download_and_prepare()
Three(data_dir=folder + "/parquet", file_format="parquet").download_and_prepare()
"""


def pictures_of(dataset, listing):
    """The gray value and the class of every image, by path."""
    images = dataset.source.image_files([item.path for item in listing.items])
    grays = {}
    for each in images:
        [(path, _)] = each.images
        grays[path] = np.asarray(Image.open(io.BytesIO(each.content.read())))
    return {
        item.path: (int(grays[item.path].flat[0]), item.label) for item in listing.items
    }


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    command = [sys.executable, "-c", PREPARE_ODD, str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


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


def expected(splits):
    return {
        f"{word}/{i:07d}": (100 * number + i, i % 2)
        for number, word in enumerate(splits)
        for i in range(40)
    }


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("three", ""),
        ("nested", ""),
        ("three", "random"),  # ArrayRecord files
        ("floats", ""),
        ("floats", "random"),
        ("wide_floats", ""),
    ],
)
def test_pixels_and_labels_are_those_that_were_written(odd, name, below, capsys):
    dataset = resolve(f"tfds:{name}", odd / below)
    listing = dataset.listing()
    assert listing.classes == ("disc", "square")
    # The order of a split is TFDS's own; what goes with what is not.
    given = pictures_of(dataset, listing)
    assert sorted(given.values()) == sorted(expected(("training", "testing")).values())
    for path, (gray, label) in given.items():
        assert label == gray % 2 and (gray >= 100) == path.startswith("testing/")
    assert {item.split for item in listing.items} == {"train", "test"}
    err = capsys.readouterr().err
    assert "'testing' is taken for test" in err and "Traceback" not in err
    if "floats" in name:
        white = 255 if name.startswith("wide") else 1
        assert f"{white} is taken for white" in err


def test_float_images_are_those_that_tfds_decodes(odd):
    import tensorflow_datasets as tfds

    builder = tfds.builder("floats", data_dir=odd)
    theirs = [
        np.rint(255 * each["views"]["front"]).astype(int)
        for each in builder.as_dataset(
            split="training", shuffle_files=False
        ).as_numpy_iterator()
    ]
    dataset = resolve("tfds:floats", odd)
    paths = [f"training/{i:07d}" for i in range(40)]
    for theirs_one, file in zip(theirs, dataset.source.image_files(paths), strict=True):
        ours = np.asarray(Image.open(io.BytesIO(file.content.read())))
        np.testing.assert_array_equal(ours, theirs_one[..., 0])


def test_float_images_without_a_white_are_refused(odd):
    with pytest.raises(DataError, match="from 0 to 1 or from 0 to 255, got -7 to 132"):
        resolve("tfds:signed", odd).listing()


def test_an_official_test_set_without_labels_is_an_error_that_names_it(odd):
    with pytest.raises(DataError, match="None of 40 images in the official test set"):
        resolve("tfds:unlabelled", odd).listing()
    only = resolve("tfds:unlabelled", odd, {"splits": "train=train"}).listing()
    assert {item.split for item in only.items} == {"train"} and len(only.items) == 40
    assert only.ignored == {"images of the split test": 40}


def test_splits_of_other_names_are_asked_for(odd, capsys):
    with pytest.raises(DataError, match="got 'part_a', 'part_b', of which none is one"):
        resolve("tfds:parts", odd).listing()
    choice = {"splits": "train=part_b,test=part_a"}
    listing = resolve("tfds:parts", odd, choice).listing()
    assert {(i.path[:6], i.split) for i in listing.items} == {
        ("part_a", "test"),
        ("part_b", "train"),
    }
    with pytest.raises(InputError, match="which are 'part_a', 'part_b', got 'c'"):
        resolve("tfds:parts", odd, {"splits": "train=c"}).listing()
    for words in ("test=part_a", "train:part_a", "train=a,exam=b", "train=a,val=a"):
        with pytest.raises(InputError, match="--splits"):
            resolve("tfds:parts", odd, {"splits": words})
    items = resolve("tfds:full", odd).listing().items
    assert {item.split for item in items} == {None} and len(items) == 40
    assert "no official splits" in capsys.readouterr().err


def test_a_feature_may_be_named(odd):
    listing = resolve("tfds:three", odd, {"label_column": "site"}).listing()
    assert listing.classes == ("bay", "reef")
    with pytest.raises(DataError, match="none that may be the label is"):
        resolve("tfds:three", odd, {"label_column": "weight"}).listing()


@pytest.mark.parametrize(
    ("name", "below"), [("three", ""), ("nested", ""), ("three", "random")]
)
def test_a_feature_tells_groups(odd, name, below):
    ways = [{"group_by": "column:site"}, {"group_by": "site"}, {"group_column": "site"}]
    for way in ways:
        dataset = resolve(f"tfds:{name}", odd / below, way)
        listing = dataset.listing()
        given = pictures_of(dataset, listing)
        for item in listing.items:
            gray = given[item.path][0]
            assert item.group == ("reef" if gray % 100 % 4 < 2 else "bay")
    by_kind = resolve(f"tfds:{name}", odd / below, {"group_by": "kind"}).listing()
    assert {(item.group, item.label) for item in by_kind.items} == {("0", 0), ("1", 1)}
    plain = resolve(f"tfds:{name}", odd / below).listing()
    assert {item.group for item in plain.items} == {None}
    for missing in ("place", "weight", "views/front"):
        with pytest.raises(DataError, match=f"may be the group is called '{missing}'"):
            resolve(f"tfds:{name}", odd / below, {"group_by": missing}).listing()


def test_records_of_another_grouping_are_not_taken(folder, tmp_path):
    dataset = resolve("tfds:shapes", folder, {"group_by": "note"})
    records = find_or_convert(dataset, tmp_path)
    assert records.metadata["group_column"] == "note"
    assert records.metadata["groups"]["totals"]["test"] == 20
    assert find_or_convert(resolve("tfds:shapes", folder), tmp_path).classes
    other = resolve("tfds:shapes", folder, {"group_by": "kind"})
    with pytest.raises(DataError, match="group_column 'note' instead of 'kind'"):
        find_or_convert(other, tmp_path)


def test_what_tfds_says_of_a_dataset_goes_into_its_records(odd, tmp_path):
    dataset = resolve("tfds:floats", odd)
    about = dataset.source.described(dataset.info)
    assert (about.citation, about.url, about.licence) == (
        "@misc{odd}",
        "https://example.org/odd",
        "CC0",
    )


@pytest.mark.parametrize("below", ["", "random"])
def test_files_that_are_cut_or_missing_are_one_line(odd, tmp_path, below):
    copy = tmp_path / "copy"
    shutil.copytree(odd / below / "three", copy / "three")
    [version] = (copy / "three").iterdir()
    [shard] = version.glob("*training*-of-*")
    data = shard.read_bytes()
    for change in (lambda: shard.write_bytes(data[: len(data) // 2]), shard.unlink):
        change()
        with pytest.raises(DataError, match=r"Split 'training' .* damaged or not all"):
            resolve("tfds:three", copy).listing()
    shard.write_bytes(data)
    for name in ("dataset_info.json", "features.json"):
        text = (version / name).read_text()
        (version / name).write_text(text[: len(text) // 2])
        with pytest.raises(DataError, match="TFDS refuses 'three'") as error:
            resolve("tfds:three", copy).listing()
        assert "\n" not in str(error.value)
        (version / name).write_text(text)
    assert len(resolve("tfds:three", copy).listing().items) == 80


def test_a_shard_with_fewer_examples_than_stated_is_refused(odd, tmp_path):
    """Cut at the end of a record, which TensorFlow takes for the end of the file."""
    copy = tmp_path / "copy"
    shutil.copytree(odd / "three", copy / "three")
    [version] = (copy / "three").iterdir()
    [shard] = version.glob("*training*-of-*")
    data = shard.read_bytes()
    length = int.from_bytes(data[:8], "little")
    shard.write_bytes(data[12 + length + 4 :])
    with pytest.raises(DataError, match=r"training' .*39 elements; prepare"):
        resolve("tfds:three", copy).listing()


def test_files_of_another_format_are_refused_by_name(odd):
    with pytest.raises(DataError, match=r"TFRecord or ArrayRecord .*, got parquet"):
        resolve("tfds:three", odd / "parquet").listing()
