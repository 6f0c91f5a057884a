"""Which of several learning rates counts: the one that validates best."""

import collections
from collections.abc import Mapping
from typing import Any, TypeVar

StudyRow = Mapping[str, Any]
T = TypeVar("T")
CHOSEN = "the rate chosen on validation"


def at_chosen_rates(
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
        (recipe, CHOSEN): [max(rows, key=quality) for rows in of_draws.values()]
        for recipe, of_draws in runs.items()
        if several[recipe] > 1
    }


def quality(row: StudyRow) -> tuple[float, float]:
    """Return what a run is chosen by: validation accuracy, then the lower rate."""
    return row["val_accuracy"] or 0.0, -row["rate"]


def decided(recipes: Mapping[tuple[Any, ...], T]) -> dict[tuple[Any, ...], T]:
    """Leave out what lost a choice of rates: it is no recipe of its own."""
    chosen = {recipe for recipe, rate in recipes if rate == CHOSEN}
    return {
        key: value
        for key, value in recipes.items()
        if key[0] not in chosen or key[1] == CHOSEN
    }
