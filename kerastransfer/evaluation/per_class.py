"""Precision and recall of each class, with intervals."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.evaluation import wording
from kerastransfer.evaluation.intervals import Estimate, wilson

_MOST = 20  # classes of which all are printed
_SHOWN = 10  # of more, those with the lowest recall


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """How well one class is told from the others.

    Parameters
    ----------
    name : str
    recall : Estimate or None
        Fraction of its images that are taken for it; None where it has none.
    precision : Estimate or None
        Fraction of the images taken for it that are of it; None where none is.
    images, predicted : int
        How many are of it, and how many are taken for it.
    """

    name: str
    recall: Estimate | None
    precision: Estimate | None
    images: int
    predicted: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def per_class(
    matrix: npt.NDArray[np.int64], classes: Sequence[str]
) -> list[ClassMetrics]:
    """Measure each class by a confusion matrix, with Wilson's intervals.

    Parameters
    ----------
    matrix : array of shape (num_classes, num_classes)
        Images of true class `row` that were taken for class `column`.
    classes : sequence of str
        Names, in the order of rows and columns.

    Examples
    --------
    >>> cat, dog = per_class(np.array([[3, 1], [0, 5]]), ("cat", "dog"))
    >>> print(cat.recall)
    75.0 % (30.1 to 95.4), n = 4
    >>> dog.precision.value, dog.predicted
    (0.8333333333333334, 6)
    """
    right = np.diag(matrix).tolist()
    rows, columns = matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    return [
        ClassMetrics(
            name=name,
            recall=wilson(hits, images) if images else None,
            precision=wilson(hits, predicted) if predicted else None,
            images=images,
            predicted=predicted,
        )
        for name, hits, images, predicted in zip(
            classes, right, rows, columns, strict=True
        )
    ]


def per_class_text(several: Sequence[ClassMetrics]) -> str:
    """Draw a table of classes; of many, those with the lowest recall.

    Examples
    --------
    >>> print(per_class_text(per_class(np.array([[3, 1], [0, 5]]), ("cat", "dog"))))
    class  images  recall                  predicted  precision
    cat         4  75.0 % (30.1 to 95.4)           3  100.0 % (43.9 to 100.0)
    dog         5  100.0 % (56.6 to 100.0)         6  83.3 % (43.6 to 97.0)
    """
    shown, note = list(several), []
    if len(shown) > _MOST:
        present = [each for each in shown if each.recall is not None]
        shown = sorted(present, key=_recall)[:_SHOWN]
        note = [f"the {len(shown)} of {len(several)} classes with the lowest recall"]
    width = max(5, *(len(each.name) for each in shown))
    lines = [f"{'class':<{width}}  images  {'recall':<22}  predicted  precision"]
    for each in shown:
        lines.append(
            f"{each.name:<{width}}  {each.images:>6,}  {_spelt(each.recall):<22}  "
            f"{each.predicted:>9,}  {_spelt(each.precision)}"
        )
    return "\n".join([*note, *lines])


def _recall(each: ClassMetrics) -> float:
    return 0.0 if each.recall is None else each.recall.value


def _spelt(value: Estimate | None) -> str:
    return "none" if value is None else wording.percent(value.as_dict())
