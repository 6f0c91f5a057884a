"""A finished cross-validation: its folds, and how good the recipe is on all of them."""

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.config.train_config import TrainConfig
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.evaluation.wording import percent
from kerastransfer.foundation.report import Preformatted
from kerastransfer.runs import finished, result_file
from kerastransfer.runs.finished import Run

RESULT = "folds.json"
PREDICTIONS = Path("predictions", "folds.csv")
# Without these a result is none.
_NEEDED = {"config", "classes", "accuracy", "mean_accuracy", "pooled", "per_fold"}


def fold_name(number: int) -> str:
    """Name the folder of a fold's run, by its number from 1.

    >>> fold_name(3)
    'fold03'
    """
    return f"fold{number:02d}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation(Preformatted):
    """What the folder of a cross-validation says of it.

    Parameters
    ----------
    config : TrainConfig
        Of the run on all training images, whose recipe and settings each fold has.
    classes : tuple of str
        Names, in the order of the labels.
    result : mapping
        What ``folds.json`` holds; empty in a process that trained for a chief.
    """

    folder: Path
    config: TrainConfig
    classes: tuple[str, ...]
    result: Mapping[str, Any] = dataclasses.field(repr=False)

    @property
    def accuracy(self) -> Estimate:
        """Of all images, each predicted by the run that had its fold held out.

        The interval is one for groups; an image without one is its own.
        """
        return Estimate.from_dict(self.result["accuracy"])

    @property
    def mean_accuracy(self) -> float:
        """Mean of the folds' accuracies, a fraction."""
        return float(self.result["mean_accuracy"])

    @property
    def metrics(self) -> Metrics:
        """Of all images together."""
        return Metrics.from_dict(self.result["pooled"])

    @property
    def predictions(self) -> Path:
        """The table of all images' answers, with the number of each one's fold."""
        return self.folder / PREDICTIONS

    def runs(self) -> tuple[Run, ...]:
        """Open the folds' runs; ``test`` of each is on the fold that was held out."""
        folds = self.result["per_fold"]
        return tuple(finished.read(self.folder / each["run"]) for each in folds)

    def __str__(self) -> str:
        folds = self.result["per_fold"]
        lines = [
            f"{self.config.recipe} on {self.config.dataset} with "
            f"{self.config.backbone}: {len(folds)} folds of "
            f"{sum(fold['images'] for fold in folds):,} images of train and val, each "
            "predicted by the run without its fold, 95 % intervals",
            *_table(folds),
            f"{'mean of folds':<15} {100 * self.mean_accuracy:.1f} %",
            str(self.metrics),
            f"{'predictions':<15} {self.predictions}",
            f"{'runs':<15} {self.folder}",
            "Without --folds, one run is trained on all training images, and measured "
            "on test.",
        ]
        return "\n".join(lines)


def _table(folds: list[Mapping[str, Any]]) -> list[str]:
    """Return a row for each fold; of groups and the number to beat where there are."""
    grouped = any(fold["groups"] for fold in folds)
    beaten = any(fold["to_beat"] is not None for fold in folds)
    head = f"{'fold':>4}{'trained on':>12}{'validated':>11}{'held out':>10}"
    head += f"{'groups':>8}" * grouped + f"  {'accuracy':<24}" + "to beat" * beaten
    lines = [head.rstrip()]
    for fold in folds:
        row = f"{fold['fold']:>4}{fold['train']:>12,}{fold['val']:>11,}"
        row += f"{fold['images']:>10,}" + f"{fold['groups']:>8,}" * grouped
        row += f"  {percent(fold['accuracy']):<24}"
        if fold["to_beat"] is not None:
            row += f"{100 * fold['to_beat']['value']:.1f} %"
        lines.append(row.rstrip())
    return lines


def summary(
    folds: list[dict[str, Any]], pooled: Metrics, accuracy: Estimate
) -> dict[str, Any]:
    """Return what ``folds.json`` says of the accuracy.

    Parameters
    ----------
    folds : list of dict
        An entry for each, with its ``accuracy``.
    pooled : Metrics
        Of all images together.
    accuracy : Estimate
        Theirs, with an interval for groups, where they have some.
    """
    return {
        "accuracy": accuracy.as_dict(),
        "mean_accuracy": statistics.fmean(fold["accuracy"]["value"] for fold in folds),
        "pooled": pooled.as_dict(),
        "per_fold": folds,
    }


def read(folder: Path) -> CrossValidation | None:
    """Read what a cross-validation left; None where it has not finished.

    Raises
    ------
    InputError
        If its result is damaged.
    """
    what = "the result of a cross-validation"
    result = result_file.read_fields(folder / RESULT, _NEEDED, what)
    if result is None:
        return None
    return CrossValidation(
        folder=folder,
        config=TrainConfig.from_dict(result["config"]),
        classes=tuple(result["classes"]),
        result=result,
    )
