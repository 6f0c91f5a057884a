"""A run's answer to every image, as a table that anything can read."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerastransfer.export.answers import table
from kerastransfer.features.image_set import LabelledExamples, example_texts
from kerastransfer.foundation import atomic
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.runs import stored_answers
from kerastransfer.runs.stored_answers import COLUMNS

FOLDER = "predictions"
_DIGITS = 6  # of a probability in a table of mistakes


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
    cut, rows, groups = len(COLUMNS), list[list[str]](), list[str]()
    for number, folder in folds:
        stored = stored_answers.read(
            folder / FOLDER / "test.csv",
            what="the answers to a fold",
            cure="--restart trains the folds again",
            classes=classes,
        )
        groups += stored.groups
        rows += [[*row[:cut], str(number), *row[cut:]] for row in stored.rows]
    with _writing(path) as writer:
        writer.writerow([*COLUMNS, "fold", *(f"p:{name}" for name in classes)])
        writer.writerows(rows)
    true = COLUMNS.index("true")
    labels = np.array([classes.index(row[true]) for row in rows], np.int64)
    probabilities = np.array([row[cut + 1 :] for row in rows], np.float64)
    return Answers(probabilities, labels), groups


def read_answers(
    path: Path, classes: tuple[str, ...]
) -> tuple[Answers, tuple[str, ...]]:
    """Read the answers of a table that `write` wrote, to the six digits that it holds.

    Returns
    -------
    answers : Answers
    groups : tuple of str
        Each image's group; empty where it has none.

    Raises
    ------
    DataError
        If it is damaged, of other classes or not there.
    """
    what, cure = "a run's answers", "train the run again"
    stored = stored_answers.read(path, what=what, cure=cure, classes=classes)
    cut = len(COLUMNS)
    try:
        labels = np.array([classes.index(name) for name in stored.true], np.int64)
        rows = np.array([row[cut:] for row in stored.rows], np.float64)
    except ValueError:
        raise stored_answers.damaged(path, what, cure) from None
    return Answers(rows, labels), stored.groups


def read_right(path: Path) -> NDArray[np.bool_]:
    """Read whether each image of a table that `write` wrote was classified right.

    Raises
    ------
    DataError
        If it is damaged or not there.
    """
    cure = "delete that run, and the same command trains it again"
    return stored_answers.read(path, what="a run's answers", cure=cure).right


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
