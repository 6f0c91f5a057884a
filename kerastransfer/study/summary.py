"""What a study's table says: means over draws, and which of two recipes is better."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.evaluation import wording
from kerastransfer.foundation import json_file
from kerastransfer.foundation.report import Preformatted
from kerastransfer.study import by_image, rates, results, statistics
from kerastransfer.study.by_image import ImageComparison
from kerastransfer.study.rates import CHOSEN, StudyRow
from kerastransfer.study.statistics import DrawMean, Paired

_CELL = ("dataset", "backbone", "images_per_class")
_RECIPE = ("recipe", "rate")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CellMean:
    """How good a recipe is at one number of images of one dataset.

    Parameters
    ----------
    cell : tuple
        Dataset, backbone and images per class.
    recipe : tuple
        Recipe and learning rate; or `CHOSEN`, where there are several.
    accuracy : DrawMean
    """

    cell: tuple[Any, ...]
    recipe: tuple[Any, ...]
    accuracy: DrawMean


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CellComparison:
    """A recipe minus the frozen one at one number of images of one dataset.

    Parameters
    ----------
    first, second : tuple
        The two recipes, with their learning rates; `CHOSEN` where there are several.
    result : Paired
        On the draws that both have.
    p_value, p_equivalent : float
        Adjusted for the number of comparisons (Holm).
    verdict : str
        As `statistics.verdict` says.
    """

    cell: tuple[Any, ...]
    first: tuple[Any, ...]
    second: tuple[Any, ...]
    result: Paired
    p_value: float
    p_equivalent: float
    verdict: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Preformatted):
    """Means and comparisons; ``str`` gives both as tables of text.

    Parameters
    ----------
    frozen : str
        The recipe that all others are compared with, the second of each comparison.
    by_image : tuple of ImageComparison
        The same pairs run by run, on the test images of those that kept their answers.
    """

    means: tuple[CellMean, ...]
    comparisons: tuple[CellComparison, ...]
    frozen: str
    by_image: tuple[ImageComparison, ...] = ()
    failed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them; NaN as null."""
        fields: dict[str, Any] = json_file.without_nan(dataclasses.asdict(self))
        return fields

    def __str__(self) -> str:
        width = max((len(_recipe(each.recipe)) for each in self.means), default=0)
        lines = ["Test accuracy: mean over draws, 95 % interval over draws"]
        lines += [
            f"  {_name(each.cell)}  {_recipe(each.recipe):<{width}} {each.accuracy}"
            for each in self.means
        ]
        if self.comparisons:
            lines.append(f"Minus {self.frozen}, on the same draws; p-values by Holm")
        for each in self.comparisons:
            shown = self._shown(each)
            lines.append(
                f"  {_name(each.cell)}  {_recipe(each.first):<{width}} {shown}"
            )
        lines += [f"  failed: {reason}" for reason in self.failed]
        return "\n".join(lines)

    def _shown(self, compared: CellComparison) -> str:
        """Write a difference, of a single draw with what its images say of it."""
        gain = compared.result.difference
        shown = wording.points(dataclasses.asdict(gain))
        if gain.draws > 1:
            return f"{shown}: {compared.verdict}"
        shown = shown.partition(" (")[0]  # a draw alone has no interval
        images = [
            each
            for each in self.by_image
            if (each.cell, each.first) == (compared.cell, compared.first)
        ]
        if len(images) != 1:
            return f"{shown}: {compared.verdict}"
        return f"{shown}: {compared.verdict}; {images[0]}"


def summarise(
    rows: Iterable[StudyRow],
    folder: Path | None = None,
    *,
    frozen: str = "F1-7R8",
    margin: float | None = None,
    column: str = "accuracy",
) -> Summary:
    """Sum up a study's table.

    Parameters
    ----------
    rows : iterable of mapping
        As `results.read` gives them.
    folder : Path, optional
        The study's, whose runs' answers are compared image by image.
    frozen : str
        The recipe that all others are compared with.
    margin : float, optional
        A difference of accuracy that does not matter, such as 0.01.
    column : str
        What is averaged: ``accuracy`` or ``mean_per_class``.
    """
    rows = list(rows)
    finished = [row for row in rows if row["status"] == "finished"]
    by_cell: dict[tuple[Any, ...], dict[tuple[Any, ...], list[StudyRow]]] = {}
    for row in finished:
        cell, recipe = (
            tuple(row[name] for name in names) for names in (_CELL, _RECIPE)
        )
        by_cell.setdefault(cell, {}).setdefault(recipe, []).append(row)
    means, compared, pairs = [], [], []
    for cell, by_rate in by_cell.items():
        recipes = by_rate | rates.at_chosen_rates(by_rate)
        averages = {
            recipe: statistics.averaged(several, column)
            for recipe, several in recipes.items()
        }
        means += [
            CellMean(
                cell=cell,
                recipe=recipe,
                accuracy=statistics.mean_over_draws(
                    list(average.values()),
                    least=0.0,
                    step=statistics.step_of(recipes[recipe]),
                ),
            )
            for recipe, average in averages.items()
        ]
        step = statistics.step_of([row for each in by_rate.values() for row in each])
        decided = rates.decided(averages)
        compared += _compare(cell, decided, frozen, margin, step)
        pairs += by_image.pairs(cell, rates.decided(recipes), frozen)
    return Summary(
        means=tuple(means),
        comparisons=_adjusted(compared),
        frozen=frozen,
        by_image=by_image.compare_all(folder, pairs) if folder is not None else (),
        failed=tuple(results.failures(rows)),
    )


def _compare(
    cell: tuple[Any, ...],
    averages: Mapping[tuple[Any, ...], Mapping[int, float]],
    frozen: str,
    margin: float | None,
    step: float,
) -> list[tuple[Any, ...]]:
    """Compare every recipe of a cell with the frozen one, on their common draws."""
    against = [recipe for recipe in averages if recipe[0] == frozen]
    return [
        (
            cell,
            first,
            second,
            statistics.paired(averages[first], averages[second], margin, step=step),
        )
        for second in against[:1]
        for first in averages
        if first[0] != frozen and averages[first].keys() & averages[second].keys()
    ]


def _adjusted(compared: Sequence[tuple[Any, ...]]) -> tuple[CellComparison, ...]:
    """Adjust all p-values together, and say what each comparison shows."""
    judged = statistics.judge([each[3] for each in compared])
    return tuple(
        CellComparison(
            cell=cell,
            first=first,
            second=second,
            result=result,
            p_value=each.p_value,
            p_equivalent=each.p_equivalent,
            verdict=each.verdict,
        )
        for (cell, first, second, result), each in zip(compared, judged, strict=True)
    )


def _name(cell: tuple[Any, ...]) -> str:
    dataset, _, number = cell
    return f"{dataset:<16} {'all' if number is None else number:>5}"


def _recipe(recipe: tuple[Any, ...]) -> str:
    name, rate = recipe
    return f"{name}, {rate}" if rate == CHOSEN else f"{name} at {rate:g}"
