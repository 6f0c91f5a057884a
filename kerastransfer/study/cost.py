"""How long a study will take: a few steps of each recipe, and sums."""

import dataclasses
from typing import Any

from kerastransfer.foundation.progress import counted, duration
from kerastransfer.foundation.report import Preformatted, say
from kerastransfer.runs import sources, start
from kerastransfer.runs.plan import RunPlan
from kerastransfer.runs.sources import Sources
from kerastransfer.study.grid import Cell, Grid, names_of
from kerastransfer.study.work import Common, shared_by

_BYTES = 4  # of a parameter
_COPIES = 2  # of a run's weights: model.keras, and the best of its last phase


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StudyCost(Preformatted):
    """What a study will take, if none of its runs is finished; ``str`` sums it up.

    Parameters
    ----------
    runs : dict of str to int
        By dataset.
    seconds : dict of str to float
        By dataset: caches, training and validation of all epochs, one run at a time.
        Evaluation and export are left out, and a run may end before its last epoch.
    disk : int
        Bytes of all runs' weights; records and caches are left out.
    """

    runs: dict[str, int]
    seconds: dict[str, float]
    disk: int

    def __str__(self) -> str:
        lines = [
            f"{name:<16} {counted(number, 'run')}, about {duration(self.seconds[name])}"
            for name, number in self.runs.items()
        ]
        total = duration(sum(self.seconds.values()))
        lines.append(
            f"{'all':<16} {counted(sum(self.runs.values()), 'run')}, about {total} one "
            f"after another; {self.disk / 1e9:.1f} GB of weights"
        )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)


def predict(grid: Grid, common: Common) -> StudyCost:
    """Take 20 steps of every recipe on every dataset, and predict a study's time.

    Records are made where there are none. A recipe's steps are measured at its most
    images per class; other runs differ in how many they take.

    Raises
    ------
    KerasTransferError
        If a recipe cannot be trained: better now than in the midst of a study.
    """
    cells = grid.cells()
    seconds = dict.fromkeys(names_of(cells), 0.0)
    disk, filled = 0, set[tuple[Any, ...]]()
    measured: dict[tuple[str, str], tuple[Sources, RunPlan]] = {}
    for cell in cells:
        key = cell.dataset.name, str(cell.recipe)
        if key not in measured:
            say(f"Measuring {cell}")
            measured[key] = _measure(cell, common)
        inputs, plan = measured[key]
        again = _shares(cell, filled)
        seconds[cell.dataset.name] += _seconds(cell, inputs, plan, shared=again)
        disk += _COPIES * _BYTES * _parameters(plan)
    runs = {name: len(each) for name, each in names_of(cells).items()}
    return StudyCost(runs=runs, seconds=seconds, disk=disk)


def _measure(cell: Cell, common: Common) -> tuple[Sources, RunPlan]:
    inputs = sources.find(
        {**common.settings, **cell.settings()},
        dataset=cell.dataset,
        archives=common.archives,
        weights=common.weights,
        mean_image=common.mean_image,
        download=False,
    )
    plan = start.plan(
        inputs, records_folder=common.records, options=common.options, measure=True
    )
    return inputs, plan


def _shares(cell: Cell, filled: set[tuple[Any, ...]]) -> bool:
    """Whether an earlier run of the study has filled this one's caches; note it."""
    key = shared_by(cell)
    again = key in filled
    filled.add(key)
    return again


def _seconds(cell: Cell, inputs: Sources, plan: RunPlan, *, shared: bool) -> float:
    """Scale what was measured to the images of another run of the recipe."""
    assert plan.cost is not None
    settings = {**inputs.settings, **cell.settings()}
    config = dataclasses.replace(inputs, settings=settings).config(plan.sizes)
    counts = plan.sizes.variant_counts(cell.images_per_class).values()
    images, most = sum(counts), sum(plan.counts.values())
    total = 0.0 if shared else plan.cost.features * images / most
    for epochs, phase in zip(config.epochs, plan.cost.phases, strict=True):
        steps = epochs * -(-images // config.batch_size)
        total += steps * phase.step + epochs * phase.validation
        total += 0.0 if shared else phase.filling * images / most
    return total


def _parameters(plan: RunPlan) -> int:
    classes = len(plan.sizes.classes)
    return sum(plan.backbone.parameters(n, classes) for n in range(1, 9))
