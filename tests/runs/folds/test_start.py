"""Cross-validation of the miniature backbone, held against what its files say."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import miniature
from helpers.disks import small_disk
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

import kerastransfer as kt
from kerastransfer.backbones import table
from kerastransfer.config.run_options import RunOptions
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.fold_records import FoldPool, FoldRecords
from kerastransfer.records.reader import Records
from kerastransfer.records.split.folds import Fold
from kerastransfer.runs import execution, start
from kerastransfer.runs.folds import cross_validation
from kerastransfer.runs.folds import start as folds
from kerastransfer.runs.sources import Sources

FOLDS = 3
OPTIONS = RunOptions(cache="on", probe=False, export=False)


def make_images(root):
    """Twenty-one images of each of three shades, three of a sample."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(miniature.CLASSES):
        for number in range(21):
            pixels = rng.integers(70 * label, 70 * label + 110, (20, 24, 3), np.uint8)
            file = root / name / f"{name}{number // 3}" / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    make_images(folder / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
        patch.setenv("KERASTRANSFER_HOME", str(folder / "home"))
        yield folder


@pytest.fixture(scope="module")
def sources(place):
    spec = f"folder:{place / 'images'}"
    dataset = resolve(spec, options={"group_by": "folder"})
    return Sources(
        dataset=dataset,
        settings={
            "dataset": dataset.spec,
            "backbone": "miniature",
            "recipe": "F1-5R6-8",
            "batch_size": 4,
            "epochs": (3,),
            "learning_rate": (0.01,),
        },
        backbone=miniature.BACKBONE,
        weights=miniature.source_weights(),
        mean_image=None,
        hashes={"weights": "w" * 64, "mean_image": ""},
    )


def validate(sources, place, **options):
    return folds.train(
        sources,
        place / "runs",
        FOLDS,
        records_folder=place / "records",
        options=RunOptions(cache="on", probe=False, export=False, **options),
    )


@pytest.fixture(scope="module")
def validated(sources, place):
    """What it gave, with a test set that nobody may read."""
    plain = Records.serialized

    def serialized(self, split, position):
        assert split != "test", "the test set is not read"
        return plain(self, split, position)

    find_or_convert(sources.dataset, place / "records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "serialized", serialized)
        return validate(sources, place)


@pytest.fixture
def trained(monkeypatch):
    """The folders of runs that are trained from now on."""
    folders, plain = [], execution.train

    def train(config, inputs, folder):
        folders.append(folder.name)
        return plain(config, inputs, folder)

    monkeypatch.setattr(execution, "train", train)
    return folders


def test_every_image_of_train_and_val_is_predicted_once(validated, sources, place):
    rows = pd.read_csv(validated.predictions, keep_default_na=False)
    columns = ["id", "group", "true", "predicted", "rank", "fold"]
    assert list(rows.columns) == columns + [f"p:{n}" for n in validated.classes]
    records = find_or_convert(sources.dataset, place / "records")
    assert len(rows) == records.size("train") + records.size("val")
    assert rows["id"].is_unique
    assert (rows.groupby("group")["fold"].nunique() == 1).all()
    assert (rows["group"] == rows["id"].str.split("/").str[1]).all()
    assert sorted(rows["fold"].unique()) == [1, 2, 3]
    for number, run in enumerate(validated.runs(), start=1):
        own = pd.read_csv(run.folder / "predictions" / "test.csv")
        of_fold = rows[rows["fold"] == number]
        assert own["id"].tolist() == of_fold["id"].tolist()
        others = pd.read_csv(run.folder / "predictions" / "val.csv")
        assert not set(others["group"]) & set(own["group"])


def test_accuracies_are_those_of_scikit_learn(validated):
    rows = pd.read_csv(validated.predictions)
    expected = accuracy_score(rows["true"], rows["predicted"])
    assert validated.accuracy.value == pytest.approx(expected)
    assert validated.metrics.accuracy.value == pytest.approx(expected)
    by_fold = [
        accuracy_score(part["true"], part["predicted"])
        for _, part in rows.groupby("fold")
    ]
    assert validated.mean_accuracy == pytest.approx(np.mean(by_fold))
    stored = [fold["accuracy"]["value"] for fold in validated.result["per_fold"]]
    assert stored == pytest.approx(by_fold)
    probabilities = rows[[f"p:{name}" for name in sorted(validated.classes)]]
    loss = log_loss(rows["true"], probabilities, labels=sorted(validated.classes))
    assert validated.metrics.nll.value == pytest.approx(loss, abs=1e-4)


def test_the_interval_is_one_for_groups(validated):
    unseen = validated.metrics.unseen_groups
    assert unseen.unseen == unseen.groups
    assert validated.accuracy == unseen.accuracy
    assert validated.accuracy.method in ("wilson, clustered", "wilson")


def test_a_fold_is_a_run_of_its_own(validated):
    for number, run in enumerate(validated.runs(), start=1):
        entry = validated.result["per_fold"][number - 1]
        assert (run.result["fold"], run.result["folds"]) == (number, FOLDS)
        assert f"fold {number} of 3, 95 % intervals" in str(run)
        assert sum(run.result["train_counts"].values()) == entry["train"]
        assert run.test.accuracy.n == entry["images"] and entry["groups"] > 1
        assert run.val.accuracy.n == entry["val"]
        assert run.config.recipe == validated.config.recipe
        assert run.config.records != validated.config.records
    total = len(pd.read_csv(validated.predictions))
    for entry in validated.result["per_fold"]:
        assert entry["train"] + entry["val"] + entry["images"] == total


def test_frozen_blocks_are_computed_once_for_all_folds(validated, place):
    caches = [f for f in (place / "home" / "features").iterdir() if f.is_dir()]
    assert len(caches) == 1
    assert all(r.result["phases"][0]["cached"] for r in validated.runs())


def test_what_is_printed_and_kept(validated):
    text = str(validated)
    assert "3 folds of" in text.splitlines()[0]
    assert text.splitlines()[1].split() == [
        *("fold", "trained", "on", "validated", "held", "out", "groups", "accuracy")
    ]
    assert "mean of folds" in text and "groups unseen in training" in text
    stored = json.loads((validated.folder / "folds.json").read_text())
    assert stored["folds"] == 3 and stored["grouped"] is True
    assert cross_validation.read(validated.folder) == validated


def test_a_finished_one_is_read_and_a_lost_fold_is_trained_again(
    validated, sources, place, trained
):
    assert validate(sources, place) == validated
    assert trained == []
    before = (validated.folder / "fold01" / "model.keras").stat().st_mtime_ns
    table_before = validated.predictions.read_bytes()
    (validated.folder / "fold02" / "result.json").unlink()
    again = validate(sources, place)
    assert trained == ["fold02"]
    assert (validated.folder / "fold01" / "model.keras").stat().st_mtime_ns == before
    assert again.predictions.read_bytes() == table_before
    (validated.folder / "folds.json").write_text("{}")
    with pytest.raises(InputError, match="Expected the result of a cross-validation"):
        validate(sources, place)
    assert validate(sources, place, restart=True).predictions.is_file()
    assert trained[1:] == ["fold01", "fold02", "fold03"]
    assert validated.predictions.read_bytes() == table_before


def test_more_folds_than_groups_are_refused_and_so_are_other_numbers(sources, place):
    for work in (folds.plan, lambda *a, **o: folds.train(a[0], place, a[1], **o)):
        with pytest.raises(DataError, match="at least 9 groups of each class"):
            work(sources, 9, records_folder=place / "records")
    for number in (1, 11, 2.0, True):
        with pytest.raises(InputError, match="Expected --folds from 2 to 10, got"):
            kt.cross_validate("digits", "R1-8", folds=number)
        with pytest.raises(InputError, match="Expected --folds from 2 to 10, got"):
            kt.plan("digits", "R1-8", folds=number)


def test_a_dry_run_says_what_would_be_trained_without_tensorflow(place):
    code = (
        "import sys\n"
        "from kerastransfer import cli\n"
        f"cli.main(['train', '--dataset', 'folder:{place / 'images'}', '--recipe',"
        f" 'R1-8', '--group-by', 'folder', '--folds', '3', '--dry-run',"
        f" '--records', '{place / 'records'}'])\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "3 folds of" in done.stdout and "whole groups together" in done.stdout
    assert "the test set is not read" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_pool_is_a_variant_with_the_images_of_val(sources, place):
    records = find_or_convert(sources.dataset, place / "records")
    pool = FoldPool(records, 2, 0)
    assert len(pool) == 6 + records.size("val")
    expected = [records.serialized("train", i) for i in range(6)]
    expected += [records.serialized("val", i) for i in range(records.size("val"))]
    assert [pool.serialized(i) for i in range(len(pool))] == expected
    fold = Fold(np.array([0, 1]), np.array([2]), np.array([7]))
    view = FoldRecords(pool, fold)
    np.testing.assert_array_equal(view.positions(None, 0)["test"], [7])
    assert view.serialized("test", 7) == expected[7]
    np.testing.assert_array_equal(view.labels("val")[:3], records.labels("train")[:3])
    other = FoldRecords(pool, Fold(np.array([0]), np.array([2]), np.array([7])))
    assert view.content_hash == other.content_hash
    assert len({view.fold_hash, other.fold_hash, pool.content_hash}) == 3
    assert FoldPool(records, 3, 0).content_hash != pool.content_hash
    for wrong in (-1, len(pool)):
        with pytest.raises(InputError, match="Expected an image from 0 to"):
            view.serialized("train", wrong)
    with pytest.raises(InputError, match="Expected split train, val or test"):
        view.labels("exam")


@pytest.mark.parametrize("size", ["16k", "80k"])
def test_a_full_disk_is_told_in_a_line_by_a_run_and_by_folds(
    sources, place, tmp_path, size
):
    def of_folds(*arguments, **options):
        return folds.train(*arguments, FOLDS, **options)

    for number, work in enumerate((start.train, of_folds)):
        disk = tmp_path / f"disk{number}"
        disk.mkdir()
        message = rf"No space is left where '{disk}.* and the same command goes on\."
        with small_disk(disk, size), pytest.raises(DataError, match=message):
            work(sources, disk, records_folder=place / "records", options=OPTIONS)
