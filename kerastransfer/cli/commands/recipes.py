"""``kerastransfer recipes``: what a recipe does, block by block."""

import argparse
import json
from typing import Any

from kerastransfer import surgery
from kerastransfer.backbones import table
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.recipe import Phase, Recipe

HELP = "explain what a recipe does to each block"

_NOTES = {
    "frozen": "nothing moves; the source's mean and variance are used.",
    "statistics kept": (
        "scale and shift are trained, the source's mean and variance are used\n"
        "  (--batch-norm adapt lets them move; moving averages as Keras keeps them\n"
        "  need far more steps than few images give, and end near chance)."
    ),
    "batch statistics": (
        "trained on each batch's mean and variance; before every evaluation\n"
        "  they are computed anew as plain averages over training images."
    ),
}
_WORDS = {"F": "freeze", "FT": "fine-tune", "R": "re-draw"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    explain = verbs.add_parser(
        "explain", help="a table for each phase, a row a block", allow_abbrev=False
    )
    explain.add_argument("recipe", metavar="RECIPE", help="such as F1-3FT4-7@0.1R8")
    explain.add_argument("--backbone", default="alexnet", metavar="NAME")
    explain.add_argument(
        "--classes", type=int, metavar="N", help="of the target (default: the source's)"
    )
    explain.add_argument("--batch-norm", choices=surgery.BATCH_NORMS, default="keep")
    explain.add_argument("--json", action="store_true", help="print JSON")


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
    if args.json:
        print(json.dumps([_rows(plan, backbone) for plan in plans], indent=2))
        return 0
    for phase, plan in zip(recipe.phases, plans, strict=True):
        _print_phase(phase, plan, backbone)
    return 0


def _rows(
    plan: tuple[surgery.BlockPlan, ...], backbone: Backbone
) -> list[dict[str, Any]]:
    return [
        {
            "block": row.block,
            "action": _WORDS[row.step.action.value],
            "factor": None if not row.trained else row.step.factor,
            "layers": backbone.blocks[row.block - 1].layers,
            "parameters_trained": row.trained,
            "batch_norm": row.batch_norm,
            "dropout": row.dropout,
        }
        for row in plan
    ]


def _print_phase(
    phase: Phase, plan: tuple[surgery.BlockPlan, ...], backbone: Backbone
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
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
        "layers",
        "trained",
        "batch norm",
        "dropout",
    ):
        grid.add_column(name, justify="right" if name == "trained" else "left")
    for row in _rows(plan, backbone):
        grid.add_row(
            str(row["block"]),
            row["action"],
            "" if row["factor"] is None else f"{row['factor']:g}",
            row["layers"],
            f"{row['parameters_trained']:,}",
            row["batch_norm"] or "none",
            row["dropout"] or "none",
        )
    Console().print(grid)
    used = {block.batch_norm for block in plan}
    print("\n".join(f"{name}: {_NOTES[name]}" for name in _NOTES if name in used))
