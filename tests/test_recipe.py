import itertools
import math
import random
import re

import pytest

from kerastransfer.errors import InputError, RecipeError
from kerastransfer.recipe import NUM_BLOCKS, Action, Phase, Recipe, Step

FREEZE, TUNE, REDRAW = Step(Action.FREEZE), Step(Action.FINE_TUNE), Step(Action.REDRAW)
HEAD_ONLY = (FREEZE,) * 7 + (REDRAW,)


def only_phase(text):
    (phase,) = Recipe.parse(text).phases
    return phase.steps


def test_every_recipe_of_one_phase_survives_str_and_parse():
    texts = set()
    for actions in itertools.product(Action, repeat=NUM_BLOCKS):
        recipe = Recipe((Phase(tuple(Step(action) for action in actions)),))
        assert Recipe.parse(str(recipe)) == recipe
        texts.add(str(recipe))
    assert len(texts) == 3**8 == 6_561


@pytest.mark.parametrize(
    "factor",
    [0.1, 0.5, 2.0, 10.0, 1 / 3, 1e-5, 1e16, 5e-324, 1.7976931348623157e308, 123.456],
)
def test_every_factor_survives_str_and_parse_bit_for_bit(factor):
    steps = (FREEZE,) * 3 + (Step(Action.FINE_TUNE, factor),) * 4 + (REDRAW,)
    recipe = Recipe((Phase(steps), Phase((TUNE,) * 8)))
    assert Recipe.parse(str(recipe)) == recipe


def test_random_recipes_of_several_phases_survive_str_and_parse():
    draw = random.Random(7)
    for _ in range(500):
        phases = []
        for _ in range(draw.randint(1, 4)):
            steps = []
            for _ in range(NUM_BLOCKS):
                action = draw.choice(list(Action))
                free = action is not Action.FREEZE
                steps.append(Step(action, draw.choice([1, 0.1, 3.7]) if free else 1))
            phases.append(Phase(tuple(steps)))
        assert Recipe.parse(str(Recipe(tuple(phases)))) == Recipe(tuple(phases))


def test_the_steps_are_what_the_text_says():
    assert only_phase("F1-3FT4-7@0.1R8") == (
        *(FREEZE,) * 3,
        *(Step(Action.FINE_TUNE, 0.1),) * 4,
        REDRAW,
    )
    assert only_phase("F1-7R8") == HEAD_ONLY
    assert only_phase("FT1-8") == (TUNE,) * 8


def test_phases_keep_their_order():
    first, second = Recipe.parse("F1-7R8+FT1-8").phases
    assert first.steps == HEAD_ONLY
    assert second.steps == (TUNE,) * 8


@pytest.mark.parametrize(
    "text",
    [
        "F1-7R8",
        "f1-7r8",
        "F(1-7) R(8)",
        "(F1-7)(R8)",
        "[F1-7] [R8]",
        "  F 1 - 7\tR 8\n",
        "F1-4F5-7R8",
        "F1F2F3F4F5F6F7R8",
        "F1-1F2-7R8-8",
        "F01-07R08",
        "F1-7R8@1",
        "F1-7R8@1.0",
        "F1-7R8@01",
    ],
)
def test_other_spellings_read_as_the_same_recipe(text):
    assert str(Recipe.parse(text)) == "F1-7R8"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("t1-7 r8", "FT1-7R8"),
        ("T1FT2T3-7R8", "FT1-7R8"),
        ("FT1-7@.1R8@10.", "FT1-7@0.1R8@10"),
        ("ft1-7@1e-1r8@1E+1", "FT1-7@0.1R8@10"),
        ("FT1@0.1FT2@0.1FT3-8", "FT1-2@0.1FT3-8"),
        ("f1-7r8 + t1-8", "F1-7R8+FT1-8"),
        ("(F1-7R8)+(FT1-8)", "F1-7R8+FT1-8"),
    ],
)
def test_str_is_canonical(text, canonical):
    assert str(Recipe.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # two captions of the study's poster that cannot be meant as printed
        ("FT1-5R4-8", "expected block 6 next, but 'R4-8' names block 4 again."),
        ("FT1-3R8", "expected block 4 next, but 'R8' leaves out blocks 4-7."),
        ("F1R3-8", "expected block 2 next, but 'R3-8' leaves out block 2."),
        ("R8", "expected block 1 next, but 'R8' leaves out blocks 1-7."),
        ("F1-3R4-7", "expected block 8 next, for a phase names each of the 8 blocks "
         "once, got the end (after 'F1-3R4-7')."),
        ("F1-3+FT1-8", "expected block 4 next, for a phase names each of the 8 blocks "
         "once, got '+FT1-8' (after 'F1-3')."),
        ("F1-7R8+", "expected block 1 next, for a phase names each of the 8 blocks "
         "once, got the end (after 'F1-7R8+')."),
        ("+F1-7R8", "expected block 1 next, for a phase names each of the 8 blocks "
         "once, got '+F1-7R8'."),
        ("F1-7R8R8", "expected '+' or the end, for all 8 blocks are named, got 'R8'."),
        ("F1-7R8,", "expected '+' and another phase, or the end, got ',' "
         "(after 'F1-7R8')."),
        ("F7-1R8", "expected a range that rises, got 'F7-1'."),
        ("X1-7R8", "expected F, FT or R for block 1, got 'X1-7R8'."),
        ("F1-7,R8", "expected F, FT or R for block 8, got ',R8' (after 'F1-7')."),
        ("FR8", "expected a block number (1 to 8), got 'R8' (after 'F')."),
        ("F1-7R", "expected a block number (1 to 8), got the end (after 'F1-7R')."),
        ("F1-R8", "expected the range's last block (1 to 8), got 'R8' (after 'F1-')."),
        ("F0-7R8", "expected a block number from 1 to 8, got '0' (after 'F')."),
        ("F1-9", "expected the range's last block from 1 to 8, got '9' (after 'F1-')."),
        ("F1-78", "expected the range's last block from 1 to 8, got '78' "
         "(after 'F1-')."),
        ("F1-7R8@", "expected a learning-rate factor such as 0.1 after '@', got the "
         "end (after 'F1-7R8@')."),
        ("F1-7R8@-1", "expected a learning-rate factor such as 0.1 after '@', got '-1' "
         "(after 'F1-7R8@')."),
        ("F1-7R8@nan", "expected a learning-rate factor such as 0.1 after '@', got "
         "'NAN' (after 'F1-7R8@')."),
        ("F1-7R8@0", "expected a finite factor above 0 (F freezes), got '0' "
         "(after 'F1-7R8@')."),
        ("F1-7R8@1e999", "expected a finite factor above 0 (F freezes), got '1E999' "
         "(after 'F1-7R8@')."),
        ("F1-7R8@1e-999", "expected a finite factor above 0 (F freezes), got '1E-999' "
         "(after 'F1-7R8@')."),
        ("F1-7@0.1R8", "expected no '@', for a frozen block has no learning rate, got "
         "'0.1R8' (after 'F1-7@')."),
    ],
)  # fmt: skip
def test_parse_says_what_is_wrong(text, message):
    whole = re.escape(f"Recipe {text!r}: {message}") + "$"
    with pytest.raises(RecipeError, match=whole):
        Recipe.parse(text)


@pytest.mark.parametrize("text", ["", "  ", "()"])
def test_an_empty_recipe_is_explained(text):
    with pytest.raises(RecipeError, match=r"^Expected a recipe such as 'F1-7R8' \(F "):
        Recipe.parse(text)


@pytest.mark.parametrize(
    "number", ["0000000019999999999", "0" * 9 + "18", "0" * 8 + "1" * 5_000, "9" * 400]
)
def test_a_long_number_is_refused_and_not_expanded(number):
    with pytest.raises(RecipeError, match="expected the range's last block from 1 to"):
        Recipe.parse(f"F1-{number}R8")


def test_errors_are_input_errors():
    with pytest.raises(InputError):
        Recipe.parse("nonsense")


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf])
def test_a_step_refuses_a_factor_that_cannot_train(factor):
    with pytest.raises(
        RecipeError, match="Expected a finite learning-rate factor abov"
    ):
        Step(Action.REDRAW, factor)


def test_a_frozen_step_has_no_factor():
    with pytest.raises(RecipeError, match=r"no factor for a frozen block, got 0\.5"):
        Step(Action.FREEZE, 0.5)


def test_a_phase_has_eight_blocks():
    with pytest.raises(RecipeError, match="Expected 8 blocks, got 7"):
        Phase((TUNE,) * 7)


def test_a_recipe_has_a_phase():
    with pytest.raises(RecipeError, match="Expected one phase or more, got none"):
        Recipe(())


@pytest.mark.parametrize(
    ("text", "frozen"),
    [("F1-7R8", 7), ("FT1-8", 0), ("F1-3R4-8", 3), ("F1FT2F3-7R8", 1), ("F1-8", 8)],
)
def test_frozen_prefix_ends_at_the_first_trained_block(text, frozen):
    assert Recipe.parse(text).phases[0].frozen_prefix == frozen


@pytest.mark.parametrize("text", ["F1-7R8", "R1-8", "F1-7R8+FT1-8", "FT1-7@0.1R8"])
def test_check_accepts_a_new_head_for_any_number_of_classes(text):
    Recipe.parse(text).check(10, 1000)
    Recipe.parse(text).check(1000, 1000)


@pytest.mark.parametrize("text", ["FT1-8", "F1-7FT8", "FT1-7F8"])
def test_check_accepts_the_old_head_only_for_equally_many_classes(text):
    Recipe.parse(text).check(1000, 1000)
    message = r"keeps the source's classifier \((F|FT)8\) with 1,000 .* has 10; re-dr"
    with pytest.raises(RecipeError, match=message):
        Recipe.parse(text).check(10, 1000)


def test_check_wants_the_new_head_in_the_first_phase():
    with pytest.raises(RecipeError, match=r"\(FT8\) .* in the first phase with R8"):
        Recipe.parse("F1-7FT8+F1-7R8").check(10, 1000)


@pytest.mark.parametrize("text", ["F1-8", "F1-7R8+F1-8"])
def test_check_refuses_a_phase_that_trains_nothing(text):
    message = re.escape(f"Recipe {text!r} freezes every block in one phase, which ")
    with pytest.raises(RecipeError, match=message):
        Recipe.parse(text).check(10, 10)
