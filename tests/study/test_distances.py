"""Distances of a study: measured once, whatever fails, and read with care."""

import json
import math

import pytest

import kerastransfer as kt
from kerastransfer.datasets.table import resolve
from kerastransfer.distances.distance_table import Distances
from kerastransfer.distances.measure import MeasuredDistance
from kerastransfer.errors import DataError, MissingError, Terminated
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.study import distances
from kerastransfer.study.distances import DISTANCES, Measuring
from kerastransfer.study.work import Work

COSINE = Estimate(value=0.3, low=0.28, high=0.33, n=300, method="bootstrap")
SVM = Estimate(value=0.9, low=0.88, high=math.nan, n=600, method="repeats")
DIGITS, CORAL = resolve("digits"), resolve("coral")
BOTH = [(DIGITS, "efficientnet_lite0"), (CORAL, "alexnet")]


def measured(value=None, missing=""):
    return MeasuredDistance(
        value=value, missing=missing, baseline=None, baseline_of="", seconds=0.1
    )


class Between:
    """Stands for the measurement: coral has no source, and digits has a distance."""

    def __init__(self):
        self.calls = []

    def __call__(self, target, source, **options):
        self.calls.append((target.name, options))
        if target.name == "coral":
            raise MissingError("Expected archives.")
        metrics = {"cosine": measured({"plug_in": 1, "corrected": COSINE.as_dict()})}
        if source is not None:
            metrics["svm"] = measured({"accuracy": SVM.as_dict(), "a_distance": {}})
        metrics["mmd"] = measured(missing="needs source images")
        return Distances(
            backbone=options["backbone"],
            source="web",
            target=target.name,
            target_images=300,
            metrics=metrics,
        )


@pytest.fixture
def between(monkeypatch):
    stand_in = Between()
    monkeypatch.setattr("kerastransfer.distances.between.between", stand_in)
    return stand_in


def test_each_dataset_is_measured_once_and_a_failure_is_tried_again(between, tmp_path):
    distances.keep(tmp_path, BOTH[::-1], Measuring())
    coral, digits = distances.read(tmp_path)
    assert (coral.error, coral.metrics) == ("Expected archives.", {})
    assert (digits.dataset, digits.backbone) == ("digits", BOTH[0][1])
    assert digits.metrics == {"cosine": COSINE}
    assert digits.missing == {"mmd": "needs source images"}
    written = (tmp_path / DISTANCES).read_bytes()
    distances.keep(tmp_path, BOTH, Measuring())
    assert [name for name, _ in between.calls] == ["coral", "digits", "coral"]
    assert (tmp_path / DISTANCES).read_bytes() == written


def test_what_was_measured_before_an_interruption_stays(between, tmp_path, monkeypatch):
    def stopped(target, *given, **options):
        if target.name == "coral":
            raise Terminated(143)
        return between(target, *given, **options)

    monkeypatch.setattr("kerastransfer.distances.between.between", stopped)
    with pytest.raises(Terminated):
        distances.keep(tmp_path, BOTH, Measuring())
    assert [entry.dataset for entry in distances.read(tmp_path)] == ["digits"]


def test_source_images_give_all_four_and_another_source_measures_anew(
    between, tmp_path
):
    distances.keep(tmp_path, BOTH[:1], Measuring())
    distances.keep(tmp_path, BOTH[:1], Measuring(source=CORAL, fit="pad"))
    asked = [options["metrics"] for _, options in between.calls]
    assert asked == [("cosine", "mmd"), ("cosine", "mmd", "svm", "cnn")]
    assert between.calls[1][1]["pretraining_source"] is True
    [entry] = distances.read(tmp_path)
    assert (entry.source, entry.fit) == ("coral", "pad")
    # An end that there is none of is null in the file, for JSON has no NaN.
    assert math.isnan(entry.metrics["svm"].high)
    assert entry.metrics["svm"].low == SVM.low


def test_a_damaged_file_is_refused_and_a_study_measures_again(
    between, tmp_path, capsys
):
    assert distances.read(tmp_path) == []
    distances.keep(tmp_path, BOTH[:1], Measuring())
    path = tmp_path / DISTANCES
    sound = json.loads(path.read_text())

    def with_cosine(**fields):
        [entry] = sound["datasets"]
        cosine = {**entry["metrics"]["cosine"], **fields}
        return {"datasets": [{**entry, "metrics": {"cosine": cosine}}]}

    for damaged in (
        {},
        {"datasets": {}},
        {"datasets": [{}]},
        {"datasets": [{**sound["datasets"][0], "error": 3}]},
        {"datasets": [{**sound["datasets"][0], "metrics": []}]},
        {"datasets": [{**sound["datasets"][0], "missing": {"svm": 1}}]},
        with_cosine(value=None),
        with_cosine(value="0.3"),
        with_cosine(low=True),
        with_cosine(n=0.5),
        with_cosine(other=1),
    ):
        path.write_text(json.dumps(damaged))
        with pytest.raises(DataError, match="delete that file, and 'kerastransfer"):
            distances.read(tmp_path)
    path.write_text("{")
    distances.keep(tmp_path, BOTH[:1], Measuring())
    assert "It is measured again" in capsys.readouterr().err
    assert distances.read(tmp_path)[0].metrics == {"cosine": COSINE}


def test_a_backbone_that_tells_nothing_of_its_source_has_the_reason():
    """AlexNet's last blocks hold no batch norm; found before anything is loaded."""
    entry = Measuring().measure(DIGITS, "alexnet")
    assert "block 7 has no batch norm" in entry.error and entry.metrics == {}


@pytest.fixture
def untrained(monkeypatch):
    """Studies whose runs all fail at once: what is tested comes after them."""

    def fail(self, cell):
        return self.failed(cell, "not trained")

    monkeypatch.setattr(Work, "__call__", fail)


def test_a_study_measures_after_its_runs_and_can_be_kept_from_it(
    between, untrained, tmp_path, capsys
):
    grid = {"recipes": ["F1-7R8"], "images_per_class": [2], "fit": "squash"}
    kt.study(["digits"], **grid, out=tmp_path, distances=False)
    kt.study(["digits"], **grid, out=tmp_path, time_limit=-1)
    assert distances.read(tmp_path) == [] == between.calls
    kt.study(["digits"], **grid, out=tmp_path)
    assert capsys.readouterr().err.endswith("cosine 0.3, needs source images\n")
    [(name, options)] = between.calls
    assert (name, options["fit"], options["backbone"]) == (
        "digits",
        "squash",
        "efficientnet_lite0",
    )
    kt.study(["digits"], **grid, out=tmp_path, source="coral")
    assert distances.read(tmp_path)[0].source == "coral"
