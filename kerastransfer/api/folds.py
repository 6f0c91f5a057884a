"""Cross-validation: `cross_validate`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.api.given import (
    Data,
    Location,
    choice_of,
    dataset_of,
    records_folder_of,
    settings_of,
)
from kerastransfer.api.runs import sources_of
from kerastransfer.config import run_options
from kerastransfer.config.run_options import CACHE_LIMIT, CHECKPOINT_EVERY, RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.choice import Choice
from kerastransfer.foundation import keras_settings, system
from kerastransfer.recipe import Recipe
from kerastransfer.runs.folds import start as runs_of_folds
from kerastransfer.runs.folds.cross_validation import CrossValidation

if TYPE_CHECKING:
    import keras


@keras_settings.ours
def cross_validate(
    data: Data,
    recipe: str | Recipe,
    folds: int = 5,
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
    callbacks: "Iterable[keras.callbacks.Callback]" = (),
    **settings: Any,
) -> CrossValidation:
    """Say how good a recipe is where images are few; the test set is not read.

    Train and val are cut into folds, and each is predicted by a run on the others. A
    cross-validation that was interrupted goes on; a finished one is returned as it is.

    Parameters
    ----------
    folds : int
        2 to 10. Every class needs so many images, or groups where there are any.
    time_limit : float, optional
        Minutes of training of each fold.
    data, recipe, images_per_class, backbone, config, archives, options, records
        As for `train`, and so are the others; nothing is exported.

    Raises
    ------
    KerasTransferError
        In one line, with the cure: whatever the command line would refuse too.
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
    )
    return runs_of_folds.train(
        run_sources,
        system.utf8(Path(runs)),
        folds,
        records_folder=records_folder_of(data, records),
        options=RunOptions(
            cache=cache,
            cache_limit=cache_limit,
            checkpoint_every=checkpoint_every,
            time_limit=None if time_limit is None else 60 * time_limit,
            restart=restart,
            probe=probe,
            export=False,
        ),
        devices=choice_of(devices),
        callbacks=tuple(callbacks),
    )
