"""A confusion matrix in a file: a table with the classes' names, or a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kerastransfer.foundation.formats import csv_table, figure_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NUMBERS = 20  # classes; the cells of more hold no number
_CELL, _LEAST = 0.36, 3.2  # inches
_LARGEST = 20.0
_DARK = 0.55  # of a row, from which a number is white


def check(path: Path) -> None:
    """Refuse a file that could not be written; cheap, to be asked before the work.

    Raises
    ------
    InputError
        If its ending is none of ours.
    MissingError
        If a figure is asked for and matplotlib is not installed.
    """
    figure_file.check(path, "a confusion matrix", (".csv",))


def write(path: Path, matrix: npt.NDArray[np.int64], classes: Sequence[str]) -> None:
    """Write a confusion matrix, whole or not at all, as the file's ending says.

    Parameters
    ----------
    matrix : array of shape (num_classes, num_classes)
        Images of true class `row` that were taken for class `column`.
    classes : sequence of str
        Names, in the order of rows and columns.
    """
    if path.suffix.lower() == ".csv":
        header = ["true \\ predicted", *classes]
        named = zip(classes, matrix.tolist(), strict=True)
        csv_table.write(path, [header, *([name, *row] for name, row in named)])
        return
    from matplotlib.figure import Figure

    side = min(max(_LEAST, _CELL * len(classes) + 1.6), _LARGEST)
    figure = Figure(figsize=(side, side), layout="constrained")
    draw(figure.add_subplot(), matrix, classes)
    figure_file.write(path, figure)


def draw(axes: "Axes", matrix: npt.NDArray[np.int64], classes: Sequence[str]) -> "Axes":
    """Draw a confusion matrix: the darker, the larger a part of its row.

    Up to twenty classes have their numbers of images in the cells.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    parts = matrix / np.maximum(totals, 1)
    axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=90, parse_math=False)
    axes.set_yticks(places, classes, parse_math=False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(f"{int(matrix.sum()):,} images")
    if len(classes) <= _MOST_NUMBERS:
        for row, column in np.argwhere(matrix):
            colour = "white" if parts[row, column] > _DARK else "black"
            number = f"{matrix[row, column]:,}"
            axes.text(column, row, number, ha="center", va="center", color=colour)
    return axes
