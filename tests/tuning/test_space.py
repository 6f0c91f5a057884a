"""What may vary, and what a point of it means."""

import dataclasses

import pytest

from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.tuning.space import Space

FACTS = DataSummary(records="r", weights="w", num_images=500, mirror=True)
BASE = {"dataset": "digits", "backbone": "efficientnet_lite0"}


def make(*recipes, facts=FACTS, **chosen):
    return Space(recipes=recipes, chosen={**BASE, **chosen}, summary=facts)


def names(space):
    return [each.name for each in space.declare().space]


@pytest.mark.parametrize("recipe", ["F1-7R8", "FT1-7R8", "F1-7R8+FT1-8", "FT1-8+FT1-8"])
@pytest.mark.parametrize("preset", ["default", "caffe"])
def test_the_middle_of_the_space_is_what_train_does_by_default(recipe, preset):
    space = make(recipe, preset=preset)
    values = space.declare().values
    assert space.config(values) == resolve(
        {**BASE, "recipe": recipe, "preset": preset}, FACTS
    )


def test_the_middle_is_the_transformers_where_the_network_is_one():
    facts = dataclasses.replace(FACTS, transformer=True)
    space = make("F1-5FT6-7R8", facts=facts)
    values = space.declare().values
    assert values["weight_decay"] == 0.05
    assert values["F1-5FT6-7R8: learning_rate of F1-5FT6-7R8"] == 2e-4
    made = space.config(values)
    assert made == resolve({**BASE, "recipe": "F1-5FT6-7R8"}, facts)
    assert (made.preset, made.warmup) == ("transformer", 0.1)


def test_rates_belong_to_a_recipe():
    space = make("F1-7R8", "F1-7R8+FT1-8")
    hp = space.declare()
    assert hp.values["recipe"] == "F1-7R8"
    assert hp.is_active("F1-7R8: learning_rate of F1-7R8")
    assert not hp.is_active("F1-7R8+FT1-8: learning_rate of FT1-8")
    hp.values["recipe"] = "F1-7R8+FT1-8"
    assert hp.is_active("F1-7R8+FT1-8: learning_rate of FT1-8")


def test_what_the_user_set_does_not_vary():
    fixed = {
        "learning_rate": (0.01,),
        "weight_decay": 0.0,
        "epochs": (7,),
        "views": 2,
        "batch_size": 8,
    }
    space = make("F1-7R8", "F1-7R8+FT1-8", **fixed)
    assert names(space) == ["recipe"]
    config = space.config({"recipe": "F1-7R8+FT1-8"})
    assert config.learning_rate == (0.01, 0.01)
    assert config.epochs == (7, 7)
    assert (config.weight_decay, config.views, config.batch_size) == (0.0, 2, 8)


def test_a_factor_slows_the_tuned_blocks_of_a_mixed_phase_only():
    space = make("F1-5FT6-7R8", "FT1-8", "F1-3FT4@0.5R5-8")
    assert [name for name in names(space) if "factor" in name] == [
        "F1-5FT6-7R8: factor"
    ]
    values = space.declare().values | {"F1-5FT6-7R8: factor": 0.1}
    assert str(space.config(values).recipe) == "F1-5FT6-7@0.1R8"


def test_a_share_of_the_epochs_is_one_at_least():
    space = make("F1-7R8+FT1-8", epochs=(90, 2))
    values = space.declare().values
    assert space.config(values, 1 / 9).epochs == (10, 1)
    assert space.config(values).epochs == (90, 2)


def test_mirrored_views_only_where_a_mirror_image_keeps_its_class():
    def most(space):
        (found,) = (each for each in space.declare().space if each.name == "views")
        return found.values

    assert most(make("F1-7R8")) == [1, 2, 5, 10]
    assert most(make("F1-7R8", mirror=False)) == [1, 5]


def test_rates_are_rounded_to_what_can_be_told():
    space = make("F1-7R8")
    name = "F1-7R8: learning_rate of F1-7R8"
    values = space.declare().values | {name: 0.00123456}
    assert space.config(values).learning_rate == (0.00123,)
