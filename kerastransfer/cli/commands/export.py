"""``kerastransfer export``: write a run's model where another program can have it."""

import argparse
import math
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

EXAMPLES = (
    "kerastransfer export RUN --out exported",
    "kerastransfer export RUN --out exported --calibrate --precision 0.95 "
    "--reliability reliability.png",
    "kerastransfer export RUN --out bundle --format saved_model,litert,onnx "
    "--require 'accuracy>=0.9'",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="A finished run's folder")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="Folder that becomes the SavedModel, or with --format holds the formats: "
        "new, or an older export's",
    )
    parser.add_argument(
        "--format",
        type=options.names,
        metavar="F,F,...",
        help="Formats: saved_model, litert, onnx, each tried in a process of its own "
        "and certified to answer as the trained network (default: a SavedModel alone)",
    )
    parser.add_argument(
        "--quantize",
        choices=("float16", "int8"),
        help="Round LiteRT's weights; int8 takes ranges from training images (default: "
        "float32)",
    )
    parser.add_argument(
        "--samples",
        type=int,
        metavar="N",
        help="Test images that the certificate is about, at most (default: 500)",
    )
    parser.add_argument(
        "--require",
        type=_least_accuracy,
        metavar="accuracy>=X",
        help="Export nothing unless the lower end of every format's interval reaches "
        "this (default: no bound)",
    )
    options.add_ignore_seal(parser)
    _add_confidence(parser)


def _add_confidence(parser: argparse.ArgumentParser) -> None:
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
        "this fraction of answers is right for certain, by the validation images "
        "(default: always answer)",
    )
    confidence.add_argument(
        "--reliability",
        type=Path,
        metavar="FILE",
        help="With --calibrate: figure (.png, .svg, .pdf) of how often answers are "
        "right that are so sure, before and after (default: none)",
    )


def _least_accuracy(text: str) -> float:
    """Read ``accuracy>=0.9``."""
    name, _, number = text.partition(">=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if name.strip() != "accuracy" or math.isnan(least):
        raise argparse.ArgumentTypeError(
            f"expected accuracy>=X, such as accuracy>=0.9, got {quoted(text)}"
        )
    return least


def execute(args: argparse.Namespace) -> int:
    """Write the SavedModel and print where it is."""
    run = api.open_run(args.run, ignore_seal=args.ignore_seal)
    given = {
        "quantize": args.quantize,
        "samples": args.samples,
        "require": args.require,
    }
    bundle = {name: value for name, value in given.items() if value is not None}
    if bundle and not args.format:
        raise InputError(
            "Expected --format with --quantize, --samples and --require; add it, such "
            "as --format saved_model."
        )
    if args.format:
        bundle["formats"] = args.format
    confidence = {
        "calibrate": args.calibrate,
        "precision": args.precision,
        "reliability": args.reliability,
    }
    streams.show(run.export(args.out, **confidence, **bundle))
    return 0
