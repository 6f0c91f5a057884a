"""``kerastransfer evaluate``: how good a run's model is, on any records."""

import argparse
import json
from pathlib import Path

from kerastransfer.cli import options
from kerastransfer.datasets import table as datasets
from kerastransfer.errors import InputError
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records import reader
from kerastransfer.runs import finished, summary

HELP = "measure a run's model on a split, with intervals"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument(
        "--dataset", metavar="NAME", help="of the same classes (default: the run's)"
    )
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument("--archives", type=Path, metavar="DIR")
    options.add_records(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the metrics and the confusion matrix."""
    run = finished.read(args.run)
    dataset = datasets.resolve(args.dataset or run.config.dataset, args.archives)
    import_quietly()
    records = reader.find_or_convert(dataset, options.records_folder(args))
    if records.classes != run.classes:
        odd = sorted(set(records.classes) ^ set(run.classes))
        raise InputError(
            f"Expected {dataset.spec!r} to have the run's {len(run.classes)} classes, "
            f"in their order, got {len(records.classes)}; they differ in {odd[:10]}."
        )
    import numpy as np

    from kerastransfer.evaluation import metrics
    from kerastransfer.training import inference

    preprocessing = run.backbone.preprocessing
    positions = np.arange(records.size(args.split))
    if not len(positions):
        raise InputError(f"Expected images in the {args.split} split, and it is empty.")
    measured = metrics.evaluate(
        *inference.probabilities(
            run.network(),
            preprocessing,
            inference.centre_views(records, args.split, positions, preprocessing),
        )
    ).as_dict()
    if args.json:
        print(json.dumps({args.split: measured, "dataset": dataset.spec}, indent=2))
        return 0
    print(f"{args.run.name}: {args.split} set of {dataset.spec}, 95 % intervals")
    print("\n".join(summary.metric_lines(measured)))
    print(summary.confusion(measured["confusion_matrix"], run.classes))
    return 0
