"""The measured cells that come with the package, and which of them are near."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.advice.contenders import CONTENDERS, FROZEN, Contender
from kerastransfer.advice.measured import cells
from kerastransfer.advice.measured.cells import MeasuredCell, Position
from kerastransfer.study import results

STUDY = Path(__file__).parents[3] / "docs" / "studies" / "modern"
HERE = Position(images_per_class=10, probe=0.8, cosine=0.3)


def cell(**changed):
    fields = {
        "dataset": "made up",
        "backbone": "efficientnet_lite0",
        "weights": "",
        "recipe": "FT1-7R8",
        "rate": 1e-4,
        "images_per_class": 10,
        "classes": 5,
        "draws": 2,
        "cosine": 0.3,
        "probe": 0.8,
        "gain": 0.05,
        "low": -0.01,
        "high": 0.11,
        "sd": 0.03,
    }
    return MeasuredCell(**{**fields, **changed})


def test_the_cells_that_come_along_are_sound():
    read = cells.read()
    assert read
    for each in read:
        assert each.images_per_class >= 1 and each.classes >= 2 and each.draws >= 1
        assert 0 <= each.cosine <= 1 and 0 <= each.probe <= 1
        assert -1 <= each.low <= each.gain <= each.high <= 1
        assert 0 <= each.sd < 0.2 and 0 < each.rate < 1
        assert each.recipe != FROZEN.recipe
        assert "/" not in each.dataset  # no place of a machine
    keys = [(c.dataset, c.backbone, c.recipe, c.rate, c.images_per_class) for c in read]
    assert len(set(keys)) == len(keys)


def test_the_cells_are_those_of_the_study_that_is_committed():
    rows = [row for row in results.read(STUDY) if row["status"] == "finished"]

    def accuracies(dataset, number, recipe, rate=None):
        return {
            row["draw"]: row["accuracy"]
            for row in rows
            if (row["dataset"], row["images_per_class"]) == (dataset, number)
            and row["recipe"] == recipe
            and (rate is None or row["rate"] == rate)
        }

    for each in cells.read():
        place = each.dataset, each.images_per_class
        tuned = accuracies(*place, each.recipe, each.rate)
        frozen = accuracies(*place, FROZEN.recipe)
        draws = tuned.keys() & frozen.keys()
        gain = np.mean([tuned[draw] - frozen[draw] for draw in draws])
        assert each.draws == len(draws), each
        assert each.gain == pytest.approx(gain, abs=6e-5), each


def test_cells_whose_runs_are_gone_stay_as_they_are(monkeypatch):
    """The committed study has no runs, so all cells are those of the table."""
    monkeypatch.syspath_prepend(str(STUDY.parents[2] / "tools"))
    import measured_cells

    rows = [MeasuredCell(**row) for row in measured_cells.rows(STUDY)]
    assert sorted(map(str, rows)) == sorted(map(str, cells.read()))
    assert {*rows} == {*cells.read()}
    others = [dataclasses.replace(each, gain=each.gain + 2e-4) for each in rows]
    monkeypatch.setattr(cells, "read", lambda: tuple(others))
    with pytest.raises(SystemExit, match="with the same gain"):
        list(measured_cells.rows(STUDY))


def test_every_contender_that_tunes_at_one_rate_was_measured():
    read = cells.read()
    for contender in CONTENDERS:
        if len(contender.rates) == 1:
            assert any(cell.is_of(contender) for cell in read), contender


def test_a_cell_is_of_the_contender_with_its_recipe_and_last_rate():
    assert cell().is_of(Contender("FT1-7R8", (1e-4,)))
    assert not cell().is_of(Contender("FT1-7R8", (5e-4,)))
    assert not cell().is_of(FROZEN)
    both = cell(recipe="F1-7R8+FT1-8")
    assert both.is_of(Contender("F1-7R8+FT1-8", (2e-3, 1e-4)))


def test_the_same_numbers_are_no_distance_apart_and_each_difference_counts():
    assert cells.likeness(cell(), HERE) == 0
    assert cells.likeness(cell(images_per_class=40), HERE) == pytest.approx(1)
    odds = cell(probe=0.8 * 2.718281828 / (0.2 + 0.8 * 2.718281828))
    assert cells.likeness(odds, HERE) == pytest.approx(1)
    assert cells.likeness(cell(cosine=0.5), HERE) == pytest.approx(1)
    unknown = dataclasses.replace(HERE, cosine=None)
    assert cells.likeness(cell(cosine=0.5), unknown) == 0
    both = cell(cosine=0.5, images_per_class=40)
    assert cells.likeness(both, HERE) == pytest.approx(2**0.5)


@pytest.mark.parametrize("probe", [0.0, 1.0])
def test_a_probe_that_is_never_wrong_or_right_has_a_place(probe):
    far = cells.likeness(cell(), dataclasses.replace(HERE, probe=probe))
    assert cells.FAR < far < 20


def test_the_nearest_come_first_and_nothing_that_is_far():
    several = [
        cell(dataset="far", images_per_class=1000),
        cell(dataset="second", images_per_class=20),
        cell(dataset="first"),
    ]
    nearest = cells.nearest(several, HERE)
    assert [each.dataset for each in nearest] == ["first", "second"]
    (one,) = cells.nearest(several, HERE, most=1)
    assert one.dataset == "first"
    assert cells.nearest([], HERE) == []


def test_a_cell_is_told_with_its_interval():
    assert str(cell()) == (
        "made up, 10 images a class, distance 0.30: FT1-7R8 at 0.0001 "
        "+5.0 points (-1.0 to +11.0)"
    )
    assert dataclasses.asdict(cell())["gain"] == 0.05
