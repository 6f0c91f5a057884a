"""Recipes applied: what each block does, and which weights it starts from."""

import numpy as np
import pytest
from helpers import miniature

from kerastransfer import surgery
from kerastransfer.backbones import table
from kerastransfer.errors import WeightsError
from kerastransfer.recipe import Recipe

LITE0 = table.get("efficientnet_lite0")


def first(text: str):
    return Recipe.parse(text).phases[0]


def test_the_plan_of_a_mixed_recipe():
    plans = surgery.plan(first("F1-3FT4-6@0.1R7-8"), LITE0, num_classes=10)
    assert [plan.training for plan in plans] == [False] * 6 + [True] * 2
    assert [plan.batch_norm for plan in plans] == (
        ["frozen"] * 3 + ["statistics kept"] * 3 + ["batch statistics", ""]
    )
    assert [plan.step.factor for plan in plans] == [1] * 3 + [0.1] * 3 + [1] * 2
    assert plans[7].dropout == "rate 0.2"
    assert plans[7].trained == 1281 * 10
    assert sum(plan.trained for plan in plans[:3]) == 0


def test_adapting_moves_the_statistics_of_fine_tuned_blocks_only():
    plans = surgery.plan(first("F1-3FT4-7R8"), LITE0, 10, "adapt")
    assert [plan.training for plan in plans] == [False] * 3 + [True] * 5


def test_a_frozen_block_drops_nothing():
    plans = surgery.plan(first("FT1-5F6-7R8"), miniature.BACKBONE, 3)
    assert [plan.dropout for plan in plans[5:]] == ["off", "off", "rate 0.1"]
    assert [plan.training for plan in plans[5:]] == [False, False, True]


def test_dropout_stays_on_in_a_tuned_block_whose_norms_are_kept():
    plans = surgery.plan(first("FT1-7R8"), miniature.BACKBONE, 3)
    assert [plan.training for plan in plans] == [False] * 5 + [True] * 3


def test_kept_blocks_hold_the_source_and_the_others_do_not():
    source = miniature.source_weights()
    network = surgery.draw(first("F1-2FT3-6R7-8"), miniature.BACKBONE, 3, 1, source)
    twin = miniature.build(3, 1)
    for number in range(1, 9):
        kept = number <= 6
        for name, weight in network.snapshot(number).items():
            expected = source[name] if kept else twin.snapshot(number)[name]
            np.testing.assert_array_equal(weight, expected, err_msg=name)
            if kept and "beta" not in name and "bias" not in name:
                assert not np.array_equal(weight, twin.snapshot(number)[name]), name


def test_a_later_phase_draws_other_weights_than_the_first():
    network = surgery.draw(first("R1-8"), miniature.BACKBONE, 3, 1, {})
    before = {number: network.snapshot(number) for number in (7, 8)}
    surgery.redraw(network, first("F1-7R8"), miniature.BACKBONE, 3, seed=2)
    np.testing.assert_array_equal(
        before[7]["fc7/kernel"], network.snapshot(7)["fc7/kernel"]
    )
    assert not np.array_equal(
        before[8]["fc8/kernel"], network.snapshot(8)["fc8/kernel"]
    )


def test_a_missing_weight_is_named_and_nothing_is_set():
    source = miniature.source_weights()
    del source["bn4/beta"]
    with pytest.raises(WeightsError, match="'bn4/beta', which is missing"):
        surgery.draw(first("F1-7R8"), miniature.BACKBONE, 3, 1, source)
    source = miniature.source_weights()
    source["fc6/kernel"] = np.zeros((4, 5), np.float32)
    with pytest.raises(WeightsError, match=r"'fc6/kernel' of shape \(4, 12\)"):
        surgery.draw(first("F1-7R8"), miniature.BACKBONE, 3, 1, source)


@pytest.mark.parametrize(
    ("recipe", "cut"), [("F1-7R8", 7), ("F1-3R4-8", 3), ("FT1-7R8", 0), ("F1-8", 7)]
)
def test_the_frozen_prefix_leaves_the_classifier_out(recipe, cut):
    assert surgery.frozen_prefix(first(recipe)) == cut
