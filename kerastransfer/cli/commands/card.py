"""``kerastransfer card``: a model card from a run."""

import argparse
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams

EXAMPLES = (
    "kerastransfer card runs/RUN",
    "kerastransfer card runs/RUN --out README.md",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="A finished run's folder")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="File to write, such as README.md (default: the card is printed)",
    )
    options.add_records(parser)
    options.add_ignore_seal(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the card, or write it and print where it is."""
    run = api.open_run(args.run, ignore_seal=args.ignore_seal)
    card = run.card(args.records)
    streams.show(card if args.out is None else card.save(args.out))
    return 0
