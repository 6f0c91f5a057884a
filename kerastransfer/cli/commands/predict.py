"""``kerastransfer predict``: classify image files with a trained model."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.cli import options
from kerastransfer.errors import InputError
from kerastransfer.foundation.tensorflow_import import import_quietly

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Prediction

HELP = "classify image files with a run or an exported model"
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
    if args.top < 1:
        raise InputError(f"Expected --top > 0, got {args.top}.")
    if not args.model.is_dir():
        raise InputError(f"Expected a run or a SavedModel, got {str(args.model)!r}.")
    import_quietly()
    from kerastransfer.export.predictor import Predictor

    predictor = Predictor.load(args.model)
    failed = 0
    for prediction in predictor.predict(args.files):
        row = _row(prediction, args.top)
        if "error" in row:
            failed += 1
            print(
                f"kerastransfer: error: {row['file']}: {row['error']}", file=sys.stderr
            )
        if args.json:
            print(json.dumps(row))
        elif "error" not in row:
            print(_line(row))
    return 1 if failed else 0


def _row(prediction: "Prediction", top: int) -> dict[str, Any]:
    """Return a prediction as it is printed in JSON."""
    if prediction.probabilities is None:
        return {"file": str(prediction.path), "error": prediction.error}
    return {
        "file": str(prediction.path),
        "predictions": [
            {"label": label, "probability": probability}
            for label, probability in prediction.top(top)
        ],
    }


def _line(row: dict[str, Any]) -> str:
    classes = (f"{p['label']} {p['probability']:.4f}" for p in row["predictions"])
    return "\t".join([row["file"], *classes])
