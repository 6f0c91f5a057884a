"""The answers that a run keeps of every image, read back by whoever compares them."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

COLUMNS = ("id", "group", "true", "predicted", "rank")


class StoredAnswers(NamedTuple):
    """The rows of a table that `predictions.write` wrote, in its order.

    Parameters
    ----------
    ids, groups : tuple of str
        Of the images; a group is empty where there is none.
    true, predicted : tuple of str
        Names of classes.
    rows : list of list of str
        Whole rows, with what stands behind the columns above.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    true: tuple[str, ...]
    predicted: tuple[str, ...]
    rows: list[list[str]]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each image was classified right: shape (n,)."""
        pairs = zip(self.true, self.predicted, strict=True)
        return np.array([true == predicted for true, predicted in pairs], bool)


def read(
    path: Path, *, what: str, cure: str, classes: tuple[str, ...] | None = None
) -> StoredAnswers:
    """Read a run's answers.

    Parameters
    ----------
    what, cure : str
        Whose answers they are, and what brings them back, for the message.
    classes : tuple of str, optional
        Names of the columns of probabilities that have to be there; by default any.

    Raises
    ------
    DataError
        If the table is damaged, of other classes or not there.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        header, rows = [], []
    wanted = [*COLUMNS, *(f"p:{name}" for name in classes or ())]
    sound = header == wanted if classes else header[: len(COLUMNS)] == wanted
    if not sound or not rows or any(len(row) != len(header) for row in rows):
        raise damaged(path, what, cure)
    ids, groups, true, predicted = (tuple(row[i] for row in rows) for i in range(4))
    return StoredAnswers(ids, groups, true, predicted, rows)


def damaged(path: Path, what: str, cure: str) -> DataError:
    """Return the error that says that a table is not as it was written."""
    return DataError(
        f"Expected {what} in {quoted(path)}, and they are not there or damaged; {cure}."
    )
