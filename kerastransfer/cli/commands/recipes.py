"""``kerastransfer recipes``: what a recipe does, block by block, and at which rates."""

import argparse
import json
from typing import Any

from kerastransfer import surgery
from kerastransfer.backbones import table
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.default import DEFAULT
from kerastransfer.cli import options, streams
from kerastransfer.config import preset_words
from kerastransfer.config.presets import PRESETS, Preset, usual
from kerastransfer.recipe import Phase, Recipe

EXAMPLES = (
    "kerastransfer recipes explain F1-7R8 --backbone efficientnet_lite0 --classes 10",
    "kerastransfer recipes explain F1-7R8+FT1-8@0.1",
)

_NOTES = {
    "frozen": "nothing changes; the source's mean and variance are used.",
    "statistics kept": (
        "scale and shift are trained, the source's mean and variance are used\n"
        "  (--batch-norm adapt recomputes them; Keras's moving averages need far more\n"
        "  steps than few images give, and leave the accuracy near chance)."
    ),
    "batch statistics": (
        "trained on each batch's mean and variance; before every evaluation\n"
        "  they are recomputed as plain averages over training images."
    ),
}
_WORDS = {"F": "freeze", "FT": "fine-tune", "R": "re-draw"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    explain = verbs.add_parser(
        "explain",
        help="print a table for each phase with a row for each block",
        allow_abbrev=False,
    )
    headings = options.Headings(explain)
    add = headings["recipe and network"].add_argument
    add(
        "recipe",
        metavar="RECIPE",
        help="Recipe such as F1-3FT4-7@0.1R8: F freezes blocks, FT fine-tunes them, R "
        "re-draws them at random, @ multiplies their learning rate",
    )
    add(
        "--backbone",
        default=DEFAULT,
        metavar="NAME",
        help="Network whose blocks are shown, as 'kerastransfer backbones list' names "
        f"them (default: {DEFAULT})",
    )
    add(
        "--classes",
        type=int,
        metavar="N",
        help="Number of classes of the target dataset (default: that of the data the "
        "network was pretrained on)",
    )
    add(
        "--batch-norm",
        choices=surgery.BATCH_NORMS,
        default="keep",
        help="Whether fine-tuned blocks keep the source's mean and variance in batch "
        "normalisation or adapt them to the target (default: keep)",
    )
    add(
        "--preset",
        choices=tuple(PRESETS),
        help="Defaults whose rates are shown (default: transformer for a transformer, "
        "default for other networks)",
    )
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Print what each phase does to each block."""
    recipe = Recipe.parse(args.recipe)
    backbone = table.get(args.backbone)
    classes = args.classes or backbone.source_classes
    if args.classes:
        recipe.check(args.classes, backbone.source_classes)
    plans = [
        surgery.plan(phase, backbone, classes, args.batch_norm)
        for phase in recipe.phases
    ]
    name = args.preset or usual(transformer=backbone.is_transformer)
    phases = [
        (phase, plan, _rows(phase, plan, backbone, PRESETS[name]))
        for phase, plan in zip(recipe.phases, plans, strict=True)
    ]
    if args.json:
        streams.show(json.dumps([rows for _, _, rows in phases], indent=2))
        return 0
    for phase, plan, rows in phases:
        _print_phase(phase, plan, rows, backbone)
    layers = sum(backbone.transformer_layers)
    streams.show("\n".join(preset_words.sentences(name, recipe, layers)))
    return 0


def _rows(
    phase: Phase,
    plan: tuple[surgery.BlockPlan, ...],
    backbone: Backbone,
    preset: Preset,
) -> list[dict[str, Any]]:
    rate = preset.rate_of(phase)
    return [
        {
            "block": row.block,
            "action": _WORDS[row.step.action.value],
            "factor": row.step.factor if row.trained else None,
            "learning_rate": rate * preset.factor_of(row.step, row.depth)
            if row.trained
            else None,
            "layers": backbone.blocks[row.block - 1].layers,
            "parameters_trained": row.trained,
            "batch_norm": row.batch_norm,
            "dropout": row.dropout,
        }
        for row in plan
    ]


def _print_phase(
    phase: Phase,
    plan: tuple[surgery.BlockPlan, ...],
    rows: list[dict[str, Any]],
    backbone: Backbone,
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import JustifyMethod
    from rich.table import Table

    trained = sum(block.trained for block in plan)
    grid = Table(
        title=f"{phase} on {backbone.title}: {trained:,} parameters trained",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in (
        "block",
        "action",
        "factor",
        "rate",
        "layers",
        "trained",
        "batch norm",
        "dropout",
    ):
        justify: JustifyMethod = "right" if name == "trained" else "left"
        grid.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        grid.add_row(
            str(row["block"]),
            row["action"],
            "" if row["factor"] is None else f"{row['factor']:g}",
            "" if row["learning_rate"] is None else f"{row['learning_rate']:.3g}",
            row["layers"],
            f"{row['parameters_trained']:,}",
            row["batch_norm"] or "none",
            row["dropout"] or "none",
        )
    streams.console().print(grid)
    used = {block.batch_norm for block in plan}
    streams.show(
        "\n".join(f"{name}: {_NOTES[name]}" for name in _NOTES if name in used)
    )
