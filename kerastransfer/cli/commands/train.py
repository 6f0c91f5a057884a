"""``kerastransfer train``: one recipe on one dataset, from images to a SavedModel."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import devices, options, streams, train_arguments
from kerastransfer.config.run_options import LEAST_FOLDS, MOST_FOLDS
from kerastransfer.errors import InputError
from kerastransfer.runs.finished import Run
from kerastransfer.runs.folds.cross_validation import CrossValidation

EXAMPLES = (
    "kerastransfer train --dataset folder:my_images --recipe F1-7R8",
    "kerastransfer train --dataset digits --images-per-class 50 --recipe FT1-7R8",
    "kerastransfer train --dataset cub200 --recipe F1-3R4-8 --dry-run",
    "kerastransfer train --dataset folder:my_images --recipe F1-7R8 --folds 5",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; those left out take the preset's values."""
    headings = options.Headings(parser)
    train_arguments.add_settings(headings)
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    devices.add_arguments(headings["devices"])
    _add_running(headings)
    add = headings["output"].add_argument
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="Folder that gets the run's own (default: ./runs)",
    )
    add("--no-export", action="store_true", help="Write no SavedModel")
    add("--no-probe", action="store_true", help="Skip the number to beat")
    options.add_json(headings["output"])


def _add_running(headings: options.Headings) -> None:
    add = headings["running"].add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="Settings from a run's config.json; flags win over it",
    )
    add("--dry-run", action="store_true", help="Say what would be done, and stop")
    add(
        "--measure",
        action="store_true",
        help="With --dry-run: take 20 steps, and predict time and memory",
    )
    add(
        "--folds",
        type=int,
        metavar="K",
        help=f"Cut train and val into K folds ({LEAST_FOLDS} to {MOST_FOLDS}), "
        "stratified by class and with whole groups, and predict each by a run on the "
        "others: how good the recipe is where images are few; the test set is not read "
        "(default: one run on all training images)",
    )
    add("--restart", action="store_true", help="Begin anew, whatever is there")
    add(
        "--time-limit",
        type=options.minutes,
        metavar="MINUTES",
        help="Minutes of training (of each fold, with --folds) after which the best "
        "epoch so far is the result (default: no limit)",
    )
    train_arguments.add_checkpoint_every(headings)


def execute(args: argparse.Namespace) -> int:
    """Train, and print how good the result is and where it is."""
    if args.measure and not args.dry_run:
        raise InputError("--measure goes with --dry-run; pass both.")
    request = train_arguments.request(args)
    train_arguments.needed(request["data"], "dataset")
    recipe = train_arguments.needed(request["config"].pop("recipe", None), "recipe")
    request |= {"devices": devices.choice(args), "probe": not args.no_probe}
    if args.dry_run:
        streams.show(
            api.plan(recipe=recipe, measure=args.measure, folds=args.folds, **request)
        )
        return 0
    request |= {
        "recipe": recipe,
        "runs": args.runs,
        "time_limit": args.time_limit,
        "checkpoint_every": args.checkpoint_every,
        "restart": args.restart,
    }
    run: Run | CrossValidation
    if args.folds is not None:
        run = api.cross_validate(folds=args.folds, **request)
    else:
        run = api.train(export=not args.no_export, **request)
    if run.result:  # else a worker's, and the chief prints
        streams.show(json.dumps(run.result, indent=2) if args.json else run)
    return 0
