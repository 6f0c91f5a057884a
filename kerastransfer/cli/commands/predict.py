"""``kerastransfer predict``: classify image files with a trained model."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer import api
from kerastransfer.cli import options, streams
from kerastransfer.foundation.quoting import LONGEST_MESSAGE, printable
from kerastransfer.foundation.report import say

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Prediction

EXAMPLES = (
    "kerastransfer predict runs/RUN photo.jpg other.png --top 3",
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
        help="Image files to classify (JPEG, PNG and whatever else Pillow reads)",
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
        "--top",
        type=int,
        default=1,
        metavar="K",
        help="Number of classes to print for each file, the most probable first "
        "(default: 1)",
    )
    options.add_json(output)


def execute(args: argparse.Namespace) -> int:
    """Print a line for each file; return 1 if a file could not be read."""
    failed = 0
    predictions = api.predict(
        args.model,
        args.files,
        top=args.top,
        white_level=args.white_level,
        ignore_seal=args.ignore_seal,
    )
    for prediction in predictions:
        row = _row(prediction)
        if "error" in row:
            failed += 1
            message = printable(f"{row['file']}: {row['error']}", LONGEST_MESSAGE)
            say(f"kerastransfer: error: {message}")
        if args.json:
            streams.show(json.dumps(row))
        elif "error" not in row:
            streams.show(_line(row))
    return 1 if failed else 0


def _row(prediction: "Prediction") -> dict[str, Any]:
    """Return a prediction as it is printed in JSON."""
    if prediction.probabilities is None:
        return {"file": str(prediction.path), "error": prediction.error}
    return {
        "file": str(prediction.path),
        "predictions": [
            {"label": label, "probability": probability}
            for label, probability in prediction.top()
        ],
    }


def _line(row: dict[str, Any]) -> str:
    classes = (
        f"{printable(p['label'])} {p['probability']:.4f}" for p in row["predictions"]
    )
    return "\t".join([printable(row["file"]), *classes])
