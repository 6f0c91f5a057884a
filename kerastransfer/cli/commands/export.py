"""``kerastransfer export``: write a run's model where another program can have it."""

import argparse
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams

EXAMPLES = (
    "kerastransfer export RUN --out exported",
    "kerastransfer export RUN --out exported --calibrate --precision 0.95",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="A finished run's folder")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="Folder that becomes the SavedModel: new, or an older one's",
    )
    options.add_ignore_seal(parser)
    confidence = options.Headings(parser)["how sure answers are"]
    confidence.add_argument(
        "--calibrate",
        action="store_true",
        help="Divide logits by a temperature that is fitted to the validation images, "
        "so that probabilities mean what they say (default: no)",
    )
    confidence.add_argument(
        "--precision",
        type=float,
        metavar="X",
        help='With --calibrate: answer "don\'t know" below the probability from which '
        "this fraction of answers is right on the validation images (default: always "
        "answer)",
    )


def execute(args: argparse.Namespace) -> int:
    """Write the SavedModel and print where it is."""
    run = api.open_run(args.run, ignore_seal=args.ignore_seal)
    streams.show(
        run.export(args.out, calibrate=args.calibrate, precision=args.precision)
    )
    return 0
