"""The seal of a finished run: its files are those with which it was measured."""

from pathlib import Path
from typing import Any

from kerastransfer.foundation import atomic, seal
from kerastransfer.records.images import rules

CONFIG, LABELS = "config.json", "labels.txt"
METRICS, MODEL = "metrics.jsonl", "model.keras"
MEAN_IMAGE = "mean_image.npy"
RESULT = "result.json"
# What is read again; TensorBoard's files are not, and a SavedModel has its own seal.
_READ = (CONFIG, LABELS, METRICS, MODEL, MEAN_IMAGE, rules.FILE)
_PATTERNS = (*_READ, "predictions/*.csv", "checkpoints/*.weights.h5")


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Seal a run's folder, and write the result by which it is finished."""
    text = atomic.json_text(result)
    paths = [path for pattern in _PATTERNS for path in folder.glob(pattern)]
    names = [path.relative_to(folder).as_posix() for path in paths]
    seal.write(folder, names, {RESULT: text})
    atomic.write_text(folder / RESULT, text)


def check(folder: Path) -> None:
    """Refuse a finished run of which a file was changed since.

    Raises
    ------
    DataError
        The message names the files.
    """
    cure = (
        "bring them back, train again with --restart, or pass --ignore-seal "
        "(ignore_seal=True) if you mean it"
    )
    seal.check(folder, cure, read=(*_READ, RESULT))
