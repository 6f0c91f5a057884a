"""A run's answer to every image, as a table that anything can read."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.export.answers import table
from kerastransfer.features.image_set import LabelledExamples, example_texts
from kerastransfer.foundation import atomic
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted

FOLDER = "predictions"
_DIGITS = 6  # of a probability in a table of mistakes
COLUMNS = ("id", "group", "true", "predicted", "rank")


class Answers(NamedTuple):
    """What a network makes of a split's images, in the order of the records.

    Parameters
    ----------
    probabilities : array of shape (n, classes)
    labels : array of shape (n,)
        The true classes.
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.int64]


def write(
    folder: Path,
    split: str,
    answers: Answers,
    records: LabelledExamples,
    classes: tuple[str, ...],
    positions: IntArray | None = None,
) -> Path:
    """Write ``predictions/SPLIT.csv`` in a run's folder.

    A row for each image: its ``id`` and ``group`` in the records (the group is empty
    where there is none), the ``true`` and the ``predicted`` class, the ``rank`` of the
    true class (1 where it is the most probable one), and a column ``p:CLASS`` with each
    class's probability. Two runs on the same split pair by ``id``.

    Parameters
    ----------
    classes : tuple of str
        Names, in the order of the probabilities.
    positions : array of shape (n,), optional
        Of the images in the split; by default all of it.
    """
    path = folder / FOLDER / f"{split}.csv"
    predicted = answers.probabilities.argmax(axis=1)
    ranks = ranks_of(answers)
    images = np.arange(records.size(split)) if positions is None else positions
    with _writing(path) as writer:
        writer.writerow([*COLUMNS, *(f"p:{name}" for name in classes)])
        for row, position in enumerate(images.tolist()):
            example = records.serialized(split, position)
            name, group = example_texts(example, "id", "group")
            writer.writerow(
                [
                    *(name, group, classes[answers.labels[row]]),
                    *(classes[predicted[row]], ranks[row]),
                    *(f"{p:.6g}" for p in answers.probabilities[row]),
                ]
            )
    return path


def gather(
    folds: Sequence[tuple[int, Path]], path: Path, classes: tuple[str, ...]
) -> tuple[Answers, list[str]]:
    """Write the answers to all folds in one table, and read them back.

    It has the columns of `write`, and ``fold``, the number of the fold that an image
    was in, before the probabilities.

    Parameters
    ----------
    folds : sequence of (int, Path)
        Each fold's number and its run's folder, whose ``test.csv`` is read.

    Returns
    -------
    answers : Answers
        In the order of the table, to the six digits that it holds.
    groups : list of str
        Each image's group; empty where it has none.

    Raises
    ------
    DataError
        If a fold's table is of other classes, or is not there.
    """
    header = [*COLUMNS, *(f"p:{name}" for name in classes)]
    cut, rows = len(COLUMNS), list[list[str]]()
    for number, folder in folds:
        path_of_fold = folder / FOLDER / "test.csv"
        what, cure = "the answers to a fold", "--restart trains the folds again"
        for row in _read(path_of_fold, header, what, cure):
            rows.append([*row[:cut], str(number), *row[cut:]])
    with _writing(path) as writer:
        writer.writerow([*header[:cut], "fold", *header[cut:]])
        writer.writerows(rows)
    true, group = COLUMNS.index("true"), COLUMNS.index("group")
    labels = np.array([classes.index(row[true]) for row in rows], np.int64)
    probabilities = np.array([row[cut + 1 :] for row in rows], np.float64)
    return Answers(probabilities, labels), [row[group] for row in rows]


def read_answers(path: Path, classes: tuple[str, ...]) -> Answers:
    """Read the answers of a table that `write` wrote, to the six digits that it holds.

    Raises
    ------
    DataError
        If it is damaged, of other classes or not there.
    """
    header = [*COLUMNS, *(f"p:{name}" for name in classes)]
    what, cure = "a run's answers", "train the run again"
    rows = _read(path, header, what, cure)
    true, cut = COLUMNS.index("true"), len(COLUMNS)
    try:
        labels = np.array([classes.index(row[true]) for row in rows], np.int64)
        return Answers(np.array([row[cut:] for row in rows], np.float64), labels)
    except ValueError:
        raise _damaged(path, what, cure) from None


def read_right(path: Path) -> NDArray[np.bool_]:
    """Read whether each image of a table that `write` wrote was classified right.

    Raises
    ------
    DataError
        If it is damaged or not there.
    """
    true, predicted = COLUMNS.index("true"), COLUMNS.index("predicted")
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file)
        right = np.array([row[true] == row[predicted] for row in rows], bool)
    except (OSError, ValueError, IndexError):
        header, right = [], np.zeros(0, bool)
    if tuple(header[: len(COLUMNS)]) != COLUMNS or not len(right):
        raise DataError(
            f"Expected a run's answers in {quoted(path)}, and they are not there or "
            "damaged; delete that run, and the same command trains it again."
        )
    return right


def write_mistakes(
    path: Path,
    answers: Answers,
    records: LabelledExamples,
    split: str,
    classes: Sequence[str],
) -> int:
    """Write a table of all images of a split; return how many are mistakes.

    Columns are ``id`` and ``group`` of the image, its ``true`` and ``predicted`` class,
    ``mistake`` (1 or 0), the ``probability`` of the predicted class and ``p_true`` of
    the true one, and ``p:CLASS`` of each. Mistakes come first, of them the most
    confident; then what is right, the least confident first.

    Parameters
    ----------
    path : Path
        As `table.check` accepts it.
    """
    columns: dict[str, type] = {
        **dict.fromkeys(("id", "group", "true", "predicted"), str),
        "mistake": int,
        **dict.fromkeys(("probability", "p_true"), float),
        **{f"p:{name}": float for name in classes},
    }
    predicted = answers.probabilities.argmax(axis=1)
    order = _order(answers, predicted)
    rows = _rows(answers, predicted, order, records, split, classes)
    table.write(path, columns, rows)
    return int(np.count_nonzero(predicted != answers.labels))


def _order(answers: Answers, predicted: IntArray) -> IntArray:
    """Return images in the order of the table; of equals the earlier comes first."""
    confidence = answers.probabilities[np.arange(len(predicted)), predicted]
    wrong = predicted != answers.labels
    return np.lexsort((np.where(wrong, -confidence, confidence), ~wrong))


def _rows(
    answers: Answers,
    predicted: IntArray,
    order: IntArray,
    records: LabelledExamples,
    split: str,
    classes: Sequence[str],
) -> Iterator[dict[str, Any]]:
    for image in order.tolist():
        name, group = example_texts(records.serialized(split, image), "id", "group")
        true, given = int(answers.labels[image]), int(predicted[image])
        probabilities = answers.probabilities[image].astype(float).round(_DIGITS)
        yield {
            "id": name,
            "group": group,
            "true": classes[true],
            "predicted": classes[given],
            "mistake": int(true != given),
            "probability": float(probabilities[given]),
            "p_true": float(probabilities[true]),
            **{f"p:{c}": float(p) for c, p in zip(classes, probabilities, strict=True)},
        }


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Any]:
    """Give a CSV writer, whose table is there once it is whole."""
    with (
        atomic.replacing(path) as scratch,
        scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as to,
    ):
        yield csv.writer(to)


def _read(path: Path, header: list[str], what: str, cure: str) -> list[list[str]]:
    """Read the rows of a table that `write` wrote."""
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            first, *rows = csv.reader(file)
    except (OSError, ValueError):
        first, rows = [], []
    if first != header or not rows or any(len(row) != len(header) for row in rows):
        raise _damaged(path, what, cure)
    return rows


def _damaged(path: Path, what: str, cure: str) -> DataError:
    return DataError(
        f"Expected {what} in {quoted(path)}, and they are not there or damaged; {cure}."
    )


def ranks_of(answers: Answers) -> NDArray[np.int64]:
    """Return the place of each true class among the probabilities, from 1.

    Of classes that are equally probable the one with the lower index comes first, as
    in `numpy.argmax`.

    Examples
    --------
    >>> rows = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    >>> ranks_of(Answers(rows, np.array([2, 1])))
    array([2, 2])
    """
    probabilities, labels = answers
    true = np.take_along_axis(probabilities, labels[:, np.newaxis], axis=1)
    before = np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
    ahead = (probabilities > true) | ((probabilities == true) & before)
    ranks: NDArray[np.int64] = 1 + np.count_nonzero(ahead, axis=1)
    return ranks
