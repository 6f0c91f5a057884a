"""Trials on disk, and how they are ranked and compared."""

import dataclasses
import json

import pytest

from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError
from kerastransfer.evaluation.paired import compare
from kerastransfer.tuning import trials
from kerastransfer.tuning.trial_table import SearchResult, trial_table
from kerastransfer.tuning.trials import Trial

CONFIG = resolve(
    {"dataset": "digits", "backbone": "efficientnet_lite0", "recipe": "F1-7R8"},
    DataSummary(records="r", weights="w", num_images=500, mirror=False),
)


def make(number, wrong, **fields):
    options = {"nll": 0.5, "share": 1.0, "seconds": 2.0, "num_val": 40, **fields}
    return Trial(number=number, config=CONFIG, wrong=tuple(wrong), **options)


def test_what_is_written_is_read_best_first(tmp_path):
    found = [
        make(1, range(5)),
        make(2, range(3), nll=0.9),
        make(3, range(3), nll=0.2),
        make(4, [], share=1 / 3),  # cut short: it cannot be chosen
    ]
    for trial in found:
        trials.write(trial, tmp_path / f"trial_{trial.number:04}")
    assert [trial.number for trial in trials.read(tmp_path)] == [3, 2, 1, 4]
    assert trials.find(tmp_path / "trial_0001") == found[0]
    assert trials.find(tmp_path / "trial_0009") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {}, "wrong": []}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "trial_0001" / "trial_result.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InputError, match=r"Expected a trial in .*trial_result.json"):
        trials.read(tmp_path)


def test_trials_are_compared_image_by_image():
    first, second = make(1, [0, 1, 2]), make(2, [2, *range(10, 30)])
    right = [[int(i not in each.wrong) for i in range(40)] for each in (first, second)]
    assert first.compare(second) == compare([1] * 40, *right)
    assert first.accuracy.value == 37 / 40
    assert first.compare(second).verdict == "first is better"


def test_the_table_has_intervals_and_marks_what_is_worse_on_these_images():
    first, near, far = make(1, [0]), make(2, [1, 2]), make(3, range(20))
    lines = trial_table([first, near, far]).splitlines()
    assert "97.5 % (87.1 to 99.6)" in lines[1]
    assert not lines[2].endswith("*") and "2.5 (" in lines[2]
    assert "47.5 (" in lines[3] and " *" in lines[3]
    assert "on these validation images, on which the first was chosen" in lines[-1]
    assert "validation images, on" not in trial_table([first])  # no comparison
    many = [dataclasses.replace(first, number=n) for n in range(1, 31)]
    assert "\nand 10 more trials\n" in trial_table(many)


def test_a_search_prints_as_its_table(tmp_path):
    search = SearchResult(tmp_path, (make(1, [0]), make(2, [1, 2])))
    assert search.best.number == 1
    assert str(search) == trial_table(list(search.trials))
    assert str(search).splitlines()[1] in search._repr_html_()
    fields = search.as_dict()
    assert fields["folder"] == str(tmp_path)
    assert json.loads(json.dumps(fields))["trials"][0]["number"] == 1
