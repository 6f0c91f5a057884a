"""``kerastransfer evaluate``: how good a run's model is, on any records."""

import argparse
import json
from pathlib import Path

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.errors import InputError
from kerastransfer.evaluation import confusion_file
from kerastransfer.evaluation.confusion import confusion_text
from kerastransfer.evaluation.per_class import per_class, per_class_text
from kerastransfer.export.answers import table
from kerastransfer.foundation.quoting import quoted

EXAMPLES = (
    "kerastransfer evaluate runs/digits_efficientnet_lite0_F1-7R8_n50_d0_s0_771f8529",
    "kerastransfer evaluate RUN --split val --json",
    "kerastransfer evaluate RUN --mistakes mistakes.csv --confusion confusion.png",
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
    output = headings["output"]
    output.add_argument(
        "--mistakes",
        type=Path,
        metavar="FILE",
        help="Table of every image with its true and predicted class and "
        "probabilities, the most confident mistakes first: .csv, .tsv, .jsonl or "
        ".parquet (default: none)",
    )
    output.add_argument(
        "--confusion",
        type=Path,
        metavar="FILE",
        help="The confusion matrix with the classes' names as a table (.csv) or a "
        "figure (.png, .svg, .pdf) (default: none)",
    )
    options.add_json(output)


def execute(args: argparse.Namespace) -> int:
    """Print the metrics, the confusion matrix and each class's figures."""
    if args.confusion is not None:
        confusion_file.check(args.confusion)
    if args.mistakes is not None:
        table.check(args.mistakes)
        if args.mistakes == args.confusion:
            raise InputError(
                "Expected two files for --mistakes and --confusion, got "
                f"{quoted(args.mistakes)} for both."
            )
    run = api.open_run(args.run, ignore_seal=args.ignore_seal)
    spec = args.dataset or run.config.dataset
    records = api.load(spec, archives=args.archives, records=args.records)
    metrics = run.evaluate(args.split, records, mistakes=args.mistakes)
    matrix = metrics.confusion_matrix
    classes = per_class(matrix, run.classes)
    if args.confusion is not None:
        confusion_file.write(args.confusion, matrix, run.classes)
    if args.json:
        figures = {
            args.split: metrics.as_dict(),
            "dataset": spec,
            "per_class": [each.as_dict() for each in classes],
        }
        streams.show(json.dumps(figures, indent=2))
        return 0
    streams.show(f"{args.run.name}: {args.split} set of {spec}, 95 % intervals")
    streams.show(metrics)
    streams.show(confusion_text(matrix, run.classes))
    streams.show(per_class_text(classes))
    return 0
