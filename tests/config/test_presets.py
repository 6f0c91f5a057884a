"""Presets: rates by block, warm-up, and what a network gets that is a transformer."""

import dataclasses
import json

import pytest

from kerastransfer.backbones import table
from kerastransfer.config import preset_words
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.config.presets import PRESETS, usual
from kerastransfer.recipe import Recipe
from kerastransfer.surgery import plan

SUMMARY = DataSummary(records="r", weights="w", num_images=500, mirror=False)
TRANSFORMER = dataclasses.replace(SUMMARY, transformer=True)
CHOSEN = {"dataset": "digits", "backbone": "hub:dinov2_base", "recipe": "FT1-7R8"}
# Twelve layers, as ViT-B has, in seven blocks.
LAYERS = (1, 2, 2, 2, 2, 2, 1)
ALEXNET = table.get("alexnet")
VIT = dataclasses.replace(ALEXNET, transformer_layers=LAYERS)


def factors(text, backbone=VIT, preset="transformer"):
    """Factors of the blocks that a recipe of one phase trains, by block."""
    (phase,) = Recipe.parse(text).phases
    return {
        each.block: PRESETS[preset].factor_of(each.step, each.depth)
        for each in plan(phase, backbone, 10)
        if each.trained
    }


def test_rates_fall_by_layer_as_worked_by_hand():
    # Depths from the classifier: block 7 holds layer 12, of depth 1; block 6 layers 10
    # and 11, of depths 2 and 3, so 2.5; ...; block 1 layer 1, of depth 12.
    expected = [12, 10.5, 8.5, 6.5, 4.5, 2.5, 1]
    assert [VIT.depth(block) for block in range(1, 8)] == expected
    assert factors("FT1-7R8") == pytest.approx(
        {
            1: 0.031676,  # 0.75 ** 12
            2: 0.048768,
            3: 0.086698,
            4: 0.154130,
            5: 0.274009,
            6: 0.487139,  # 0.75 ** 2.5
            7: 0.75,
            8: 1.0,
        },
        rel=1e-4,
    )


def test_a_block_has_a_rate_between_those_of_its_layers():
    # MAE's and BEiT's scales: of layer i of L = 12, 0.75 ** (L + 1 - i), i from 1.
    scales = [0.75 ** (13 - layer) for layer in range(1, 13)]
    first = 0
    for block, held in enumerate(LAYERS, start=1):
        of_block = scales[first : first + held]
        factor = factors("FT1-7R8")[block]
        assert min(of_block) * 0.999 <= factor <= max(of_block) * 1.001
        first += held


def test_embeddings_alone_are_one_layer_below_the_first():
    vit = dataclasses.replace(ALEXNET, transformer_layers=(0, 2, 2, 2, 2, 2, 2))
    assert vit.depth(1) == 13  # MAE's layer 0 of 12 + 1


def test_halves_of_a_layer_have_its_rate():
    vit = dataclasses.replace(ALEXNET, transformer_layers=(1, 0, 1, 0, 1, 0, 0))
    assert [vit.depth(block) for block in range(1, 8)] == [3, 3, 2, 2, 1, 1, 1]


def test_a_factor_in_the_recipe_multiplies():
    assert factors("F1-5FT6@0.1FT7R8@3") == pytest.approx(
        {6: 0.1 * 0.75**2.5, 7: 0.75, 8: 3.0}
    )


def test_redrawn_blocks_are_not_slowed():
    assert factors("F1-5R6-8") == {6: 1.0, 7: 1.0, 8: 1.0}
    assert factors("F1-4FT5R6-8") == {5: 0.75**4.5, 6: 1.0, 7: 1.0, 8: 1.0}


def test_each_block_of_a_convolutional_network_is_a_layer():
    expected = {block: 0.75 ** (8 - block) for block in range(1, 9)}
    assert factors("FT1-8", ALEXNET) == pytest.approx(expected)


@pytest.mark.parametrize("preset", ["default", "caffe"])
def test_the_others_are_as_they_were(preset):
    assert PRESETS[preset].layer_factor == 1
    assert factors("FT1-8@0.3", preset=preset) == dict.fromkeys(range(1, 9), 0.3)
    redrawn = {"default": 1.0, "caffe": 10.0}[preset]
    assert factors("R1-8", preset=preset) == dict.fromkeys(range(1, 9), redrawn)
    for summary in (SUMMARY, TRANSFORMER):  # what is named is what counts
        made = resolve({**CHOSEN, "preset": preset}, summary)
        assert (made.warmup, made.clip_norm) == (0.0, 0.0)
        assert made.hash == resolve({**CHOSEN, "preset": preset}, SUMMARY).hash


# SHA-256 of configs that an earlier version made of these settings.
@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        ({"recipe": "F1-7R8+FT1-8"}, "e5b7daeccd538403"),
        ({"recipe": "FT1-7@0.1R8", "preset": "caffe"}, "b48b305cb3db912b"),
    ],
)
def test_configs_of_other_networks_keep_their_hashes(settings, digest):
    chosen = {"dataset": "digits", "backbone": "efficientnet_lite0", **settings}
    assert resolve(chosen, SUMMARY).hash.startswith(digest)


def test_a_transformer_has_its_own_defaults():
    made = resolve({**CHOSEN, "recipe": "F1-7R8+FT1-8"}, TRANSFORMER)
    assert made.preset == "transformer"
    assert made.learning_rate == (2e-3, 1e-4)
    assert (made.warmup, made.clip_norm, made.weight_decay) == (0.1, 1.0, 0.05)
    fields = json.loads(json.dumps(made.as_dict()))
    assert type(made).from_dict(fields) == made
    upper = resolve({**CHOSEN, "recipe": "F1-5FT6-7R8"}, TRANSFORMER)
    assert upper.learning_rate == (2e-4,)


@pytest.mark.parametrize("recipe", ["F1-7R8", "F1-7FT8", "F1-7R8+F1-7FT8"])
def test_a_classifier_alone_learns_as_on_other_networks(recipe):
    made = resolve({**CHOSEN, "recipe": recipe}, TRANSFORMER)
    other = resolve({**CHOSEN, "recipe": recipe}, SUMMARY)
    assert set(made.learning_rate) == {2e-3}
    assert dataclasses.replace(made, preset="default") == other


def test_what_the_user_sets_wins():
    settings = {
        "warmup": 0.0,
        "clip_norm": 0.0,
        "weight_decay": 0.0,
        "learning_rate": (3e-3,),
        "batch_size": 7,
    }
    made = resolve({**CHOSEN, **settings}, TRANSFORMER)
    assert made.preset == "transformer"
    assert {name: getattr(made, name) for name in settings} == settings


def test_the_networks_of_the_tables_are_no_transformers():
    assert not any(backbone.is_transformer for backbone in table.BACKBONES.values())
    assert (usual(transformer=False), usual(transformer=True)) == (
        "default",
        "transformer",
    )


@pytest.mark.parametrize("name", PRESETS)
def test_the_sentences_say_what_the_table_says(name):
    preset = PRESETS[name]
    text = "\n".join(preset_words.sentences(name, Recipe.parse("FT1-7R8"), 12))
    for number in (f"of {preset.batch_size}", f"decay {preset.weight_decay:g}"):
        assert f" {number}," in text
    assert ("rises over the first 10% of the steps" in text) == (preset.warmup > 0)
    assert ("norm of 1 at most" in text) == (preset.clip_norm > 0)
    assert ("multiplied by 0.75" in text) == (preset.layer_factor != 1)
    assert ("Re-drawn blocks learn 10 times" in text) == (preset.new_factor != 1)
    assert text.endswith(preset.origin)
    assert ("for a transformer of 12 layers" in text) == (name == "transformer")


def test_a_classifier_alone_is_said_to_have_no_warm_up():
    text = "\n".join(preset_words.sentences("transformer", Recipe.parse("F1-7R8"), 12))
    assert "rises" not in text and "norm of" not in text
