"""Settings: recipes, configs, what a run says of its images, and the environment."""

import json
import os
from pathlib import Path

from fuzzing import samples, structures
from fuzzing.target import Target

_CLUSTER = {
    "cluster": {"chief": ["a:1"], "worker": ["b:1", "c:2"]},
    "task": {"type": "worker", "index": 1},
}


def _recipes(folder: Path) -> list[Path]:
    texts = ("F1-7R8", "F1-3FT4-7@0.1R8", "F1-7R8+FT1-8", "[f1-2] t3@2 (R4-8)")
    return samples.write(
        folder, {f"{n}.txt": text.encode() for n, text in enumerate(texts)}
    )


def _read_recipe(path: Path) -> object:
    from kerastransfer.recipe import Recipe

    recipe = Recipe.parse(path.read_bytes().decode("utf-8", "replace"))
    if Recipe.parse(str(recipe)) != recipe:
        raise AssertionError("a recipe's text is another recipe")
    return str(recipe)


def _configs(folder: Path) -> list[Path]:
    from kerastransfer.config.train_config import TrainConfig
    from kerastransfer.recipe import Recipe

    config = TrainConfig(
        dataset="digits",
        records="a" * 64,
        weights="b" * 64,
        images_per_class=5,
        draw=1,
        seed=3,
        backbone="efficientnet_lite0",
        recipe=Recipe.parse("F1-7R8+FT1-8"),
        preset="default",
        epochs=(2, 3),
        learning_rate=(0.001, 0.01),
        batch_size=32,
        weight_decay=0.05,
        views=2,
        mirror=True,
        augment="views",
        fit="crop",
        batch_norm="keep",
        warmup=0.1,
        patience=(0, 2),
    )
    return samples.write(folder, {"config.json": json.dumps(config.as_dict()).encode()})


def _read_config(path: Path) -> object:
    """Read as `train --config FILE` does, and then as a run's own config is read."""
    from kerastransfer.cli import parse, train_arguments
    from kerastransfer.config.train_config import TrainConfig

    arguments = parse(["train", "--config", str(path)])
    given = train_arguments.given_settings(arguments)
    config = TrainConfig.from_dict(given)
    return [config.hash, config.run_name]


def _rules(folder: Path) -> list[Path]:
    from kerastransfer.records.images.rules import FILE, ImageRules

    text = json.dumps(ImageRules(image_size=256).as_dict())
    return samples.write(folder, {FILE: text.encode()})


def _read_rules(path: Path) -> object:
    from kerastransfer.records.images.rules import ImageRules

    rules = ImageRules.read(path.parent)
    return [rules.as_dict(), rules.rendering.ground]


def _environment(folder: Path) -> list[Path]:
    return samples.write(folder, {"TF_CONFIG": json.dumps(_CLUSTER).encode()})


def _read_environment(path: Path) -> object:
    from kerastransfer.distribution.choice import Choice

    # What the system gives is bytes without zeros.
    os.environb[b"TF_CONFIG"] = path.read_bytes().replace(b"\0", b"")
    choice = Choice()
    return [choice.several_processes, choice.number, choice.chief]


TARGETS = (
    Target(
        name="recipe",
        prepare=_recipes,
        read=_read_recipe,
        modules=("kerastransfer.recipe",),
    ),
    Target(
        name="config",
        prepare=_configs,
        read=_read_config,
        mutators=(structures.JSON,),
        modules=("kerastransfer.cli.train_arguments",),
    ),
    Target(
        name="image_rules",
        prepare=_rules,
        read=_read_rules,
        mutators=(structures.JSON,),
        modules=("kerastransfer.records.images.rules",),
    ),
    Target(
        name="environment",
        prepare=_environment,
        read=_read_environment,
        mutators=(structures.JSON,),
        modules=("kerastransfer.distribution.choice",),
    ),
)
