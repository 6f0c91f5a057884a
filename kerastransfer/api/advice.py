"""Advice: `advise`, training what it recommends, and `rank`."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from kerastransfer.advice.contenders import CONTENDERS, FROZEN
from kerastransfer.advice.question import (
    FILE,
    INTERRUPTED,
    MARGIN,
    STOPPED,
    TIME_LIMIT,
    Question,
)
from kerastransfer.api.given import (
    Data,
    Location,
    choice_of,
    dataset_of,
    folder_of,
    path_of,
    records_folder_of,
    settings_of,
)
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.config.run_options import CACHE_LIMIT, RunOptions
from kerastransfer.config.settings import command_words
from kerastransfer.config.train_config import HASHES
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.distribution.choice import Choice, refuse_several_processes
from kerastransfer.errors import InputError, MissingError, Terminated
from kerastransfer.foundation import atomic, keras_settings, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.runs import sources
from kerastransfer.runs.finished import Run

if TYPE_CHECKING:
    from kerastransfer.advice.ranking import Ranking
    from kerastransfer.advice.recommendation import Recommendation

AUTO = "auto"
_P = ParamSpec("_P")
_PLACES = frozenset(("dataset", *HASHES))  # which have flags of their own
# Arguments of `train` that say how a run is carried out: of no use to a pilot.
_OF_RUNS = frozenset(
    (
        *("runs", "devices", "time_limit", "checkpoint_every", "restart"),
        *("probe", "export", "callbacks"),
    )
)


@keras_settings.ours
def advise(
    data: Data,
    *,
    images_per_class: int | None = None,
    time_limit: float = TIME_LIMIT,
    margin: float = MARGIN,
    backbone: str | None = None,
    config: Mapping[str, Any] | None = None,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
    weights: Location | None = None,
    mean_image: Location | None = None,
    cache: str = "auto",
    cache_limit: int = CACHE_LIMIT,
    out: Location | None = None,
    **settings: Any,
) -> "Recommendation":
    """Say which recipe to train, by trying some on parts of train and val.

    The test set is not read. What was tried before is not tried again.

    Parameters
    ----------
    data
        As for `train`, and so are all arguments that are not named here.
    images_per_class : int, optional
        Training images of each class that are asked about; by default all.
    time_limit : float
        Minutes after which there is an answer.
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    out : path, optional
        Keeps what was tried; by default ``advice/DATASET_BACKBONE``, and what is asked
        about.

    Returns
    -------
    Recommendation
        Prints the evidence; ``decision`` holds the recipe.

    Raises
    ------
    DataError
        If the images are too few to compare anything on.
    """
    chosen = settings_of(
        config, settings, images_per_class=images_per_class, backbone=backbone
    )
    dataset = dataset_of(data, archives, options, records)
    asked = chosen.get("images_per_class")
    run_sources = sources.find(
        chosen,
        recipes=[contender.recipe for contender in CONTENDERS],
        dataset=dataset,
        weights=path_of(weights),
        mean_image=path_of(mean_image),
    )
    if "learning_rate" in chosen:
        raise InputError(
            "Expected no --learning-rate: recipes are tried at several; leave it out, "
            "or train a recipe at that rate."
        )
    flags = {
        "--archives": archives,
        "--records": records,
        "--weights": weights,
        "--mean-image": mean_image,
    }
    words = [
        *("--dataset", dataset.spec),
        *command_words({k: v for k, v in chosen.items() if k not in _PLACES}),
        *(word for flag, at in flags.items() if at for word in (flag, str(at))),
    ]
    question = Question(
        images_per_class=asked,
        minutes=time_limit,
        margin=margin,
        words=tuple(words),
    )
    refuse_several_processes("advise")
    name = f"{dataset.name}_{run_sources.backbone.name}" + (
        f"_n{asked}" if asked else ""
    )
    import_quietly()
    from kerastransfer.advice import advise as work

    return work.advise(
        run_sources,
        question,
        out=folder_of(out) or Path("advice", name),
        records_folder=records_folder_of(data, records),
        options=RunOptions(cache=cache, cache_limit=cache_limit),
    )


@keras_settings.ours
def rank(
    data: Data,
    backbones: Iterable[str | Path],
    *,
    blocks: Iterable[int] | None = None,
    images_per_class: int | None = None,
    fit: Fit | None = None,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
) -> "Ranking":
    """Say which pretrained network's features tell the classes apart best.

    The test set is not read, and nothing is trained but plain classifiers.

    Parameters
    ----------
    data, images_per_class, fit, archives, options, records
        As for `train`; without `fit` a run's own is taken.
    backbones : iterable of str or path
        Names, or folders of finished runs. One whose weights are not here is listed
        with the reason.
    blocks : iterable of int, optional
        From 1 to 7; several are ranked beside each other, which shows where to cut. By
        default block 7, whose output recipes' classifiers take.

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    DataError
        If the weights of none are here, or the images are too few.
    """
    chosen = _blocks(blocks)
    dataset = dataset_of(data, archives, options, records)
    wanted = [_source(each, dataset, fit) for each in backbones]
    import_quietly()
    from kerastransfer.advice import ranking

    return ranking.rank(
        wanted,
        blocks=chosen or ranking.DEFAULT_BLOCKS,
        images_per_class=images_per_class,
        records_folder=records_folder_of(data, records),
    )


def _blocks(blocks: Iterable[int] | None) -> tuple[int, ...]:
    chosen = tuple(dict.fromkeys(blocks or ()))
    wrong = [block for block in chosen if not 1 <= block < NUM_BLOCKS]
    if wrong:
        raise InputError(
            f"Expected --blocks from 1 to {NUM_BLOCKS - 1}, got {quoted(wrong[0])}."
        )
    return chosen


def _source(
    named: str | Path, dataset: Dataset, fit: Fit | None
) -> tuple[str, sources.Sources | str]:
    """Find a backbone, or say why it cannot be had."""
    run = Path(named) if system.is_folder(Path(named)) else None
    settings: dict[str, Any] = {} if run else {"backbone": str(named)}
    if fit is not None:
        settings["fit"] = fit
    try:
        there = sources.find(
            settings, recipes=[FROZEN.recipe], dataset=dataset, weights=run
        )
    except MissingError as error:
        return str(named), str(error)
    return str(named), there


def advised(train: Callable[_P, Run]) -> Callable[_P, Run]:
    """Let ``"auto"`` stand for the recipe that is recommended; the run keeps why."""

    @functools.wraps(train)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> Run:
        given: dict[str, Any] = dict(zip(("data", "recipe"), args, strict=False))
        given |= kwargs
        if given.get("recipe") != AUTO:
            return train(*args, **kwargs)
        del given["recipe"]
        refuse_several_processes("a recipe of auto")
        if choice_of(given.get("devices")) != Choice():
            raise InputError(
                "Expected no devices with a recipe of auto, for its pilot runs on one; "
                "ask 'kerastransfer advise', and train what it says on all."
            )
        asked = {k: value for k, value in given.items() if k not in _OF_RUNS}
        recommended = advise(**asked)
        if recommended.pilot.ended == STOPPED:
            raise Terminated(INTERRUPTED)
        run = _call(train, given | recommended.decision.contender.settings)
        if run.result:  # else a worker's
            atomic.write_json(run.folder / FILE, recommended.as_dict())
        return run

    return wrapper


def _call(train: Callable[..., Run], arguments: dict[str, Any]) -> Run:
    return train(**arguments)
