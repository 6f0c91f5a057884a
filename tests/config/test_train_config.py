"""Configs: round trips, defaults, names, and every message."""

import dataclasses
import json

import pytest

from kerastransfer.config import settings
from kerastransfer.config.defaults import DataSummary, check, default_epochs, resolve
from kerastransfer.config.presets import PRESETS
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.errors import InputError, RecipeError, UnknownNameError
from kerastransfer.recipe import Recipe

FACTS = DataSummary(records="r" * 64, weights="w" * 64, num_images=500, mirror=False)
CHOSEN = {"dataset": "digits", "backbone": "efficientnet_lite0", "recipe": "F1-7R8"}


def test_a_config_survives_json():
    made = resolve({**CHOSEN, "recipe": "F1-7R8+FT1-8", "images_per_class": 5}, FACTS)
    assert TrainConfig.from_dict(json.loads(json.dumps(made.as_dict()))) == made


def test_a_config_from_before_a_field_was_there_takes_its_default():
    made = resolve(CHOSEN, FACTS)
    fields = made.as_dict()
    del fields["warmup"], fields["patience"]
    again = TrainConfig.from_dict(fields)
    assert (again.warmup, again.patience) == (0.0, ())


def test_the_recipe_is_canonical():
    assert resolve({**CHOSEN, "recipe": "f(1-7) r8"}, FACTS) == resolve(CHOSEN, FACTS)


def test_the_run_name_says_what_the_run_is():
    made = resolve({**CHOSEN, "images_per_class": 50, "draw": 2, "seed": 7}, FACTS)
    start = "digits_efficientnet_lite0_F1-7R8_n50_d2_s7_"
    assert made.run_name == start + made.hash[:8]
    everything = resolve({**CHOSEN, "dataset": "folder:/a b/c"}, FACTS)
    assert everything.run_name.startswith("folder-c_efficientnet_lite0_F1-7R8_nall")


def test_every_field_changes_the_hash():
    base = resolve(CHOSEN, FACTS)
    others = {
        "images_per_class": 5,
        "draw": 1,
        "seed": 1,
        "preset": "caffe",
        "epochs": (3,),
        "learning_rate": (0.1,),
        "batch_size": 8,
        "weight_decay": 0.0,
        "views": 5,
        "mirror": True,
        "augment": "random",
        "fit": "pad",
        "batch_norm": "adapt",
        "warmup": 0.1,
        "patience": (3,),
        "label_smoothing": 0.1,
        "class_weights": "auto",
        "clip_norm": 1.0,
        "precision": "bfloat16",
        "cache_dtype": "float16",
    }
    chosen = {"records", "weights", "mean_image", "dataset", "backbone", "recipe"}
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(others) == fields - chosen, "a setting without a line above"
    hashes = {resolve({**CHOSEN, name: to}, FACTS).hash for name, to in others.items()}
    assert len(hashes | {base.hash}) == len(others) + 1


def test_a_head_alone_and_tuned_layers_have_defaults_of_their_own():
    made = resolve({**CHOSEN, "recipe": "F1-7R8+FT1-8"}, FACTS)
    preset = PRESETS["default"]
    assert made.learning_rate == (preset.head_rate, preset.deep_rate)
    assert made.epochs[0] > made.epochs[1]


@pytest.mark.parametrize(
    ("recipe", "rate"),
    [
        ("F1-7R8", 2e-3),
        ("F1-7FT8", 2e-3),
        ("F1-5FT6-7R8", 5e-4),
        ("F1-5R6-8", 5e-4),
        ("R1-8", 5e-4),
        ("F1-4FT5R6-8", 1e-4),
        ("FT1-7R8", 1e-4),
        ("FT1-8", 1e-4),
        ("R1-4FT5-8", 1e-4),
    ],
)
def test_the_deeper_a_recipe_tunes_the_slower_it_learns(recipe, rate):
    assert resolve({**CHOSEN, "recipe": recipe}, FACTS).learning_rate == (rate,)
    caffe = {**CHOSEN, "recipe": recipe, "preset": "caffe"}
    assert resolve(caffe, FACTS).learning_rate == (1e-3,)


@pytest.mark.parametrize(
    ("recipe", "images", "epochs"),
    [
        ("F1-7R8", 10, 200),  # one step an epoch: no more than 200
        ("F1-7R8", 500, 125),  # 16 steps an epoch: 2,000 steps
        ("F1-7R8", 60_000, 10),  # never fewer than 10
        ("FT1-7R8", 10, 40),
        ("FT1-7R8", 500, 13),
        ("FT1-7R8", 60_000, 4),
    ],
)
def test_default_epochs(recipe, images, epochs):
    phase = Recipe.parse(recipe).phases[0]
    assert default_epochs(phase, images, 32) == epochs


def test_one_number_of_epochs_or_rate_stands_for_every_phase():
    chosen = {**CHOSEN, "recipe": "F1-7R8+FT1-8"}
    made = resolve({**chosen, "epochs": (3,), "learning_rate": (0.1,)}, FACTS)
    assert (made.epochs, made.learning_rate) == ((3, 3), (0.1, 0.1))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"recipe": "F1-7"}, RecipeError, "expected block 8 next"),
        ({"preset": "cafe"}, UnknownNameError, "Did you mean 'caffe'"),
        ({"epochs": (0,)}, InputError, "Expected 1 --epochs, each 1 or more"),
        ({"epochs": (1, 2)}, InputError, r"'F1-7R8', got \[1, 2\]"),
        ({"learning_rate": (0.0,)}, InputError, "--learning-rate, each above 0"),
        ({"learning_rate": (float("nan"),)}, InputError, "each above 0.*nan"),
        ({"batch_size": 0}, InputError, "--batch-size 1 or more, got 0"),
        ({"weight_decay": -1.0}, InputError, "--weight-decay >= 0"),
        ({"augment": "mixup"}, InputError, "--augment to be one of"),
        ({"batch_norm": "move"}, InputError, "--batch-norm to be one of"),
        ({"seed": -1}, InputError, "--seed >= 0 and below .*, got -1"),
        ({"seed": 2**32}, InputError, "--seed >= 0 and below .*, got 4294967296"),
        ({"patience": (1, 2)}, InputError, "Expected 1 --patience, each 0 or more"),
        ({"warmup": 1.0}, InputError, "--warmup from 0 to below 1, got 1.0"),
        ({"label_smoothing": -0.1}, InputError, "--label-smoothing from 0"),
        ({"clip_norm": float("inf")}, InputError, "--clip-norm >= 0, got inf"),
        ({"class_weights": "some"}, InputError, "--class-weights to be one of"),
        ({"cache_dtype": "int8"}, InputError, "--cache-dtype to be one of"),
        ({"views": 3}, InputError, "--views"),
        ({"views": 10}, InputError, "mirror images"),
        ({"records": "x" * 64}, InputError, "Expected records with hash"),
        ({"weights": "x" * 64}, InputError, "Expected weights with hash"),
        ({"colour": "red"}, InputError, r"differs in \['colour'\]"),
    ],
)
def test_what_is_out_of_range_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        resolve({**CHOSEN, **fields}, FACTS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 5}, "--epochs to be a list of whole numbers, got 5"),
        ({"epochs": [2.5]}, r"--epochs to be a list of whole numbers, got \[2.5\]"),
        ({"epochs": "55"}, "--epochs to be a list of whole numbers, got '55'"),
        ({"learning_rate": None}, "--learning-rate to be a list of numbers, got None"),
        ({"patience": [True]}, r"--patience to be a list of whole numbers, got \[True"),
        ({"batch_size": "32"}, "--batch-size to be a whole number, got '32'"),
        ({"batch_size": 2.5}, "--batch-size to be a whole number, got 2.5"),
        ({"weight_decay": "x"}, "--weight-decay to be a number, got 'x'"),
        ({"warmup": [0.1]}, "--warmup to be a number"),
        ({"recipe": 5}, "--recipe to be text, got 5"),
        ({"dataset": None}, "--dataset to be text, got None"),
        ({"backbone": ["alexnet"]}, "--backbone to be text"),
        ({"batch_norm": []}, "--batch-norm to be text"),
        ({"preset": {}}, "--preset to be text"),
        ({"mirror": "no"}, "--mirror to be yes or no .*, got 'no'"),
        ({"seed": 1.5}, "--seed to be a whole number, got 1.5"),
        ({"draw": True}, "--draw to be a whole number, got True"),
        ({"images_per_class": "5"}, "--images-per-class to be a whole number, got '5'"),
        ({"views": "5"}, "--views to be a whole number"),
        ({"weights": 5}, "Expected weights to be text, got 5"),
    ],
)
def test_other_types_are_refused_in_a_line(fields, message):
    whole = resolve(CHOSEN, FACTS).as_dict()
    for attempt in (
        lambda: resolve({**CHOSEN, **fields}, FACTS),
        lambda: check({**CHOSEN, **fields}),
        lambda: TrainConfig.from_dict({**whole, **fields}),
    ):
        with pytest.raises(InputError, match=message) as told:
            attempt()
        assert "\n" not in str(told.value)


def test_what_only_the_data_can_tell_is_not_refused_before():
    hashes = {"records": "x" * 64, "weights": "y" * 64}
    check({**CHOSEN, **hashes, "views": 10})
    with pytest.raises(InputError, match="mirror images"):
        check({**CHOSEN, "views": 10}, mirror=False)


# config.json and the name of a run that an earlier version trained on digits.
EARLIER = {
    "dataset": "digits",
    "records": "r" * 64,
    "weights": "w" * 64,
    "mean_image": "",
    "images_per_class": 50,
    "draw": 0,
    "seed": 0,
    "backbone": "efficientnet_lite0",
    "recipe": "F1-7R8",
    "preset": "default",
    "epochs": [125],
    "learning_rate": [0.002],
    "batch_size": 32,
    "weight_decay": 0.01,
    "views": 1,
    "mirror": False,
    "augment": "views",
    "batch_norm": "keep",
    "warmup": 0.0,
    "patience": [0],
    "label_smoothing": 0.0,
    "class_weights": "none",
    "clip_norm": 0.0,
    "cache_dtype": "float32",
}


def test_an_earlier_run_keeps_its_config_and_its_hash():
    made = resolve({**CHOSEN, "images_per_class": 50}, FACTS)
    # Settings that came later stand beside these.
    fields = {name: made.as_dict()[name] for name in EARLIER}
    assert json.dumps(fields) == json.dumps(EARLIER)
    # SHA-256 of the fields above as JSON with sorted keys.
    assert made.hash.startswith("817723199e70158f")
    assert TrainConfig.from_dict(EARLIER) == made


def test_a_later_setting_leaves_the_hash_alone_at_its_default():
    declared = settings.setting(1.0, help="Of later.", later=True)
    later = dataclasses.make_dataclass(
        "Later",
        [("zoom", float, declared)],
        bases=(TrainConfig,),
        frozen=True,
        kw_only=True,
    )
    before = resolve(CHOSEN, FACTS)
    fields = {f.name: getattr(before, f.name) for f in dataclasses.fields(before)}
    assert later(**fields).hash == before.hash
    assert later(**fields, zoom=2.0).hash != before.hash
    assert later(**fields).as_dict()["zoom"] == 1.0  # but config.json says it
