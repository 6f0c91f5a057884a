"""Two recipes on the same draw, image by image: how sure it is of these two networks.

That one network is better than another says nothing of the next draw, for which
`statistics` compares means over draws.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.errors import DataError
from kerastransfer.evaluation.paired import Comparison, compare
from kerastransfer.foundation.quoting import quoted
from kerastransfer.runs import stored_answers
from kerastransfer.study import statistics
from kerastransfer.study.rates import StudyRow

_ANSWERS = Path("predictions", "test.csv")  # as `runs.predictions` writes it
_CURE = (
    "delete that run and its row in the table, and 'kerastransfer study run' trains it "
    "again"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The rows of two runs that differ in their recipe alone; see `ImageComparison`."""

    cell: tuple[Any, ...]
    first: tuple[Any, ...]
    second: tuple[Any, ...]
    rows: tuple[StudyRow, StudyRow]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageComparison:
    """A recipe minus the frozen one on the test images, for one draw and seed.

    Parameters
    ----------
    cell, first, second : tuple
        As of `CellComparison`.
    draw, seed : int
    result : Comparison
        On the test images.
    p_value : float
        Of McNemar's test, adjusted for the number of comparisons (Holm).
    """

    cell: tuple[Any, ...]
    first: tuple[Any, ...]
    second: tuple[Any, ...]
    draw: int
    seed: int
    result: Comparison
    p_value: float

    def __str__(self) -> str:
        ends = self.result.difference
        return (
            f"over the images of draw {self.draw} {100 * ends.low:+.1f} to "
            f"{100 * ends.high:+.1f}, p = {self.p_value:.2g}"
        )


def pairs(
    cell: tuple[Any, ...],
    recipes: Mapping[tuple[Any, ...], Sequence[StudyRow]],
    frozen: str,
) -> list[Pair]:
    """Pair every run of a cell with the frozen recipe's on the same draw and seed."""
    keys = [key for key in recipes if key[0] == frozen]
    return [
        Pair(cell=cell, first=first, second=second, rows=(row, other))
        for second in keys[:1]
        for first in recipes
        for row in recipes[first]
        for other in recipes[second]
        if first[0] != frozen
        and (row["draw"], row["seed"]) == (other["draw"], other["seed"])
    ]


def compare_all(study: Path, several: Sequence[Pair]) -> tuple[ImageComparison, ...]:
    """Compare pairs of runs whose answers are kept; others are passed over.

    Parameters
    ----------
    study : Path
        The study's folder.

    Raises
    ------
    DataError
        If answers are damaged, or two runs were tested on different images.
    """
    answers = {
        row["run"]: _read_answers(study / row["run"] / _ANSWERS)
        for pair in several
        for row in pair.rows
    }
    kept, compared = list[Pair](), list[Comparison]()
    for pair in several:
        first, second = (answers[row["run"]] for row in pair.rows)
        if first and second:
            kept.append(pair)
            compared.append(_compare(first, second, study))
    adjusted = statistics.holm([each.p_value for each in compared])
    return tuple(
        ImageComparison(
            cell=pair.cell,
            first=pair.first,
            second=pair.second,
            draw=pair.rows[0]["draw"],
            seed=pair.rows[0]["seed"],
            result=result,
            p_value=p_value,
        )
        for pair, result, p_value in zip(kept, compared, adjusted, strict=True)
    )


def _compare(
    first: Mapping[str, bool], second: Mapping[str, bool], study: Path
) -> Comparison:
    if first.keys() != second.keys():
        raise DataError(
            f"Expected the runs of {quoted(study)} to be tested on the same images, "
            "and two are not; were its records made anew? Name another --out."
        )
    right = np.array([[first[name], second[name]] for name in first], np.int64)
    return compare(np.ones(len(right), np.int64), right[:, 0], right[:, 1])


def _read_answers(path: Path) -> dict[str, bool]:
    """Return whether each test image was classified right; empty where none is kept."""
    if not path.exists():
        return {}
    stored = stored_answers.read(path, what="a run's answers", cure=_CURE)
    return dict(zip(stored.ids, stored.right.tolist(), strict=True))
