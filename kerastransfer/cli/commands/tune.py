"""``kerastransfer tune``: search for a recipe and its settings."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.api import RECIPES
from kerastransfer.cli import options, streams, train_arguments
from kerastransfer.errors import InputError
from kerastransfer.tuning.search_plan import TUNERS

EXAMPLES = (
    "kerastransfer tune --dataset digits --images-per-class 20 --trials 6",
    "kerastransfer tune --dataset folder:my_images --recipes F1-7R8,FT1-7R8",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; a setting that is given does not vary."""
    headings = options.Headings(parser)
    train_arguments.add_settings(headings, without=("recipe",))
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    _add_search(headings)
    train_arguments.add_checkpoint_every(headings)
    headings["running"].add_argument(
        "--restart", action="store_true", help="Begin anew, whatever is there"
    )
    headings["output"].add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="Folder that keeps the search (default: searches/DATASET_BACKBONE)",
    )
    options.add_json(headings["output"])


def _add_search(headings: options.Headings) -> None:
    add = headings["search"].add_argument
    add(
        "--recipes",
        type=options.names,
        default=RECIPES,
        metavar="A,B,...",
        help=f"Recipes among which the search chooses (default: {','.join(RECIPES)})",
    )
    add(
        "--tuner",
        choices=TUNERS,
        default="hyperband",
        help="How the next trial is chosen (default: hyperband)",
    )
    add(
        "--trials",
        type=int,
        default=30,
        metavar="N",
        help="Most trials that are trained (default: 30)",
    )
    add(
        "--search-seed",
        type=int,
        default=0,
        metavar="S",
        help="What the choice of trials follows from (default: 0)",
    )


def execute(args: argparse.Namespace) -> int:
    """Search, and print the trials and how to train the best."""
    request = train_arguments.request(args)
    if request["data"] is None:
        raise InputError("Expected --dataset: a known name, folder:DIR or csv:FILE.")
    search = api.tune(
        recipes=args.recipes,
        tuner=args.tuner,
        trials=args.trials,
        search_seed=args.search_seed,
        checkpoint_every=args.checkpoint_every,
        restart=args.restart,
        out=args.out,
        **request,
    )
    if search.trials:  # else a worker's, and the chief prints
        streams.show(json.dumps(search.as_dict(), indent=2) if args.json else search)
    return 0
