"""The runs of a study: the paper's, counted, and the order in which most is shared."""

import collections

import pytest

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import InputError
from kerastransfer.recipe import Recipe
from kerastransfer.study import grid as module
from kerastransfer.study.grid import PAPER_RECIPES, Grid, names_of, read_recipes

SEVEN = (
    *("caltech256", "sun397", "mit_indoor", "cub200", "coral", "plankton"),
    "yosinski",
)


def of(*names, **fields):
    fields = {"recipes": read_recipes("paper")} | fields
    return Grid(datasets=tuple(map(resolve, names)), **fields)


def test_the_papers_grid_is_196_runs():
    """Seven recipes at 4 + 4 + 4 + 3 + 4 + 4 + 5 numbers of images (Table 1)."""
    grid = of(*SEVEN)
    per_dataset = dict(zip(SEVEN, (28, 28, 28, 21, 28, 28, 35), strict=True))
    names = names_of(grid.cells())
    assert {name: len(cells) for name, cells in names.items()} == per_dataset
    assert all(len(set(cells)) == len(cells) for cells in names.values())
    cells = grid.cells()
    assert len(cells) == len(set(map(str, cells))) == 196
    assert len(of(*SEVEN, draws=3, seeds=2).cells()) == 6 * 196
    by_recipe = collections.Counter(str(cell.recipe) for cell in cells)
    assert by_recipe == dict.fromkeys(PAPER_RECIPES, 28)
    numbers = {c.images_per_class for c in cells if c.dataset.name == "coral"}
    assert numbers == {10, 50, 200, 450}


def test_what_shares_most_comes_together():
    cells = of("coral", "cub200", draws=2).cells()
    names = [cell.dataset.name for cell in cells]
    assert names == sorted(names, key=names.index)
    first = [str(cell.recipe) for cell in cells[:7]]
    assert first[:3] == ["F1-7R8", "F1-5R6-8", "F1-3R4-8"]
    assert len({(c.draw, c.images_per_class) for c in cells[:7]}) == 1


def test_rates_are_cells_of_recipes_that_tune():
    recipes = read_recipes("F1-7R8,FT1-7R8,F1-7R8+FT1-8,R1-8")
    cells = of("digits", recipes=recipes, images_per_class=(5,), rates=(5e-4, 1e-4))
    rates = collections.defaultdict(list)
    for cell in cells.cells():
        rates[str(cell.recipe)].append(cell.rate)
    assert rates == {
        "F1-7R8": [None],
        "FT1-7R8": [5e-4, 1e-4],
        "F1-7R8+FT1-8": [5e-4, 1e-4],
        "R1-8": [None],
    }
    settings = next(c for c in cells.cells() if c.rate).settings()
    assert settings["learning_rate"] == (5e-4,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"recipes": ()}, "one dataset and one recipe"),
        ({"draws": 0}, "--draws and --seeds of 1 or more"),
        ({"images_per_class": (1, 2), "draws": (1, 0)}, "--draws and --seeds of 1"),
        ({"images_per_class": (1,), "draws": (1, 2)}, "--draws once, or once for each"),
        ({"datasets": (resolve("digits"),)}, "digits has none that were published"),
        ({"recipes": (Recipe.parse("F1-7R8"),) * 2}, "each recipe once"),
    ],
)
def test_what_makes_no_grid_is_refused(fields, message):
    good = {"datasets": (resolve("coral"),), "recipes": read_recipes("paper")}
    with pytest.raises(InputError, match=message):
        module.Grid(**{**good, **fields})
