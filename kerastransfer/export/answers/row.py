"""A row of a table of answers: one file, its classes, or why it could not be read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Prediction

_DIGITS = 6  # of a probability


def columns(top: int) -> dict[str, type]:
    """Return each column's name and type; with `top` classes there are more.

    ``margin`` is the probability of the first class minus that of the second;
    ``dont_know`` is 1 where the first is less probable than the model was told to ask
    for; ``error`` says why a file could not be read, and is empty where it was.

    Examples
    --------
    >>> [*columns(2)][4:]
    ['label_2', 'probability_2', 'dont_know', 'error']
    """
    first: dict[str, type] = {
        "path": str,
        "label": str,
        "probability": float,
        "margin": float,
    }
    for place in range(2, top + 1):
        first |= {f"label_{place}": str, f"probability_{place}": float}
    return {**first, "dont_know": int, "error": str}


def row_of(prediction: "Prediction", top: int) -> dict[str, Any]:
    """Return the row of a file; None where there is nothing to say."""
    row: dict[str, Any] = dict.fromkeys(columns(top))
    row |= {"path": str(prediction.path), "error": prediction.error}
    for place, (label, probability) in enumerate(prediction.top(top), start=1):
        end = "" if place == 1 else f"_{place}"
        row[f"label{end}"] = label
        row[f"probability{end}"] = round(probability, _DIGITS)
    if prediction.probabilities is not None:
        row["margin"] = round(_margin(prediction), _DIGITS)
        row["dont_know"] = int(not prediction.knows)
    return row


def _margin(prediction: "Prediction") -> float:
    rows = np.sort(np.asarray(prediction.probabilities, np.float64))
    return float(rows[-1] - rows[-2])


def failed(row: Mapping[str, Any]) -> bool:
    """Say whether a row is of a file that could not be read."""
    return bool(row["error"])
