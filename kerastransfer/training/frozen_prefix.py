"""What is computed once: a frozen prefix's outputs, or crops; and whether to do so."""

import dataclasses
from collections.abc import Callable

from kerastransfer import surgery, views
from kerastransfer.backbones.network import Network
from kerastransfer.errors import InputError
from kerastransfer.features.fill import Filler, FractionError
from kerastransfer.features.image_set import ImageSet
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.report import say
from kerastransfer.training.batches import BatchSource, CachedBatches, ImageBatches
from kerastransfer.training.caching import (
    Caching,
    fill,
    open_filler,
    part_text,
    room_problem,
)
from kerastransfer.training.setup import TrainSetup

_NO_GAIN = "it would not pay"


def choose_source(
    setup: TrainSetup,
    network: Network,
    index: int,
    *,
    cached: bool | None,
    check: Callable[[], None] = lambda: None,
) -> BatchSource:
    """Choose what a phase trains on; what the chief chooses, all processes do.

    Parameters
    ----------
    network : Network
        With the weights that the phase starts from, in its frozen blocks at least.
    index : int
        Which of the recipe's phases, from 0.
    cached : bool or None
        Whether its frozen prefix is computed once, where that was decided before.
    check : callable
        Called now and then while outputs are computed; may end that by raising. What
        is computed by then stays.
    """
    num_frozen = surgery.frozen_prefix(setup.config.recipe.phases[index])
    epochs, replicas = setup.config.epochs[index], setup.replicas

    def choose_here(cached: bool | None) -> BatchSource:
        return choose(
            setup, network, num_frozen, epochs=epochs, decided=cached, check=check
        )

    if replicas.chief:
        source = choose_here(cached)
        replicas.sum(float(source.first > 1))
        return source
    return choose_here(replicas.sum(0.0) > 0)


def choose(
    setup: TrainSetup,
    network: Network,
    num_frozen: int,
    *,
    epochs: int,
    decided: bool | None = None,
    check: Callable[[], None] = lambda: None,
) -> BatchSource:
    """Choose what to train on: images, or what is computed of them once.

    That is a frozen prefix's outputs, or else the crops that images are decoded to.

    Parameters
    ----------
    network : Network
        With the weights that the phase starts from.
    num_frozen : int
        How many blocks the frozen prefix has; may be 0.
    epochs : int
        How often the images will be seen.
    decided : bool, optional
        Whether to use a cache, where that was decided before.
    check : callable
        Called now and then while outputs are computed; may end that by raising.

    Raises
    ------
    InputError
        If a cache must be used, and is too large or cannot be written.
    """
    caching, random = setup.caching, setup.config.augment == "random"
    prefix = num_frozen > 0 and decided is not False
    if caching.mode != "off" and random and prefix:
        say("No cache: a random crop is never the same twice.")
    if caching.mode == "off" or random:
        return setup.images()
    if prefix:
        must = caching.mode == "on" or decided is True
        caching = dataclasses.replace(caching, mode="on") if must else caching
        source = _kept(
            setup, network, num_frozen, epochs=epochs, caching=caching, check=check
        )
        if not isinstance(source, str):
            return source
        if must:
            raise InputError(
                f"Expected to keep the outputs of blocks 1-{num_frozen}, but {source}; "
                "raise --cache-limit, make room, or pass --cache off."
            )
        say(f"No cache of blocks 1-{num_frozen}: {source}.")
    return _crops(setup, network, epochs=epochs, caching=caching, check=check)


def _crops(
    setup: TrainSetup,
    network: Network,
    *,
    epochs: int,
    caching: Caching,
    check: Callable[[], None],
) -> BatchSource:
    """Return crops that are kept; or images, which only take longer."""
    images = setup.images()
    preprocessing = images.preprocessing
    if preprocessing.fit != "crop" or preprocessing.mean_image is not None:
        return images  # their crops are no whole numbers, which bytes could hold
    source = _kept(setup, network, 0, epochs=epochs, caching=caching, check=check)
    if not isinstance(source, str):
        return source
    if caching.mode == "on" or not source.startswith(_NO_GAIN):
        say(f"No cache of crops: {source}.")
    return images


def _kept(
    setup: TrainSetup,
    network: Network,
    num_frozen: int,
    *,
    epochs: int,
    caching: Caching,
    check: Callable[[], None],
) -> CachedBatches | str:
    """Keep a prefix's outputs, or crops; say why not, where they are not kept."""
    images = setup.images()
    filler = make_filler(setup, network, num_frozen)
    problem = cache_problem(filler, images, num_frozen, epochs=epochs, caching=caching)
    problem = problem or fill(filler, num_frozen, setup.caching, check)
    if problem:
        return problem
    return CachedBatches(
        outputs=filler.cache,
        train_positions=images.train_positions,
        val_positions=images.val_positions,
        train_labels=setup.records.labels("train")[images.train_positions],
        val_labels=setup.records.labels("val")[images.val_positions],
        config=setup.config,
        first=num_frozen + 1,
    )


def make_filler(setup: TrainSetup, network: Network, num_frozen: int) -> Filler:
    """Find which outputs of a frozen prefix a phase needs, and which are kept.

    Parameters
    ----------
    setup, network, num_frozen
        As for `choose`; of no block, the crops are kept.
    """
    return open_filler(
        setup.records,
        network,
        setup.backbone,
        num_frozen,
        wanted=needed_views(setup.images()),
        caching=setup.caching,
        dtype=setup.config.cache_dtype if num_frozen else "uint8",
    )


def cache_problem(
    filler: Filler,
    images: ImageBatches,
    num_frozen: int,
    *,
    epochs: int,
    caching: Caching,
) -> str | None:
    """Say why outputs should not be kept: no room, or no time saved.

    Parameters
    ----------
    caching : Caching
        With mode ``on`` time does not count.

    Returns
    -------
    str or None
        None if outputs are to be kept.
    """
    problem = room_problem(filler, caching)
    if problem is None and filler.missing and caching.mode == "auto":
        epochs *= caching.runs
        problem = _time_problem(filler, images, num_frozen, epochs=epochs)
    return problem


def needed_views(images: ImageBatches) -> list[ImageSet]:
    """List the outputs that training on activations needs."""
    train = [
        ImageSet.in_split("train", images.train_positions, int(view))
        for view in views.indices(images.config.views)
    ]
    return [*train, ImageSet.in_split("val", images.val_positions)]


def _time_problem(
    filler: Filler, images: ImageBatches, num_frozen: int, *, epochs: int
) -> str | None:
    """Measure whether a cache saves time; say why not, if it does not."""
    try:
        forward = filler.seconds_an_image()
        row = filler.cache.row_bytes * filler.seconds_a_byte()
    except OSError as error:
        return f"they cannot be written ({error.strerror or error})"
    except FractionError as error:
        return str(error)
    passes = epochs * (images.num_images + len(images.val_positions))
    without = passes * forward
    # Reading is taken to cost what writing does, though memory will often hold it.
    with_cache = filler.num_missing * (forward + row) + passes * row
    measured = (
        f"{part_text(num_frozen)} take {1000 * forward:.1f} ms an image; {passes:,} "
        f"passes in {counted(epochs, 'epoch')} against {filler.num_missing:,} crops "
        "once"
    )
    if with_cache >= without:
        return f"{_NO_GAIN} ({measured})"
    say(f"A cache saves about {_duration(without - with_cache)}: {measured}.")
    return None


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
