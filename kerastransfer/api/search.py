"""Searching: `tune`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kerastransfer.api.given import (
    Data,
    Location,
    dataset_of,
    folder_of,
    path_of,
    records_folder_of,
    settings_of,
)
from kerastransfer.config.run_options import CACHE_LIMIT, CHECKPOINT_EVERY, RunOptions
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.choice import refuse_several_processes
from kerastransfer.foundation import keras_settings
from kerastransfer.recipe import Recipe
from kerastransfer.runs import sources
from kerastransfer.tuning.search_plan import SearchPlan

if TYPE_CHECKING:
    from kerastransfer.tuning.start import Search

_SHARED = (
    "unset it, and share a search through KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT "
    "and KERASTUNER_TUNER_ID."
)
# What a search chooses among by default: the head alone, deeper and deeper tuning.
RECIPES = ("F1-7R8", "F1-5FT6-7R8", "FT1-7R8", "F1-7R8+FT1-8")


@keras_settings.ours
def tune(
    data: Data,
    *,
    recipes: Iterable[str | Recipe] = RECIPES,
    trials: int = 30,
    tuner: str = "hyperband",
    search_seed: int = 0,
    out: Location | None = None,
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
    checkpoint_every: float = CHECKPOINT_EVERY,
    restart: bool = False,
    **settings: Any,
) -> "Search":
    """Search for a recipe and its settings, on the validation set.

    A search that was interrupted goes on. A setting that is given does not vary.

    Parameters
    ----------
    data
        As for `train`, and so are all arguments that are not named here.
    recipes : iterable of str or Recipe
        Among which the search chooses.
    trials : int
        Most trials that are trained.
    tuner : {'hyperband', 'bayesian'}
        How the next one is chosen.
    search_seed : int
        What that follows from.
    out : path, optional
        Keeps the search; by default ``searches/DATASET_BACKBONE``.

    Returns
    -------
    Search
        ``search.best.config`` trains the best: ``kt.train(data, config.recipe,
        config=config)``.
    """
    from kerastransfer.tuning import start as search_start

    refuse_several_processes("tune", _SHARED)
    names = tuple(dict.fromkeys(str(Recipe.of(recipe)) for recipe in recipes))
    plan = SearchPlan(
        tuner=tuner, trials=trials, seed=search_seed, checkpoint_every=checkpoint_every
    )
    run_sources = sources.find(
        settings_of(
            config, settings, images_per_class=images_per_class, backbone=backbone
        ),
        recipes=names,
        dataset=dataset_of(data, archives, options, records),
        weights=path_of(weights),
        mean_image=path_of(mean_image),
    )
    places = {
        "--archives": archives,
        "--records": records,
        "--weights": weights,
        "--mean-image": mean_image,
    }
    return search_start.tune(
        run_sources,
        names,
        plan,
        out=folder_of(out),
        records_folder=records_folder_of(data, records),
        options=RunOptions(cache=cache, cache_limit=cache_limit, restart=restart),
        flags=[(flag, str(place)) for flag, place in places.items() if place],
    )
