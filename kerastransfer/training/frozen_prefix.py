"""The frozen prefix: whether to compute it once, and doing so."""

import dataclasses
from collections.abc import Callable

from kerastransfer import views
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.errors import InputError
from kerastransfer.features.fill import Filler
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.foundation.report import say
from kerastransfer.training.batches import ActivationBatches, BatchSource, ImageBatches
from kerastransfer.training.caching import (
    Caching,
    fill,
    no_room,
    open_filler,
)


def choose(
    images: ImageBatches,
    records: LabelledExamples,
    network: Network,
    backbone: Backbone,
    cut: int,
    *,
    epochs: int,
    caching: Caching,
    decided: bool | None = None,
    check: Callable[[], None] = lambda: None,
) -> BatchSource:
    """Choose what a phase trains on: images, or activations computed once.

    Parameters
    ----------
    images : ImageBatches
        What an uncached run trains on.
    records : LabelledExamples
        Of the same images.
    network : Network
        With the weights that the phase starts from.
    backbone : Backbone
    cut : int
        The last block of the frozen prefix; 0 where there is none.
    epochs : int
        The phase's.
    caching : Caching
    decided : bool, optional
        Whether to use a cache, where that was decided before.
    check : callable
        Called now and then while outputs are computed; may end that by raising.

    Returns
    -------
    BatchSource

    Raises
    ------
    InputError
        If a cache must be used, and is too large or cannot be written.
    """
    if cut == 0 or caching.mode == "off" or decided is False:
        return images
    if images.config.augment == "random":
        say("No cache: a random crop is never the same twice.")
        return images
    filler = make_filler(images, records, network, backbone, cut, caching)
    must = caching.mode == "on" or decided is True
    known = dataclasses.replace(caching, mode="on") if must else caching
    reason = reason_against(filler, images, epochs, cut, known)
    reason = reason or fill(filler, cut, caching, check)
    if reason and must:
        raise InputError(
            f"Expected to keep the outputs of blocks 1-{cut}, but {reason}; raise "
            "--cache-limit, make room, or pass --cache off."
        )
    if reason:
        say(f"No cache of blocks 1-{cut}: {reason}.")
        return images
    return ActivationBatches(
        outputs=filler.cache,
        train_positions=images.train_positions,
        val_positions=images.val_positions,
        train_labels=records.labels("train")[images.train_positions],
        val_labels=records.labels("val")[images.val_positions],
        config=images.config,
        first=cut + 1,
    )


def make_filler(
    images: ImageBatches,
    records: LabelledExamples,
    network: Network,
    backbone: Backbone,
    cut: int,
    caching: Caching,
) -> Filler:
    """Look at what a phase needs of a prefix's outputs, and what is there.

    Parameters
    ----------
    images, records, network, backbone, cut, caching
        As for `choose`.

    Returns
    -------
    Filler
    """
    wanted = wanted_views(images)
    dtype = images.config.cache_dtype
    return open_filler(records, network, backbone, cut, wanted, caching, dtype)


def reason_against(
    filler: Filler, images: ImageBatches, epochs: int, cut: int, caching: Caching
) -> str:
    """Decide whether to keep outputs, by room and, where it is free to, by time.

    Parameters
    ----------
    filler : Filler
    images : ImageBatches
    epochs : int
    cut : int
    caching : Caching
        With mode ``on`` time does not count.

    Returns
    -------
    str
        Why not; empty if they are kept.
    """
    reason = no_room(filler, caching)
    if not reason and filler.missing and caching.mode == "auto":
        reason = _loses(filler, images, epochs * caching.runs, cut)
    return reason


def wanted_views(images: ImageBatches) -> list[ImageSet]:
    """List the outputs that training on activations needs.

    Parameters
    ----------
    images : ImageBatches

    Returns
    -------
    list of ImageSet
    """
    train = [
        ImageSet.in_split("train", images.train_positions, int(view))
        for view in views.indices(images.config.views)
    ]
    return [*train, ImageSet.in_split("val", images.val_positions)]


def _loses(filler: Filler, images: ImageBatches, epochs: int, cut: int) -> str:
    """Measure whether a cache saves time; say why not, if it does not."""
    forward = filler.seconds_an_image()
    try:
        row = filler.cache.row_bytes * filler.seconds_a_byte()
    except OSError as error:
        return f"they cannot be written ({error.strerror or error})"
    passes = epochs * (images.num_images + len(images.val_positions))
    without = passes * forward
    # Reading is taken to cost what writing does, though memory will often hold it.
    with_cache = filler.num_missing * (forward + row) + passes * row
    what = (
        f"blocks 1-{cut} take {1000 * forward:.1f} ms an image; {passes:,} passes in "
        f"{epochs} epochs against {filler.num_missing:,} crops once"
    )
    if with_cache >= without:
        return f"it would not pay ({what})"
    say(f"A cache saves about {_duration(without - with_cache)}: {what}.")
    return ""


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
