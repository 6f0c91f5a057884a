"""``kerastransfer advise``: freeze or tune, how deep, and would more labels help."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.advice.question import MARGIN, TIME_LIMIT
from kerastransfer.cli import options, streams, train_arguments
from kerastransfer.errors import InputError

EXAMPLES = (
    "kerastransfer advise --dataset folder:my_images",
    "kerastransfer advise --dataset digits --images-per-class 10 --time-limit 5",
)
_SETTLED = ("recipe", "learning_rate", "draw", "seed", "epochs", "warmup", "patience")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; a setting that is given holds in every run."""
    headings = options.Headings(parser)
    train_arguments.add_settings(headings, without=_SETTLED)
    train_arguments.add_sources(headings)
    train_arguments.add_cache(headings)
    add = headings["running"].add_argument
    add(
        "--time-limit",
        type=float,
        default=TIME_LIMIT,
        metavar="MINUTES",
        help="Minutes after which there is an answer (default: 10)",
    )
    add(
        "--margin",
        type=float,
        default=MARGIN,
        metavar="X",
        help="Difference of accuracy, as a fraction, that does not matter (default: "
        "0.01)",
    )
    headings["output"].add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="Folder that keeps what was tried (default: advice/DATASET_BACKBONE)",
    )
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Look, try, and print what to train."""
    request = train_arguments.request(args)
    if request["data"] is None:
        raise InputError("Expected --dataset: a known name, folder:DIR or csv:FILE.")
    advice = api.advise(
        time_limit=args.time_limit, margin=args.margin, out=args.out, **request
    )
    streams.show(json.dumps(advice.as_dict(), indent=2) if args.json else advice)
    return 0
