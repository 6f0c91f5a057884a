"""What a study's table says: means over draws, and which of two recipes is better."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastransfer.evaluation import wording
from kerastransfer.foundation import json_file
from kerastransfer.foundation.report import Preformatted
from kerastransfer.study import results, statistics
from kerastransfer.study.statistics import DrawMean, Paired

StudyRow = Mapping[str, Any]
_CELL = ("dataset", "backbone", "images_per_class")
_RECIPE = ("recipe", "rate")
CHOSEN = "the rate chosen on validation"


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
    """

    means: tuple[CellMean, ...]
    comparisons: tuple[CellComparison, ...]
    frozen: str
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
            gain = each.result.difference
            shown = wording.points(dataclasses.asdict(gain))
            if gain.draws == 1:  # which has no interval
                shown = shown.partition(" (")[0]
            lines.append(
                f"  {_name(each.cell)}  {_recipe(each.first):<{width}} {shown}: "
                f"{each.verdict}"
            )
        lines += [f"  failed: {reason}" for reason in self.failed]
        return "\n".join(lines)


def summarise(
    rows: Iterable[StudyRow],
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
    means, compared = [], []
    for cell, by_rate in by_cell.items():
        recipes = by_rate | _at_chosen_rates(by_rate)
        averages = {
            recipe: statistics.averaged(several, column)
            for recipe, several in recipes.items()
        }
        means += [
            CellMean(
                cell=cell,
                recipe=recipe,
                accuracy=statistics.mean_over_draws(list(average.values())),
            )
            for recipe, average in averages.items()
        ]
        compared += _compare(cell, _decided(averages), frozen, margin)
    return Summary(
        means=tuple(means),
        comparisons=_adjusted(compared),
        frozen=frozen,
        failed=tuple(results.failures(rows)),
    )


def _at_chosen_rates(
    by_rate: Mapping[tuple[Any, ...], list[StudyRow]],
) -> dict[tuple[Any, ...], list[StudyRow]]:
    """Choose a rate for each draw and seed of a recipe, by validation accuracy.

    Of rates that are equally good the lowest is taken. A recipe with one rate is left
    as it is.
    """
    runs: dict[str, dict[tuple[int, int], list[StudyRow]]] = {}
    for (recipe, _), rows in by_rate.items():
        for row in rows:
            key = row["draw"], row["seed"]
            runs.setdefault(recipe, {}).setdefault(key, []).append(row)
    several = collections.Counter(recipe for recipe, _ in by_rate)
    return {
        (recipe, CHOSEN): [max(rows, key=_quality) for rows in of_draws.values()]
        for recipe, of_draws in runs.items()
        if several[recipe] > 1
    }


def _quality(row: StudyRow) -> tuple[float, float]:
    return row["val_accuracy"] or 0.0, -row["rate"]


def _decided(averages: Mapping[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Any]:
    """Leave out what lost a choice of rates: it is no recipe of its own."""
    chosen = {recipe for recipe, rate in averages if rate == CHOSEN}
    return {
        key: average
        for key, average in averages.items()
        if key[0] not in chosen or key[1] == CHOSEN
    }


def _compare(
    cell: tuple[Any, ...],
    averages: Mapping[tuple[Any, ...], Mapping[int, float]],
    frozen: str,
    margin: float | None,
) -> list[tuple[Any, ...]]:
    """Compare every recipe of a cell with the frozen one, on their common draws."""
    against = [recipe for recipe in averages if recipe[0] == frozen]
    return [
        (
            cell,
            first,
            second,
            statistics.paired(averages[first], averages[second], margin),
        )
        for second in against[:1]
        for first in averages
        if first[0] != frozen and averages[first].keys() & averages[second].keys()
    ]


def _adjusted(compared: Sequence[tuple[Any, ...]]) -> tuple[CellComparison, ...]:
    """Adjust all p-values together, and say what each comparison shows."""
    p_values = statistics.holm([each[3].p_value for each in compared])
    equivalent = statistics.holm([each[3].p_equivalent for each in compared])
    return tuple(
        CellComparison(
            cell=cell,
            first=first,
            second=second,
            result=result,
            p_value=p,
            p_equivalent=q,
            verdict=statistics.verdict(result, p, q),
        )
        for (cell, first, second, result), p, q in zip(
            compared, p_values, equivalent, strict=True
        )
    )


def _name(cell: tuple[Any, ...]) -> str:
    dataset, _, number = cell
    return f"{dataset:<16} {'all' if number is None else number:>5}"


def _recipe(recipe: tuple[Any, ...]) -> str:
    name, rate = recipe
    return f"{name}, {rate}" if rate == CHOSEN else f"{name} at {rate:g}"
