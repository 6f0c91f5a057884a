"""A grid of runs by ``study run``, which shares what it can, against a command a run.

Both sides find the records converted, and nothing else: each separate run computes its
own prefix, test features and number to beat, and imports TensorFlow. What separate runs
take does not depend on each other, so one of each number of images and recipe is run.
"""

import dataclasses
import functools
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import pipeline
from benchmarks.row import Row

_PROGRAM = "import sys; from kerastransfer import cli; sys.exit(cli.main(sys.argv[1:]))"
_IMAGES = {"train": 200, "val": 100, "test": 2000}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """What is trained: every recipe on every draw of every number of images."""

    recipes: tuple[str, ...]
    per_class: tuple[int, ...]
    draws: int = 3
    seeds: int = 1
    settings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.recipes) * len(self.per_class) * self.draws * self.seeds


_FROZEN = _Grid(recipes=("F1-7R8",), per_class=(5, 20, 50), seeds=2)
# Tuned runs gain but decoded crops and what the frozen ones share: told, no aim.
_WHOLE = _Grid(
    recipes=("F1-7R8", "F1-5FT6-7R8", "FT1-7R8"),
    per_class=(20,),
    settings=("--epochs", "10"),
)


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    return [
        _row("frozen runs of a grid", _FROZEN, aim=5.0),
        _row("all runs of a grid", _WHOLE, aim=1.0),
    ]


def _row(name: str, grid: _Grid, *, aim: float) -> Row:
    place = tempfile.TemporaryDirectory()
    for split, images in _IMAGES.items():
        pipeline.make_photographs(Path(place.name, "images", split), 300, 225, images)
    _run(Path(place.name), "convert", "--dataset", "folder:images")

    return Row(
        name=f"{name}: {grid.count} runs of {', '.join(grid.recipes)} on two classes "
        f"of photographs, {_IMAGES['test']:,} for testing, in one study against a "
        "command for each",
        aim=aim,
        unit="runs/min",
        ours=functools.partial(_study, grid, place),
        theirs=functools.partial(_separate, grid, place),
    )


def _study(grid: _Grid, made: "tempfile.TemporaryDirectory[str]") -> float:
    place = Path(made.name)
    with tempfile.TemporaryDirectory() as own:
        start = time.perf_counter()
        _run(
            Path(own),
            *("study", "run", "--datasets", f"folder:{place / 'images'}"),
            *("--records", str(place / "home" / "records"), "--no-distances"),
            *("--recipes", ",".join(grid.recipes), "--draws", str(grid.draws)),
            *("--images-per-class", ",".join(map(str, grid.per_class))),
            *("--seeds", str(grid.seeds), "--out", "study", *grid.settings),
        )
        minutes = (time.perf_counter() - start) / 60
        assert len(list(Path(own).rglob("result.json"))) == grid.count
    return grid.count / minutes


def _separate(grid: _Grid, made: "tempfile.TemporaryDirectory[str]") -> float:
    place = Path(made.name)
    pairs = list(itertools.product(grid.recipes, grid.per_class))
    start = time.perf_counter()
    for recipe, per_class in pairs:
        with tempfile.TemporaryDirectory() as own:
            _run(
                Path(own),
                *("train", "--dataset", f"folder:{place / 'images'}", "--no-export"),
                *("--records", str(place / "home" / "records"), "--recipe", recipe),
                *("--images-per-class", str(per_class), *grid.settings),
            )
            assert len(list(Path(own).rglob("result.json"))) == 1
    return len(pairs) / ((time.perf_counter() - start) / 60)


def _run(place: Path, *arguments: str) -> None:
    """Run a command to its end, in a folder and with a home of its own."""
    subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        cwd=place,
        env={**os.environ, "KERASTRANSFER_HOME": str(place / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
