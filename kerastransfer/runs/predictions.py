"""A run's answer to every image, as a table that anything can read."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerastransfer.features.image_set import LabelledExamples, example_texts
from kerastransfer.foundation import atomic
from kerastransfer.foundation.arrays import IntArray

FOLDER = "predictions"
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
    with (
        atomic.replacing(path) as scratch,
        scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as to,
    ):
        writer = csv.writer(to)
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
