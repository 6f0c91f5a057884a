"""What a study trains: every recipe on every dataset, at every number of images.

Needs no TensorFlow.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import Action, Recipe
from kerastransfer.records.place import without_place
from kerastransfer.surgery import frozen_prefix

PAPER = "paper"
# The top 1, 3 or 5 of the eight layers at random, the others frozen or tuned, and
# training from scratch (Chu et al. 2016, Figures 1 and 2).
PAPER_RECIPES = (
    *("F1-7R8", "F1-5R6-8", "F1-3R4-8"),
    *("FT1-7R8", "FT1-5R6-8", "FT1-3R4-8"),
    "R1-8",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run of a study.

    Parameters
    ----------
    dataset : Dataset
    recipe : Recipe
    images_per_class : int or None
        None for all there are.
    draw : int
        Which training images; test and validation images stay the same.
    seed : int
        What shuffling and re-drawn weights follow from.
    rate : float or None
        Highest learning rate; None for the recipe's default.
    """

    dataset: Dataset
    recipe: Recipe
    images_per_class: int | None
    draw: int
    seed: int
    rate: float | None = None

    def settings(self) -> dict[str, Any]:
        """Return the fields of `TrainConfig` that the cell chooses."""
        chosen: dict[str, Any] = {
            "recipe": str(self.recipe),
            "images_per_class": self.images_per_class,
            "draw": self.draw,
            "seed": self.seed,
        }
        if self.rate is not None:
            chosen["learning_rate"] = (self.rate,)
        return chosen

    def __str__(self) -> str:
        images = "all" if self.images_per_class is None else self.images_per_class
        rate = "" if self.rate is None else f", rate {self.rate:g}"
        return (
            f"{self.dataset.name} {self.recipe}, {images} images a class, "
            f"draw {self.draw}, seed {self.seed}{rate}"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The runs of a study, before any of them is made.

    Parameters
    ----------
    datasets : tuple of Dataset
    recipes : tuple of Recipe
    images_per_class : tuple of int or None, or 'paper'
        The same for every dataset; or each dataset's published numbers.
    draws : int or tuple of int
        How many subsets of the training images, counted from 0; or how many for each
        of `images_per_class`, in its order: small subsets differ more.
    seeds : int
        How many of each, counted from 0.
    rates : tuple of float
        Learning rates of recipes that tune a copied block; each is a cell of its own.
        Empty for the default.

    Raises
    ------
    InputError
        If nothing is named, a dataset without published numbers is to have them, or
        there are not as many `draws` as `images_per_class`.
    """

    datasets: tuple[Dataset, ...]
    recipes: tuple[Recipe, ...]
    images_per_class: tuple[int | None, ...] | str = PAPER
    draws: int | tuple[int, ...] = 1
    seeds: int = 1
    rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.datasets or not self.recipes:
            raise InputError("Expected one dataset and one recipe or more.")
        names = [dataset.name for dataset in self.datasets]
        for kind, several in (("dataset", names), ("recipe", self.recipes)):
            if len(set(several)) < len(several):
                raise InputError(f"Expected each {kind} once.")
        called = [without_place(dataset.spec) for dataset in self.datasets]
        if len(set(called)) < len(called):  # which no table could tell apart
            raise InputError(
                f"Expected datasets of different names, got {quoted(called)}; rename a "
                "folder or file."
            )
        for dataset in self.datasets:
            self._check_draws(self.numbers(dataset))

    def numbers(self, dataset: Dataset) -> tuple[int | None, ...]:
        """Return the numbers of training images per class of one dataset."""
        if self.images_per_class != PAPER:
            assert not isinstance(self.images_per_class, str)
            return self.images_per_class
        if not dataset.info.variant_sizes:
            raise InputError(
                "Expected --images-per-class with numbers, such as 1,10,50: "
                f"{dataset.name} has none that were published."
            )
        return dataset.info.variant_sizes

    def _check_draws(self, numbers: Sequence[int | None]) -> None:
        several = self._draws(numbers)
        if min(*several, self.seeds) < 1:
            raise InputError(
                f"Expected --draws and --seeds of 1 or more, got {quoted(self.draws)} "
                f"and {self.seeds}."
            )
        if len(several) != len(numbers):
            raise InputError(
                f"Expected --draws once, or once for each of {len(numbers)} "
                f"--images-per-class, got {len(several)}."
            )

    def _draws(self, numbers: Sequence[int | None]) -> tuple[int, ...]:
        """Return how many draws there are of each number of images."""
        if isinstance(self.draws, int):
            return (self.draws,) * len(numbers)
        return self.draws

    def cells(self) -> list[Cell]:
        """Return all runs, ordered so that most is shared.

        Runs of one dataset come together, for its records; then those of one draw and
        number of images, for the probe's features; and of these, those with the longest
        frozen prefix first, whose cache holds for every other run with it.
        """
        return [cell for dataset in self.datasets for cell in self._of_dataset(dataset)]

    def _of_dataset(self, dataset: Dataset) -> Iterable[Cell]:
        numbers = self.numbers(dataset)
        draws = dict(zip(numbers, self._draws(numbers), strict=True))
        largest_first = sorted(numbers, key=_size, reverse=True)
        recipes = sorted(self.recipes, key=frozen_blocks, reverse=True)
        for draw, number, seed, recipe in itertools.product(
            range(max(draws.values())), largest_first, range(self.seeds), recipes
        ):
            for rate in self._rates(recipe) if draw < draws[number] else ():
                yield Cell(
                    dataset=dataset,
                    recipe=recipe,
                    images_per_class=number,
                    draw=draw,
                    seed=seed,
                    rate=rate,
                )

    def _rates(self, recipe: Recipe) -> Sequence[float | None]:
        """Return the rates that a recipe is tried at."""
        return self.rates if self.rates and tunes(recipe) else (None,)


def tunes(recipe: Recipe) -> bool:
    """Whether a phase of a recipe fine-tunes a block.

    >>> tunes(Recipe.parse("F1-7R8")), tunes(Recipe.parse("F1-7R8+FT1-8"))
    (False, True)
    """
    return any(
        step.action is Action.FINE_TUNE
        for phase in recipe.phases
        for step in phase.steps
    )


def read_recipes(names: str | Iterable[str | Recipe]) -> tuple[Recipe, ...]:
    """Return the recipes of the preset ``paper``, or those that are named."""
    if names == PAPER:
        names = PAPER_RECIPES
    elif isinstance(names, str):
        names = names.split(",")
    return tuple(dict.fromkeys(Recipe.of(name) for name in names))


def names_of(cells: Iterable[Cell]) -> dict[str, list[str]]:
    """Return what the runs of each dataset are called."""
    names: dict[str, list[str]] = {}
    for cell in cells:
        names.setdefault(cell.dataset.name, []).append(str(cell))
    return names


def _size(number: int | None) -> float:
    return float("inf") if number is None else number


def frozen_blocks(recipe: Recipe) -> int:
    """Count the blocks whose outputs a recipe's first phase may have from a cache."""
    return frozen_prefix(recipe.phases[0])
