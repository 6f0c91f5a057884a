"""Studies: `study`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.api.given import Data, Location, dataset_of, folder_of, path_of
from kerastransfer.config.run_options import CACHE_LIMIT, CHECKPOINT_EVERY, RunOptions
from kerastransfer.foundation import keras_settings, system
from kerastransfer.recipe import Recipe
from kerastransfer.study import grid as grids
from kerastransfer.study import results, runner, summary
from kerastransfer.study.grid import PAPER, Grid
from kerastransfer.study.summary import Summary
from kerastransfer.study.work import Common

if TYPE_CHECKING:
    from kerastransfer.study.cost import StudyCost
    from kerastransfer.study.figures.save import StudyFigures


@keras_settings.ours
def study(
    datasets: Iterable[Data],
    *,
    recipes: str | Iterable[str | Recipe] = PAPER,
    images_per_class: str | Iterable[int | None] = PAPER,
    draws: int | Iterable[int] = 1,
    seeds: int = 1,
    rates: Iterable[float] = (),
    out: Location = "study",
    margin: float | None = None,
    archives: Location | None = None,
    records: Location | None = None,
    weights: Location | None = None,
    mean_image: Location | None = None,
    cache: str = "auto",
    cache_limit: int = CACHE_LIMIT,
    checkpoint_every: float = CHECKPOINT_EVERY,
    probe: bool = True,
    time_limit: float | None = None,
    distances: bool = True,
    source: Data | None = None,
    workers: int | None = None,
    address: str | None = None,
    run_cpus: float = 1,
    run_gpus: float = 0,
    **settings: Any,
) -> Summary:
    """Train every recipe on every dataset, at every number of images, and sum it up.

    A study that was interrupted goes on; a finished run is not trained again, and one
    that fails is listed while the others go on. The table of all runs is in
    ``OUT/results.csv`` and ``OUT/results.parquet``.

    Parameters
    ----------
    datasets : iterable
        Each as `train` takes one.
    recipes : 'paper' or iterable of str or Recipe
        By default those of the published study.
    images_per_class : 'paper' or iterable of int or None
        By default each dataset's published numbers; None for all images.
    draws : int or iterable of int
        How many subsets of the training images; or how many for each of
        `images_per_class`. Intervals are over draws.
    seeds : int
        How many trainings of each.
    rates : iterable of float
        Learning rates of recipes that tune; each is a run of its own.
    out : path
        The study's folder.
    margin : float, optional
        A difference of accuracy that does not matter, such as 0.01.
    time_limit : float, optional
        Minutes after which no other run is begun.
    distances : bool
        Whether the datasets' distances from the source are measured, once, and kept in
        ``OUT/distances.json``.
    source : like a dataset, optional
        What the backbone was pretrained on, where its images are at hand: all four
        distances of the published study are measured from it, in place of the cosine
        distance and the MMD from what the backbone's weights tell.
    workers : int, optional
        Runs at a time, spread with Ray; by default one after another, in this process.
    address : str, optional
        Of a Ray cluster, whose machines all see the same folders; by default one is
        started on this machine where there are `workers`.
    run_cpus, run_gpus : float
        What Ray keeps free for each run.
    archives, records, weights, mean_image, cache, cache_limit, checkpoint_every, probe
        As for `train`.
    **settings
        Fields of `TrainConfig` that all runs share, such as ``epochs=(30,)``.

    Raises
    ------
    KerasTransferError
        In one line, with the cure: whatever the command line would refuse too.
    """
    grid = grid_of(
        datasets,
        recipes=recipes,
        images_per_class=images_per_class,
        draws=draws,
        seeds=seeds,
        rates=rates,
        archives=archives,
        records=records,
    )
    common = Common(
        settings=settings,
        archives=path_of(archives),
        records=folder_of(records),
        weights=path_of(weights),
        mean_image=path_of(mean_image),
        options=RunOptions(
            cache=cache,
            cache_limit=cache_limit,
            checkpoint_every=checkpoint_every,
            probe=probe,
            export=False,
        ),
        distances=distances,
        source=None if source is None else dataset_of(source, archives, None, records),
    )
    carry_out: runner.CarryOut = runner.in_turn
    if workers is not None or address is not None:
        from kerastransfer.study.spread import Spread

        carry_out = Spread(
            workers=workers, address=address, cpus=run_cpus, gpus=run_gpus
        )
    folder = system.utf8(Path(out))
    limit = None if time_limit is None else 60 * time_limit
    rows = runner.run(grid, folder, common, time_limit=limit, carry_out=carry_out)
    return summary.summarise(rows, folder, margin=margin)


@keras_settings.ours
def plan_study(
    datasets: Iterable[Data],
    *,
    recipes: str | Iterable[str | Recipe] = PAPER,
    images_per_class: str | Iterable[int | None] = PAPER,
    draws: int | Iterable[int] = 1,
    seeds: int = 1,
    rates: Iterable[float] = (),
    archives: Location | None = None,
    records: Location | None = None,
    weights: Location | None = None,
    mean_image: Location | None = None,
    cache: str = "auto",
    cache_limit: int = CACHE_LIMIT,
    probe: bool = True,
    **settings: Any,
) -> "StudyCost":
    """Take 20 steps of every recipe on every dataset, and say what `study` will take.

    Parameters
    ----------
    datasets, recipes, images_per_class, draws, seeds, rates
        As for `study`, and so are the others.
    """
    from kerastransfer.study.cost import predict

    grid = grid_of(
        datasets,
        recipes=recipes,
        images_per_class=images_per_class,
        draws=draws,
        seeds=seeds,
        rates=rates,
        archives=archives,
        records=records,
    )
    common = Common(
        settings=settings,
        archives=path_of(archives),
        records=folder_of(records),
        weights=path_of(weights),
        mean_image=path_of(mean_image),
        options=RunOptions(
            cache=cache, cache_limit=cache_limit, probe=probe, export=False
        ),
    )
    return predict(grid, common)


def grid_of(
    datasets: Iterable[Data],
    *,
    recipes: str | Iterable[str | Recipe] = PAPER,
    images_per_class: str | Iterable[int | None] = PAPER,
    draws: int | Iterable[int] = 1,
    seeds: int = 1,
    rates: Iterable[float] = (),
    archives: Location | None = None,
    records: Location | None = None,
) -> Grid:
    """Return the runs that `study` would make; needs no TensorFlow."""
    numbers: Any = images_per_class
    if images_per_class != PAPER:
        numbers = tuple(images_per_class)
    return Grid(
        datasets=tuple(dataset_of(data, archives, None, records) for data in datasets),
        recipes=grids.read_recipes(recipes),
        images_per_class=numbers,
        draws=draws if isinstance(draws, int) else tuple(draws),
        seeds=seeds,
        rates=tuple(rates),
    )


def read_study(out: Location, *, margin: float | None = None) -> Summary:
    """Sum up what a study's folder holds so far."""
    folder = system.utf8(Path(out))
    return summary.summarise(results.read(folder), folder, margin=margin)


def study_figures(
    study: Location, *, out: Location | None = None, margin: float | None = None
) -> "StudyFigures":
    """Draw a study's figures, and write its tables, of what its folder holds so far.

    Accuracy against images per class of tuned and of frozen recipes (``figure1``,
    ``figure2``), the gain of tuning by images and distance (``figure3``), each as PNG
    and SVG; the datasets' distances (``table2``) and the advice that follows from the
    study (``table3``), each beside the published one, as Markdown and CSV.

    Parameters
    ----------
    study : path
        The study's folder.
    out : path, optional
        Folder of the files; by default ``figures`` in the study's.
    margin : float, optional
        A difference of accuracy that does not matter, such as 0.01.

    Returns
    -------
    StudyFigures
        Prints as the paths.
    """
    from kerastransfer.study.figures import save

    return save.save(system.utf8(Path(study)), folder_of(out), margin)
