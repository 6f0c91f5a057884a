"""A confusion matrix as text: whole, or with many classes its largest cells."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# A wider matrix would not fit a terminal.
_WIDEST = 12
_LARGEST = 10


def confusion_text(matrix: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """Draw a confusion matrix, or with many classes its ten largest confusions.

    Parameters
    ----------
    matrix : array of shape (num_classes, num_classes)
        Images of true class `row` that were taken for class `column`.
    classes : sequence of str
        Names, in the order of rows and columns.

    Examples
    --------
    >>> print(confusion_text(np.array([[3, 1], [0, 5]]), ("cat", "dog")))
    confusion matrix: rows true, columns predicted, in the order of the rows
    cat    3    1
    dog    .    5
    """
    if len(classes) > _WIDEST:
        return _largest_confusions(matrix, classes)
    width = max(5, *(len(str(cell)) + 1 for cell in matrix.flat))
    names = max(len(name) for name in classes)
    lines = ["confusion matrix: rows true, columns predicted, in the order of the rows"]
    for name, row in zip(classes, matrix.tolist(), strict=True):
        cells = "".join(f"{cell or '.':>{width}}" for cell in row)
        lines.append(f"{name:>{names}}{cells}")
    return "\n".join(lines)


def _largest_confusions(matrix: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    pairs = [
        (count, true, predicted)
        for true, row in enumerate(matrix.tolist())
        for predicted, count in enumerate(row)
        if predicted != true and count
    ]
    lines = ["largest confusions: images, true class, predicted class"]
    for count, true, predicted in sorted(pairs, key=lambda pair: -pair[0])[:_LARGEST]:
        lines.append(f"{count:>6}  {classes[true]}  {classes[predicted]}")
    return "\n".join(lines)
