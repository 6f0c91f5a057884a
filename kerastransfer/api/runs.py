"""Runs: `train`, `plan` and `open_run`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.api.advice import advised
from kerastransfer.api.given import (
    Data,
    Location,
    choice_of,
    dataset_of,
    path_of,
    records_folder_of,
    settings_of,
)
from kerastransfer.config import run_options
from kerastransfer.config.run_options import CACHE_LIMIT, CHECKPOINT_EVERY, RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.distribution.choice import Choice
from kerastransfer.foundation import keras_settings, system
from kerastransfer.recipe import Recipe
from kerastransfer.runs import finished, sources, start
from kerastransfer.runs.finished import Run
from kerastransfer.runs.folds import start as runs_of_folds
from kerastransfer.runs.plan import FoldsPlan, RunPlan
from kerastransfer.runs.sources import Sources

if TYPE_CHECKING:
    import keras


@keras_settings.ours
@advised
def train(
    data: Data,
    recipe: str | Recipe,
    *,
    images_per_class: int | None = None,
    backbone: str | None = None,
    config: TrainConfig | Mapping[str, Any] | None = None,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
    weights: Location | None = None,
    mean_image: Location | None = None,
    runs: Location = "runs",
    cache: str = "auto",
    cache_limit: int = CACHE_LIMIT,
    devices: int | Choice | None = None,
    time_limit: float | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    restart: bool = False,
    probe: bool = True,
    export: bool = True,
    callbacks: "Iterable[keras.callbacks.Callback]" = (),
    **settings: Any,
) -> Run:
    """Train one recipe on one dataset, evaluate it and export it.

    A run that was interrupted goes on; a finished one is returned as it is.

    Parameters
    ----------
    data : str, path, pandas.DataFrame, pair of arrays, or Records
        A known name, ``"folder:DIR"``, ``"csv:FILE"``, ``"parquet:PATH"``,
        ``"tfds:NAME"``; a folder or a CSV file; a frame with the columns ``path`` and
        ``label`` and, if you like, ``split`` and ``group``; ``(images, labels)`` with
        images of shape (n, height, width, 3), uint8; or what `load` returned.
    recipe : str or Recipe
        Such as ``"F1-7R8"``; or ``"auto"`` for the one that `advise` recommends.
    images_per_class : int, optional
        Training images of each class; by default all there are.
    backbone : str, optional
        By default ``alexnet`` for the study's seven datasets, else
        ``efficientnet_lite0``. Also ``"keras:FILE.keras"``, ``"hub:PRESET"``, and
        ``"function:MODULE:NAME"`` such as ``"function:my_lab.models:make"``: the module
        is imported, and the function, called without arguments, returns a `keras.Model`
        with its weights; its layers may be your own. Behind the name may stand how it
        is to be taken: ``?preprocessing=unit&size=96&cuts=a,b,c,d,e,f&feature=mean``.
        Whoever opens such a run imports that module, so open only runs that you trust.
    config : TrainConfig or mapping, optional
        Settings of another run, over which the arguments win.
    archives, records : path, optional
        Folders of the dataset's published files, and of converted datasets.
    options : mapping of str to value, optional
        Of the dataset itself, such as ``{"exclude": "masks/"}`` of a folder; by default
        those that its records were made with.
    weights, mean_image : path, optional
        Files of the pretrained weights, and of a mean image (``.binaryproto``).
    runs : path
        The folder that gets the run's own.
    cache, cache_limit : {'auto', 'on', 'off'}, int
        Whether frozen blocks are computed once, and a cache's largest size in bytes.
    devices : int or Choice, optional
        How many devices of this machine; by default all GPUs, else one CPU.
    time_limit : float, optional
        Minutes of training after which the best epoch so far is the result.
    checkpoint_every : float
        Seconds between two checkpoints.
    restart, probe, export : bool
        Whether to begin anew, to measure the number to beat, to write a SavedModel.
    callbacks : iterable of keras.callbacks.Callback
        Told of steps and epochs.
    **settings
        Fields of `TrainConfig`, such as ``epochs=(30,)``; see ``docs/settings.md``.

    Raises
    ------
    KerasTransferError
        In one line, with the cure: whatever the command line would refuse too.

    Examples
    --------
    ::

        run = kt.train("digits", "F1-7R8", images_per_class=50)
        print(run.test.accuracy, run.to_beat)
    """
    run_sources = sources_of(
        recipe,
        chosen=settings_of(
            config, settings, images_per_class=images_per_class, backbone=backbone
        ),
        dataset=dataset_of(data, archives, options, records),
        weights=weights,
        mean_image=mean_image,
    )
    return start.train(
        run_sources,
        system.utf8(Path(runs)),
        records_folder=records_folder_of(data, records),
        options=RunOptions(
            cache=cache,
            cache_limit=cache_limit,
            checkpoint_every=checkpoint_every,
            time_limit=None if time_limit is None else 60 * time_limit,
            restart=restart,
            probe=probe,
            export=export,
        ),
        devices=choice_of(devices),
        callbacks=tuple(callbacks),
    )


def open_run(folder: Location, *, ignore_seal: bool = False) -> Run:
    """Open a finished run.

    Parameters
    ----------
    folder : path
        A run's own, such as ``runs/digits_efficientnet_lite0_F1-7R8_...``.
    ignore_seal : bool
        Whether to take its files even where they were changed since it was finished.

    Raises
    ------
    MissingError
        If no finished run is there.
    DataError
        If a file was changed, removed or added.
    """
    return finished.read(system.utf8(Path(folder)), ignore_seal=ignore_seal)


@keras_settings.ours
def plan(
    data: Data,
    recipe: str | Recipe,
    *,
    images_per_class: int | None = None,
    backbone: str | None = None,
    config: TrainConfig | Mapping[str, Any] | None = None,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
    weights: Location | None = None,
    mean_image: Location | None = None,
    cache: str = "auto",
    cache_limit: int = CACHE_LIMIT,
    devices: int | Choice | None = None,
    folds: int | None = None,
    probe: bool = True,
    measure: bool = False,
    **settings: Any,
) -> RunPlan | FoldsPlan:
    """Say what `train` would do: images, phases, blocks, caches.

    Parameters
    ----------
    data, recipe, images_per_class, backbone, config, archives, options, records
        As for `train`, and so are the others.
    folds : int, optional
        What `cross_validate` would do, with so many folds.
    measure : bool
        Whether to take 20 steps of each phase and predict time and memory. Without it
        TensorFlow is not imported and no record is written.
    """
    run_options.check_folds(folds)  # before anything is read
    run_sources = sources_of(
        recipe,
        chosen=settings_of(
            config, settings, images_per_class=images_per_class, backbone=backbone
        ),
        dataset=dataset_of(data, archives, options, records),
        weights=weights,
        mean_image=mean_image,
        download=False,
    )
    carried_out: dict[str, Any] = {
        "records_folder": records_folder_of(data, records),
        "options": RunOptions(cache=cache, cache_limit=cache_limit, probe=probe),
        "devices": choice_of(devices),
        "measure": measure,
    }
    if folds is not None:
        return runs_of_folds.plan(run_sources, folds, **carried_out)
    return start.plan(run_sources, **carried_out)


def sources_of(
    recipe: str | Recipe,
    *,
    chosen: Mapping[str, Any],
    dataset: Dataset,
    weights: Location | None,
    mean_image: Location | None,
    download: bool = True,
) -> Sources:
    """Find what a run is made from; see `sources.find`."""
    return sources.find(
        {**chosen, "recipe": recipe},
        dataset=dataset,
        weights=path_of(weights),
        mean_image=path_of(mean_image),
        download=download,
    )
