"""A run on grouped images: its accuracy where training saw nothing of a group."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers import miniature
from PIL import Image

from kerastransfer.backbones import table
from kerastransfer.config.run_options import RunOptions
from kerastransfer.datasets.table import resolve
from kerastransfer.evaluation.unseen_groups import measure
from kerastransfer.records.find import find_or_convert
from kerastransfer.runs import finished, start
from kerastransfer.runs.sources import Sources


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of images in three shades, by samples; every third image has no sample."""
    place = tmp_path_factory.mktemp("grouped")
    rng, rows = np.random.default_rng(0), ["path,label,sample"]
    for label, name in enumerate(miniature.CLASSES):
        for number in range(28):
            pixels = rng.integers(60 * label, 60 * label + 130, (20, 24, 3), np.uint8)
            path = f"{name}{number:02}.png"
            Image.fromarray(pixels).save(place / path)
            sample = f"s{label}{number // 4}" if number % 3 else ""
            rows.append(f"{path},{name},{sample}")
    (place / "list.csv").write_text("\n".join(rows) + "\n")
    dataset = resolve(f"csv:{place}/list.csv", options={"group_by": "sample"})
    sources = Sources(
        dataset=dataset,
        settings={
            "dataset": dataset.spec,
            "backbone": "miniature",
            "recipe": "F1-6R7-8",
            "batch_size": 8,
            "epochs": (3,),
            "learning_rate": (0.02,),
        },
        backbone=miniature.BACKBONE,
        weights=miniature.source_weights(),
        mean_image=None,
        hashes={"weights": "w" * 64, "mean_image": ""},
    )
    options = RunOptions(cache="off", probe=False, export=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.BACKBONES, "miniature", miniature.BACKBONE)
        patch.setenv("KERASTRANSFER_HOME", str(place / "home"))
        yield start.train(
            sources, place / "runs", records_folder=place / "records", options=options
        )


def records_of(run):
    place = run.folder.parents[1]
    return find_or_convert(resolve(run.config.dataset), place / "records")


def test_it_is_what_the_table_of_answers_says(run):
    rows = pd.read_csv(run.folder / "predictions" / "test.csv", keep_default_na=False)
    right = rows["true"] == rows["predicted"]
    expected = measure(right, rows["group"].tolist(), seen=())
    assert run.test.unseen_groups == expected
    assert (
        expected.unseen
        == expected.groups
        == rows["group"][rows["group"] != ""].nunique()
    )
    assert expected.ungrouped == (rows["group"] == "").sum() > 0
    assert expected.accuracy.n == (rows["group"] != "").sum()
    stored = json.loads((run.folder / "result.json").read_text())
    assert stored["test"]["unseen_groups"]["accuracy"]["n"] == expected.accuracy.n
    assert "unseen_groups" in stored["val"]
    assert "groups unseen in training; " in str(run)


def test_images_of_the_training_set_are_of_groups_that_were_seen(run):
    records = records_of(run)
    assert run.evaluate("test", records).unseen_groups == run.test.unseen_groups
    measured = run.evaluate("train", records)
    assert measured.unseen_groups.accuracy is None
    assert measured.unseen_groups.unseen == 0
    assert "groups are in training too" in str(measured)


def test_a_result_from_before_has_none_and_is_read(run):
    path = run.folder / "result.json"
    text = path.read_text()
    result = json.loads(text)
    for split in ("test", "val"):
        del result[split]["unseen_groups"]
    path.write_text(json.dumps(result))
    try:
        old = finished.read(run.folder, ignore_seal=True)
        assert old.test.unseen_groups is None and "unseen" not in str(old)
        assert old.test.accuracy == run.test.accuracy
    finally:
        path.write_text(text)
