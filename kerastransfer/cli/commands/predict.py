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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", type=Path, metavar="RUN_OR_DIR")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument(
        "--top", type=int, default=1, metavar="K", help="classes a file (default: 1)"
    )
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Print a line a file; 1 if a file could not be read."""
    if args.top < 1:
        raise InputError(f"Expected --top > 0, got {args.top}.")
    if not args.model.is_dir():
        raise InputError(f"Expected a run or a SavedModel, got {str(args.model)!r}.")
    import_quietly()
    from kerastransfer.export.predictor import Predictor

    predictor = Predictor.load(args.model)
    failed = 0
    for prediction in predictor.predict(args.files):
        row = _row(prediction, predictor.classes, args.top)
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


def _row(
    prediction: "Prediction", classes: tuple[str, ...], top: int
) -> dict[str, Any]:
    """Return the answer as JSON shall have it."""
    if prediction.probabilities is None:
        return {"file": str(prediction.path), "error": prediction.error}
    best = (-prediction.probabilities).argsort(kind="stable")[:top]
    return {
        "file": str(prediction.path),
        "predictions": [
            {"label": classes[i], "probability": float(prediction.probabilities[i])}
            for i in best
        ],
    }


def _line(row: dict[str, Any]) -> str:
    answers = (f"{p['label']} {p['probability']:.4f}" for p in row["predictions"])
    return "\t".join([row["file"], *answers])
