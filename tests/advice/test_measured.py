"""The measured cells that come with the package, and which of them are near."""

import dataclasses

import pytest

from kerastransfer.advice import measured
from kerastransfer.advice.measured import MeasuredCell


def cell(**changed):
    fields = {
        "dataset": "made up",
        "backbone": "efficientnet_lite0",
        "recipe": "FT1-7R8",
        "images_per_class": 10,
        "classes": 5,
        "draws": 2,
        "cosine": 0.3,
        "probe": 0.8,
        "gain": 0.05,
        "low": -0.01,
        "high": 0.11,
    }
    return MeasuredCell(**{**fields, **changed})


def test_the_cells_that_come_along_are_sound():
    cells = measured.read()
    assert cells
    for each in cells:
        assert each.images_per_class >= 1 and each.classes >= 2 and each.draws >= 1
        assert 0 <= each.cosine <= 1 and 0 <= each.probe <= 1
        assert -1 <= each.low <= each.gain <= each.high <= 1
        assert each.recipe != "F1-7R8"
        assert "/" not in each.dataset  # no place of a machine
    keys = [(c.dataset, c.backbone, c.recipe, c.images_per_class) for c in cells]
    assert len(set(keys)) == len(keys)


def test_the_same_numbers_are_no_distance_apart_and_each_difference_counts():
    here = {"images_per_class": 10, "probe": 0.8, "cosine": 0.3}
    assert measured.likeness(cell(), **here) == 0
    assert measured.likeness(cell(images_per_class=40), **here) == pytest.approx(1)
    odds = cell(probe=0.8 * 2.718281828 / (0.2 + 0.8 * 2.718281828))
    assert measured.likeness(odds, **here) == pytest.approx(1)
    assert measured.likeness(cell(cosine=0.5), **here) == pytest.approx(1)
    assert measured.likeness(cell(cosine=0.5), **{**here, "cosine": None}) == 0
    both = cell(cosine=0.5, images_per_class=40)
    assert measured.likeness(both, **here) == pytest.approx(2**0.5)


@pytest.mark.parametrize("probe", [0.0, 1.0])
def test_a_probe_that_is_never_wrong_or_right_has_a_place(probe):
    far = measured.likeness(cell(), images_per_class=10, probe=probe, cosine=0.3)
    assert measured.FAR < far < 20


def test_the_nearest_come_first_and_nothing_that_is_far_or_of_another_network():
    cells = [
        cell(dataset="far", images_per_class=1000),
        cell(dataset="second", images_per_class=20),
        cell(dataset="first"),
        cell(dataset="other", backbone="alexnet"),
    ]
    question = {"images_per_class": 10, "probe": 0.8, "cosine": 0.3}
    nearest = measured.nearest(cells, backbone="efficientnet_lite0", **question)
    assert [each.dataset for each in nearest] == ["first", "second"]
    (one,) = measured.nearest(cells, backbone="efficientnet_lite0", most=1, **question)
    assert one.dataset == "first"
    assert measured.nearest(cells, backbone="vit", **question) == []


def test_a_cell_is_told_with_its_interval():
    assert str(cell()) == (
        "made up, 10 images a class, distance 0.30, plain classifier 80 %: FT1-7R8 "
        "+5.0 points (-1.0 to +11.0)"
    )
    assert dataclasses.asdict(cell())["gain"] == 0.05
