"""Cross-validation: each fold of train and val is predicted by a run without it.

The test set is not read. A fold's run is a run like any other: it has the recipe and
the settings of the run on all training images, and a folder of its own, in which the
held-out fold stands for the test set. It chooses its best epoch by a part of the other
folds.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer.config.run_options import RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start
from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.fold_records import FoldPool, FoldRecords
from kerastransfer.records.reader import Records
from kerastransfer.records.sizes import Sizes
from kerastransfer.records.split.folds import (
    Fold,
    FoldImages,
    check_units,
    make_folds,
)
from kerastransfer.runs import finished
from kerastransfer.runs.folds import cross_validation
from kerastransfer.runs.folds.cross_validation import CrossValidation, fold_name
from kerastransfer.runs.plan import FoldsPlan
from kerastransfer.runs.sources import Sources
from kerastransfer.runs.start import AGAIN, inputs_of, is_done
from kerastransfer.runs.start import plan as start_plan

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True, slots=True)
class _FoldRun:
    """One fold's run: what it is trained on, and where it is."""

    number: int  # from 1
    fold: Fold
    records: FoldRecords
    config: TrainConfig
    folder: Path


def train(
    sources: Sources,
    runs: Path,
    num_folds: int,
    *,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    devices: Choice | None = None,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> CrossValidation:
    """Train a run for each fold, or go on with them, or return what is finished.

    Parameters
    ----------
    sources : Sources
        With a recipe in its settings.
    runs : Path
        The folder that gets that of the cross-validation, with the folds' runs in it.
    num_folds : int
        2 to 10.
    records_folder, options, devices, callbacks
        As for `start.train`; no SavedModel is exported.

    Raises
    ------
    DataError
        If a class has fewer images, or groups, than there are folds.
    """
    options = options or RunOptions()
    replicas = start(devices or Choice())
    records = find_or_convert(sources.dataset, records_folder)
    config = sources.config(Sizes.of_records(records))
    folder = Path(runs) / f"{config.run_name}_folds{num_folds}"
    images, fold_runs = _fold_runs(records, config, num_folds, folder)
    before = None if options.restart else cross_validation.read(folder)
    done = [not options.restart and _is_finished(each, options) for each in fold_runs]
    if before is not None and all(done):
        say("These folds are finished; --restart trains them again.")
        return before
    from kerastransfer.runs import execution

    if replicas.chief:
        (folder / cross_validation.RESULT).unlink(missing_ok=True)
    for each, finished_before in zip(fold_runs, done, strict=True):
        say(_title(each, num_folds, finished_before))
        if finished_before:
            continue
        inputs = inputs_of(
            sources, each.records, options, replicas, callbacks, sharing_runs=num_folds
        )
        about = {"fold": each.number, "folds": num_folds}
        inputs = dataclasses.replace(inputs, about=about)
        with system.telling_of_full_disk(each.folder, AGAIN):
            execution.train(each.config, inputs, each.folder)
    if not replicas.chief:
        return CrossValidation(
            folder=folder, config=config, classes=records.classes, result={}
        )
    _write(folder, config, records, images, fold_runs)
    result = cross_validation.read(folder)
    assert result is not None  # just written
    return result


def plan(
    sources: Sources,
    num_folds: int,
    *,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    devices: Choice | None = None,
    measure: bool = False,
) -> FoldsPlan:
    """Say what `train` would do; without `measure` TensorFlow is not imported.

    Parameters
    ----------
    sources, num_folds, records_folder, options, devices
        As for `train`.
    measure : bool
        Whether to take some steps of the run on all training images.

    Raises
    ------
    DataError
        If a class has fewer images, or groups, than there are folds.
    """
    run = start_plan(
        sources,
        records_folder=records_folder,
        options=options,
        devices=devices,
        measure=measure,
    )
    planned = FoldsPlan(run=run, num_folds=num_folds)
    check_units(
        run.sizes.classes, planned.units, num_folds, grouped=planned.groups is not None
    )
    return planned


def _fold_runs(
    records: Records, config: TrainConfig, num_folds: int, folder: Path
) -> tuple[FoldImages, list[_FoldRun]]:
    """Cut the images of train and val into folds, and say what each run is."""
    from kerastransfer.features.image_set import example_texts

    pool = FoldPool(records, config.images_per_class, config.draw)
    texts = [example_texts(pool.serialized(i), "id", "group") for i in range(len(pool))]
    images = FoldImages(
        classes=records.classes,
        labels=pool.labels,
        ids=[name for name, _ in texts],
        groups=[group for _, group in texts],
    )
    seed = int(records.metadata["split_seed"])
    folds = make_folds(
        images,
        num_folds,
        num_val=records.size("val"),
        seed=seed,
    )
    fold_runs = []
    for number, fold in enumerate(folds, start=1):
        view = FoldRecords(pool, fold)
        own = dataclasses.replace(config, records=view.fold_hash)
        fold_runs.append(_FoldRun(number, fold, view, own, folder / fold_name(number)))
    return images, fold_runs


def _is_finished(each: _FoldRun, options: RunOptions) -> bool:
    """Whether a fold's run is there, and is of these images.

    Raises
    ------
    InputError
        If it is of others.
    """
    if not is_done(each.folder, options.time_limit):
        return False
    there = finished.read(each.folder).config
    if there != each.config:
        raise InputError(
            f"Expected fold {each.number} of these images in {quoted(each.folder)}, "
            "and a run of others is there; --restart trains all folds again."
        )
    return True


def _title(each: _FoldRun, num_folds: int, finished_before: bool) -> str:
    fold = each.fold
    state = " (finished before)" if finished_before else ""
    return (
        f"Fold {each.number} of {num_folds}{state}: {len(fold.train):,} images to "
        f"train on, {len(fold.val):,} of the other folds to choose the epoch by, "
        f"{len(fold.held_out):,} held out"
    )


def _write(
    folder: Path,
    config: TrainConfig,
    records: Records,
    images: FoldImages,
    fold_runs: Sequence[_FoldRun],
) -> None:
    """Gather the folds' answers, measure them together, and write the result last."""
    from kerastransfer.evaluation import metrics
    from kerastransfer.evaluation.unseen_groups import clustered_accuracy
    from kerastransfer.runs import predictions, result_file

    answers, groups = predictions.gather(
        [(each.number, each.folder) for each in fold_runs],
        folder / cross_validation.PREDICTIONS,
        records.classes,
    )
    pooled = metrics.evaluate(*answers, groups=groups)
    right = answers.probabilities.argmax(axis=1) == answers.labels
    units = [f"group {g}" if g else f"image {i}" for i, g in enumerate(groups)]
    accuracy = clustered_accuracy(right, units)
    entries = [_entry(each, images) for each in fold_runs]
    result = {
        **result_file.chosen(config),
        "split_seed": records.metadata["split_seed"],
        "folds": len(fold_runs),
        "grouped": images.is_grouped,
        "classes": list(records.classes),
        **cross_validation.summary(entries, pooled, accuracy),
        "predictions": cross_validation.PREDICTIONS.as_posix(),
        "config_hash": config.hash,
        "config": config.as_dict(),
    }
    atomic.write_json(folder / cross_validation.RESULT, result)


def _entry(each: _FoldRun, images: FoldImages) -> dict[str, Any]:
    """Return what ``folds.json`` says of a fold."""
    result = finished.read(each.folder).result
    held_out = each.fold.held_out.tolist()
    groups = np.unique([images.groups[i] for i in held_out if images.groups[i]])
    return {
        "fold": each.number,
        "run": each.folder.name,
        "train": len(each.fold.train),
        "val": len(each.fold.val),
        "images": len(held_out),
        "groups": len(groups),
        "accuracy": result["test"]["accuracy"],
        "to_beat": result["probe"] and result["probe"]["test"]["accuracy"],
        "stopped": result["stopped"],
    }
