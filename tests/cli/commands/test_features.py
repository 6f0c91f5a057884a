import argparse
import json

import numpy as np
import pytest

from kerastransfer.cli.commands import features
from kerastransfer.datasets import table
from kerastransfer.errors import InputError, UnknownNameError
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.features.image_set import ImageSet
from kerastransfer.features.source_statistics import SourceStatistics
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.find import find_or_convert


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    with pytest.warns(KerasTransferWarning, match="on first use"):
        find_or_convert(table.resolve("digits"), folder, workers=1)
    return folder


def run(*arguments):
    parser = argparse.ArgumentParser()
    features.add_arguments(parser)
    return features.execute(parser.parse_args([str(a) for a in arguments]))


@pytest.fixture(scope="module")
def digits(records):
    return find_or_convert(table.resolve("digits"), records)


def test_a_file_of_the_validation_images(records, digits, tmp_path, capsys):
    out, statistics = tmp_path / "val.npz", tmp_path / "s.npz"
    arguments = ["--dataset", "digits", "--split", "val", "--records", records]
    arguments += ["--out", out, "--save-statistics", statistics, "--covariance"]
    assert run(*arguments, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    found = FeatureFile.read(out)
    assert told["images"] == len(found.features) == digits.size("val") == 100
    assert found.features.shape[1] == told["features"] == 1280
    np.testing.assert_array_equal(found.labels, digits.labels("val"))
    assert set(found.splits) == {"val"}
    assert found.records == told["records"] == digits.content_hash
    assert found.weights == told["weights"]
    assert len(set(found.ids)) == 100
    # ReLU6, then a mean over places
    assert 0 <= found.features.min() < found.features.max() <= 6
    summed = SourceStatistics.read(statistics)
    wide = np.asarray(found.features, np.float64)
    np.testing.assert_allclose(summed.mean, wide.mean(axis=0), rtol=1e-9)
    assert summed.covariance.shape == (1280, 1280)
    assert (summed.count, summed.dataset) == (100, "digits")
    assert (summed.backbone, summed.weights) == ("efficientnet_lite0", found.weights)


def test_all_splits_in_their_order(digits):
    chosen = ImageSet.of(digits)
    sizes = [digits.size(split) for split in ("train", "val", "test")]
    assert len(chosen) == sum(sizes)
    expected = np.repeat(["train", "val", "test"], sizes)
    np.testing.assert_array_equal(chosen.splits(), expected)
    labels = [digits.labels(split) for split in ("train", "val", "test")]
    np.testing.assert_array_equal(chosen.labels(digits), np.concatenate(labels))


def test_a_draw_is_of_all_splits_and_ids_follow_it(digits):
    chosen = ImageSet.of(digits, most=300, seed=3)
    assert len(chosen) == 300
    assert {split for split, _ in chosen.parts} == {"train", "val", "test"}
    again = ImageSet.of(digits, most=300, seed=3)
    np.testing.assert_array_equal(chosen.ids(digits), again.ids(digits))
    other = ImageSet.of(digits, most=300, seed=4)
    assert set(chosen.ids(digits)) != set(other.ids(digits))
    # An id is "<class>/<name>".
    classes = [digits.classes.index(name.split("/")[0]) for name in chosen.ids(digits)]
    np.testing.assert_array_equal(classes, chosen.labels(digits))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--dataset", "digits"], InputError, "--out FILE, --save-statistics FILE"),
        (["--dataset", "digits", "--out", "f.npy"], InputError, "ends in .npz"),
        (
            ["--dataset", "digits", "--out", "f.npz", "--covariance"],
            InputError,
            "--covariance goes with --save-statistics",
        ),
        (["--dataset", "digit", "--out", "f.npz"], UnknownNameError, "'digits'"),
    ],
)
def test_arguments_that_do_not_hold(arguments, error, message):
    with pytest.raises(error, match=message):
        run(*arguments)
