"""A study's results as one table, a row a run, that anything can open.

``results.csv`` always, and ``results.parquet`` where pyarrow is installed. The columns
are `COLUMNS`; accuracies are fractions of 1 on the test set, with 95 % intervals over
its images, which tell how good that one network is.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.place import without_place
from kerastransfer.runs.finished import Run
from kerastransfer.study.grid import Cell

CSV, PARQUET = "results.csv", "results.parquet"
# Each column's name, type and meaning.
COLUMNS: dict[str, tuple[type, str]] = {
    "cell": (str, "which run of the study it is"),
    "dataset": (str, "name of the images"),
    "backbone": (str, "the pretrained network"),
    "recipe": (str, "what happened to each block"),
    "images_per_class": (int, "training images of each class; empty for all"),
    "draw": (int, "which training images"),
    "seed": (int, "what shuffling and re-drawn weights followed from"),
    "rate": (float, "highest learning rate, of the last phase"),
    "status": (str, "finished or failed"),
    "error": (str, "why it failed; empty where it did not"),
    "accuracy": (float, "test accuracy"),
    "accuracy_low": (float, "lower end of its interval over images"),
    "accuracy_high": (float, "upper end"),
    "mean_per_class": (float, "mean over classes of the test accuracy"),
    "mean_per_class_low": (float, "lower end of its interval over images"),
    "mean_per_class_high": (float, "upper end"),
    "nll": (float, "test negative log-likelihood, nats"),
    "test_images": (int, "images of the test set"),
    "val_accuracy": (float, "validation accuracy, by which epochs were chosen"),
    "probe_accuracy": (float, "test accuracy of a plain classifier on features"),
    "classes": (int, "number of classes"),
    "train_images": (int, "training images"),
    "epochs": (int, "passes over them, of all phases"),
    "steps": (int, "steps, of all phases"),
    "stopped": (str, "why training ended"),
    "training_seconds": (float, "seconds of training"),
    "seconds": (float, "seconds in all"),
    "run": (str, "the run's folder, below the study's"),
    "config_hash": (str, "SHA-256 of the run's settings"),
    "kerastransfer": (str, "release"),
    "tensorflow": (str, "release"),
}


def row_of(cell: Cell, run: Run, study: Path) -> dict[str, Any]:
    """Return the row of a finished run in a study's folder."""
    result, test, val = run.result, run.test, run.val
    accuracy, per_class = test.accuracy, test.mean_per_class_accuracy
    to_beat = run.to_beat
    return {
        "cell": str(cell),
        "dataset": without_place(run.config.dataset),
        "backbone": run.config.backbone,
        "recipe": str(run.config.recipe),
        "images_per_class": run.config.images_per_class,
        "draw": run.config.draw,
        "seed": run.config.seed,
        "rate": run.config.learning_rate[-1],
        "status": "finished",
        "error": "",
        "accuracy": accuracy.value,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "mean_per_class": per_class.value,
        "mean_per_class_low": per_class.low,
        "mean_per_class_high": per_class.high,
        "nll": test.nll.value,
        "test_images": accuracy.n,
        "val_accuracy": None if val is None else val.accuracy.value,
        "probe_accuracy": None if to_beat is None else to_beat.test.accuracy.value,
        "classes": len(run.classes),
        "train_images": sum(result["train_counts"].values()),
        "epochs": sum(phase["epochs"] for phase in result["phases"]),
        "steps": sum(phase["steps"] for phase in result["phases"]),
        "stopped": result["stopped"],
        "training_seconds": result["training_seconds"],
        "seconds": result["seconds"],
        "run": run.folder.relative_to(study).as_posix(),
        "config_hash": run.config.hash,
        "kerastransfer": result["versions"]["kerastransfer"],
        "tensorflow": result["versions"]["tensorflow"],
    }


def failed_row(cell: Cell, backbone: str, reason: str) -> dict[str, Any]:
    """Return the row of a run that failed, with its reason."""
    known = {
        "cell": str(cell),
        "dataset": without_place(cell.dataset.spec),
        "backbone": backbone,
        "recipe": str(cell.recipe),
        "images_per_class": cell.images_per_class,
        "draw": cell.draw,
        "seed": cell.seed,
        "rate": cell.rate,
        "status": "failed",
        "error": reason,
    }
    return dict.fromkeys(COLUMNS) | known


def write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table in both formats, each whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(folder / CSV, text.getvalue())
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:  # the CSV says as much
        return
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema(
        [
            pa.field(name, types[kind], metadata={"description": words})
            for name, (kind, words) in COLUMNS.items()
        ]
    )
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with atomic.replacing(folder / PARQUET, ".parquet") as scratch:
        parquet.write_table(table, scratch)


def read(folder: Path) -> list[dict[str, Any]]:
    """Read a study's table from its CSV.

    Raises
    ------
    MissingError
        If there is none.
    DataError
        If it is no such table.
    """
    path = folder / CSV
    if not path.is_file():
        raise MissingError(
            f"Expected a study's {CSV} in {quoted(folder)}, and it is not there; "
            "'kerastransfer study run' writes it."
        )
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or set(reader.fieldnames) != set(COLUMNS):
                raise ValueError("its columns are others")
            rows = [dict(_typed(row)) for row in reader]
        if not all(_is_below(row["run"]) for row in rows):
            raise ValueError("a run lies elsewhere")
        return rows
    except (ValueError, csv.Error, TypeError) as error:
        raise DataError(
            f"Expected a study's table in {quoted(path)}: {error}; 'kerastransfer "
            "study run' writes it again."
        ) from None


def failures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for every run that failed."""
    return [
        f"{row['dataset']} {row['recipe']}: {row['error']}"
        for row in rows
        if row["status"] == "failed"
    ]


def _typed(row: Mapping[str, str]) -> Iterable[tuple[str, Any]]:
    for name, (kind, _) in COLUMNS.items():
        text = row[name]
        if text is None:
            raise ValueError("a row is too short")
        yield name, (text if kind is str else kind(text) if text else None)


def _is_below(run: str) -> bool:
    """Whether a run's folder lies below the study's."""
    return not PurePosixPath(run).is_absolute() and ".." not in PurePosixPath(run).parts
