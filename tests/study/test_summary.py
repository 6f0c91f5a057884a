"""What a study's table says, on tables written by hand."""

import pytest

from kerastransfer.study import results
from kerastransfer.study.rates import CHOSEN
from kerastransfer.study.summary import summarise


def row(recipe, rate, draw, accuracy, val):
    return dict.fromkeys(results.COLUMNS) | {
        "dataset": "birds",
        "backbone": "lite",
        "images_per_class": 3,
        "status": "finished",
        "seed": 0,
        "recipe": recipe,
        "rate": rate,
        "draw": draw,
        "accuracy": accuracy,
        "val_accuracy": val,
    }


def rows(recipe, rate, accuracies, val):
    """Return a row for each draw."""
    pairs = zip(accuracies, val, strict=True)
    return [row(recipe, rate, draw, *pair) for draw, pair in enumerate(pairs)]


FROZEN = rows("F1-7R8", 1e-3, (0.7, 0.7, 0.7), (0.7, 0.7, 0.7))
# Validation is right about draws 0 and 1, and misled about draw 2.
TUNED = [
    *rows("FT1-7R8", 5e-4, (0.6, 0.8, 0.5), (0.6, 0.8, 0.9)),
    *rows("FT1-7R8", 1e-4, (0.9, 0.7, 0.9), (0.9, 0.7, 0.8)),
]


def test_a_rate_is_chosen_on_validation_for_each_draw():
    summary = summarise([*FROZEN, *TUNED])
    means = {each.recipe: each.accuracy.value for each in summary.means}
    assert means == {
        ("F1-7R8", 1e-3): pytest.approx(0.7),
        ("FT1-7R8", 5e-4): pytest.approx(1.9 / 3),
        ("FT1-7R8", 1e-4): pytest.approx(2.5 / 3),
        ("FT1-7R8", CHOSEN): pytest.approx((0.9 + 0.8 + 0.5) / 3),
    }
    assert "FT1-7R8, the rate chosen on validation" in str(summary)


def test_only_the_chosen_rate_is_compared():
    (compared,) = summarise([*FROZEN, *TUNED]).comparisons
    assert (compared.first, compared.second) == (("FT1-7R8", CHOSEN), ("F1-7R8", 1e-3))
    assert compared.result.difference.value == pytest.approx(2.2 / 3 - 0.7)


def test_one_rate_is_no_choice():
    summary = summarise([*FROZEN, *TUNED[:3]])
    assert {each.recipe for each in summary.means} == {
        ("F1-7R8", 1e-3),
        ("FT1-7R8", 5e-4),
    }
    (compared,) = summary.comparisons
    assert compared.first == ("FT1-7R8", 5e-4)


def test_of_rates_that_validate_alike_the_lowest_is_taken():
    tied = [
        *rows("FT1-7R8", 5e-4, (0.5,), (0.8,)),
        *rows("FT1-7R8", 1e-4, (0.9,), (0.8,)),
    ]
    chosen = [each for each in summarise(tied).means if each.recipe[1] == CHOSEN]
    assert [each.accuracy.value for each in chosen] == [0.9]
