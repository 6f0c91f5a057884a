"""``kerastransfer evaluate``: how good a run's model is, on any records."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.evaluation.confusion import confusion_text

EXAMPLES = (
    "kerastransfer evaluate runs/digits_efficientnet_lite0_F1-7R8_n50_d0_s0_771f8529",
    "kerastransfer evaluate RUN --split val --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="A finished run's folder")
    options.add_ignore_seal(parser)
    add = headings["data"].add_argument
    add(
        "--dataset",
        metavar="NAME",
        help="Images of the same classes to measure on (default: the run's own)",
    )
    add(
        "--split",
        choices=("train", "val", "test"),
        default="test",
        help="Which part of them (default: test)",
    )
    add(
        "--archives",
        type=Path,
        metavar="DIR",
        help="Folder that holds the dataset's published files "
        "(default: $KERASTRANSFER_HOME/archives/NAME)",
    )
    options.add_records(headings["data"])
    options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Print the metrics and the confusion matrix."""
    run = api.open_run(args.run, ignore_seal=args.ignore_seal)
    spec = args.dataset or run.config.dataset
    records = api.load(spec, archives=args.archives, records=args.records)
    metrics = run.evaluate(args.split, records)
    if args.json:
        streams.show(
            json.dumps({args.split: metrics.as_dict(), "dataset": spec}, indent=2)
        )
        return 0
    streams.show(f"{args.run.name}: {args.split} set of {spec}, 95 % intervals")
    streams.show(metrics)
    streams.show(confusion_text(metrics.confusion_matrix, run.classes))
    return 0
