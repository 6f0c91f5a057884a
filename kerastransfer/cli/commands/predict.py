"""``kerastransfer predict``: classify image files with a trained model."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.export.answers.files import listed
from kerastransfer.foundation.quoting import LONGEST_MESSAGE, printable
from kerastransfer.foundation.report import say

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Prediction

EXAMPLES = (
    "kerastransfer predict runs/RUN photo.jpg other.png --top 3",
    "kerastransfer predict runs/RUN my_photos --out predictions.csv",
    "kerastransfer predict runs/RUN - --out predictions.csv",
    "kerastransfer predict exported_model *.jpg --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    headings = options.Headings(parser)
    add = headings["model and images"].add_argument
    add(
        "model",
        type=Path,
        metavar="RUN_OR_DIR",
        help="Folder of a run, or of a SavedModel that 'export' wrote",
    )
    add(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="Image files (JPEG, PNG and whatever else Pillow reads), folders whose "
        "images are taken at any depth, or - for a list of names on standard input, "
        "one a line or each ended by a NUL",
    )
    add(
        "--white-level",
        metavar="N",
        help="Value that is white in images deeper than 8 bits (default: that of the "
        "images which the model was trained on)",
    )
    options.add_ignore_seal(headings["model and images"])
    output = headings["output"]
    output.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="Table to write in place of lines, a row a file: .csv, .tsv, .jsonl or "
        ".parquet; what was stopped goes on where it was (default: lines are printed)",
    )
    output.add_argument(
        "--top",
        type=int,
        default=1,
        metavar="K",
        help="Number of classes to print for each file, the most probable first "
        "(default: 1)",
    )
    options.add_json(output)


def execute(args: argparse.Namespace) -> int:
    """Print a line for each file or write a table; return 1 if one was not read."""
    files = args.files
    if files == [Path("-")]:
        files = listed(sys.stdin.buffer.read())
    how = {
        "top": args.top,
        "white_level": args.white_level,
        "ignore_seal": args.ignore_seal,
    }
    if args.out is None:
        return _print(api.predict(args.model, files, **how), as_json=args.json)
    written = api.predict_table(args.model, files, args.out, **how)
    if args.json:
        streams.show(json.dumps({**dataclasses.asdict(written), "path": str(args.out)}))
    else:
        streams.show(written)
    return 1 if written.failed else 0


def _print(predictions: "Iterable[Prediction]", *, as_json: bool) -> int:
    failed = 0
    for prediction in predictions:
        row = _row(prediction)
        if "error" in row:
            failed += 1
            message = printable(f"{row['file']}: {row['error']}", LONGEST_MESSAGE)
            say(f"kerastransfer: error: {message}")
        if as_json:
            streams.show(json.dumps(row))
        elif "error" not in row:
            streams.show(_line(row))
    return 1 if failed else 0


def _row(prediction: "Prediction") -> dict[str, Any]:
    """Return a prediction as it is printed in JSON."""
    if prediction.probabilities is None:
        return {"file": str(prediction.path), "error": prediction.error}
    row: dict[str, Any] = {
        "file": str(prediction.path),
        "predictions": [
            {"label": label, "probability": probability}
            for label, probability in prediction.top()
        ],
    }
    return row if prediction.knows else {**row, "dont_know": True}


def _line(row: dict[str, Any]) -> str:
    classes = (
        f"{printable(p['label'])} {p['probability']:.4f}" for p in row["predictions"]
    )
    doubt = ["don't know"] if "dont_know" in row else []
    return "\t".join([printable(row["file"]), *doubt, *classes])
