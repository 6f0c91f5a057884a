"""Seals of what is kept: a run and a SavedModel are those that were measured."""

from pathlib import Path
from typing import Any

from kerastransfer.foundation import atomic
from kerastransfer.foundation.formats import seal
from kerastransfer.records.images import rules

CONFIG, LABELS = "config.json", "labels.txt"
METRICS, MODEL = "metrics.jsonl", "model.keras"
MEAN_IMAGE = "mean_image.npy"
RESULT = "result.json"
SAVED_MODEL = "saved_model"  # a folder
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


def check_run(folder: Path) -> None:
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


def saved_model_files(saved_model: Path) -> list[str]:
    """Return the names of a SavedModel's files, but for those that others added."""
    patterns = ("*.pb", "variables/*", "assets/*")
    paths = [path for pattern in patterns for path in saved_model.glob(pattern)]
    return sorted(path.relative_to(saved_model).as_posix() for path in paths)


def check_saved_model(saved_model: Path) -> None:
    """Refuse a SavedModel of which a file was changed since it was written.

    Raises
    ------
    DataError
        The message names the files.
    """
    cure = "export the run again, or pass --ignore-seal (ignore_seal=True)"
    seal.check(saved_model, cure, read=saved_model_files(saved_model))
