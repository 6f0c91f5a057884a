"""How results are shown: lines on standard output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.errors import InputError
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.evaluation.wording import percent
from kerastransfer.foundation import json_file

# A wider confusion matrix would not fit a terminal.
_WIDEST = 12
_NEEDED = {"recipe", "dataset", "backbone", "test", "probe"}


def read_finished(folder: Path) -> dict[str, Any] | None:
    """Return a finished run's ``result.json``, or None where there is none.

    Parameters
    ----------
    folder : Path
        A run's.

    Returns
    -------
    dict or None

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / "result.json"
    if not path.is_file():
        return None
    try:
        result = json_file.read_object(path)
        if not result.keys() >= _NEEDED:
            raise ValueError(f"{sorted(_NEEDED - result.keys())} are not there")
    except ValueError as error:
        raise InputError(
            f"Expected a run's result in {str(path)!r}: {error}; --restart trains it "
            "again."
        ) from None
    return result


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Spell each metric of a split in a line; intervals are at 95 %."""
    return str(Metrics.from_dict(metrics)).splitlines()


def summary(result: Mapping[str, Any], folder: Path) -> str:
    """Say how a run ended and where it is."""
    lines = [
        f"{result['recipe']} on {result['dataset']} with {result['backbone']}: "
        "test set, 95 % intervals",
        *metric_lines(result["test"]),
    ]
    if result["probe"]:
        probe = result["probe"]["test"]["accuracy"]
        lines.append(f"{'to beat':<15} {percent(probe)}, {result['probe']['kind']}")
    lines.append(f"{'run':<15} {folder}")
    if (folder / "saved_model").is_dir():
        lines.append(f"{'SavedModel':<15} {folder / 'saved_model'}")
    return "\n".join(lines)


def confusion(matrix: list[list[int]], classes: tuple[str, ...]) -> str:
    """Draw a confusion matrix, or with many classes its ten largest confusions."""
    if len(classes) > _WIDEST:
        return _worst_confusions(matrix, classes)
    width = max(5, *(len(str(cell)) + 1 for row in matrix for cell in row))
    names = max(len(name) for name in classes)
    lines = ["confusion matrix: rows true, columns predicted, in the order of the rows"]
    for name, row in zip(classes, matrix, strict=True):
        cells = "".join(f"{cell or '.':>{width}}" for cell in row)
        lines.append(f"{name:>{names}}{cells}")
    return "\n".join(lines)


def _worst_confusions(matrix: list[list[int]], classes: tuple[str, ...]) -> str:
    pairs = [
        (count, true, taken)
        for true, row in enumerate(matrix)
        for taken, count in enumerate(row)
        if taken != true and count
    ]
    lines = ["largest confusions: images, true class, predicted class"]
    for count, true, taken in sorted(pairs, key=lambda pair: -pair[0])[:10]:
        lines.append(f"{count:>6}  {classes[true]}  {classes[taken]}")
    return "\n".join(lines)
