"""The frozen prefix: whether to compute it once, and doing so."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.errors import InputError
from kerastransfer.features.cache import Cache, Identity
from kerastransfer.features.fill import Filler, Show, Wanted
from kerastransfer.home import features_home
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.training.batches import Activations, Images, Source
from kerastransfer.training.console import say

LIMIT = 20 * 2**30
_ROOM = 1.05  # of the disk, for what else is written meanwhile
_CENTRE = 0  # the number of the centre view
_FEATURE_BLOCK = NUM_BLOCKS - 1

Features = dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]


class Records(pipeline.Examples, Protocol):
    """Examples of which hash, sizes and labels are known."""

    @property
    def content_hash(self) -> str:
        """Hash of everything in them."""

    def size(self, split: str) -> int:
        """Return how many images a split holds."""

    def labels(self, split: str) -> NDArray[np.int64]:
        """Return every image's label, by position."""


@contextlib.contextmanager
def _silent(what: str) -> Iterator[Show]:
    yield lambda done, total: None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """What the user says of caches. It decides no result, beyond rounding.

    Parameters
    ----------
    mode : {'auto', 'on', 'off'}
    limit : int
        Bytes that one cache may take.
    home : Path
        The folder that holds all caches.
    progress : callable
        Given the work's name, opens something that shows how far it is.
    quiet : bool
        Whether to say nothing of filling.
    runs : int
        How many runs of this length will share a cache.
    """

    mode: str = "auto"
    limit: int = LIMIT
    home: Path = dataclasses.field(default_factory=features_home)
    progress: Callable[[str], AbstractContextManager[Show]] = _silent
    quiet: bool = False
    runs: int = 1


def choose(
    images: Images,
    records: Records,
    network: Network,
    backbone: Backbone,
    cut: int,
    *,
    epochs: int,
    caching: Caching,
    decided: bool | None = None,
    check: Callable[[], None] = lambda: None,
) -> Source:
    """Choose what a phase trains on: images, or activations computed once.

    Parameters
    ----------
    images : Images
        What an uncached run trains on.
    records : Records
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
    Source

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
    reason = reason or _fill(filler, cut, caching, check)
    if reason and must:
        raise InputError(
            f"Expected to keep the outputs of blocks 1-{cut}, but {reason}; raise "
            "--cache-limit, make room, or pass --cache off."
        )
    if reason:
        say(f"No cache of blocks 1-{cut}: {reason}.")
        return images
    return Activations(
        outputs=filler.cache,
        train_positions=images.train_positions,
        val_positions=images.val_positions,
        train_labels=records.labels("train")[images.train_positions],
        val_labels=records.labels("val")[images.val_positions],
        config=images.config,
        first=cut + 1,
    )


def source_features(
    records: Records,
    network: Network,
    backbone: Backbone,
    positions: Mapping[str, NDArray[np.int64]],
    caching: Caching,
) -> Features:
    """Return block 7's outputs in the centre view, computed once.

    Parameters
    ----------
    records : Records
    network : Network
        With the source's weights.
    backbone : Backbone
    positions : mapping of str to array
        Of each split.
    caching : Caching
        Where it is off, or there is no room, nothing is kept.

    Returns
    -------
    dict of str to (array of shape (n, d), array of shape (n,))
        Features and labels of each split.
    """
    filler = feature_filler(records, network, backbone, positions, caching)
    reason = "it is off"
    if caching.mode != "off":
        reason = _no_room(filler, caching) or _fill(filler, _FEATURE_BLOCK, caching)
        if reason:
            say(f"The source's features are not kept: {reason}.")
    read = filler.compute if reason else filler.read
    return {
        part.split: (read(part), records.labels(part.split)[part.positions])
        for part in filler.wanted
    }


def feature_filler(
    records: Records,
    network: Network,
    backbone: Backbone,
    positions: Mapping[str, NDArray[np.int64]],
    caching: Caching,
) -> Filler:
    """Look at what `source_features` needs, and what is there.

    Parameters
    ----------
    records, network, backbone, positions, caching
        As for `source_features`.

    Returns
    -------
    Filler
    """
    wanted = [Wanted(s, _CENTRE, views.CENTRE, p) for s, p in positions.items()]
    return _filler(
        records, network, backbone, _FEATURE_BLOCK, wanted, caching, "float32"
    )


def make_filler(
    images: Images,
    records: Records,
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
    return _filler(records, network, backbone, cut, wanted, caching, dtype)


def reason_against(
    filler: Filler, images: Images, epochs: int, cut: int, caching: Caching
) -> str:
    """Decide whether to keep outputs, by room and, where it is free to, by time.

    Parameters
    ----------
    filler : Filler
    images : Images
    epochs : int
    cut : int
    caching : Caching
        With mode ``on`` time does not count.

    Returns
    -------
    str
        Why not; empty if they are kept.
    """
    reason = _no_room(filler, caching)
    if not reason and filler.missing and caching.mode == "auto":
        reason = _loses(filler, images, epochs * caching.runs, cut)
    return reason


def wanted_views(images: Images) -> list[Wanted]:
    """List the outputs that training on activations needs.

    Parameters
    ----------
    images : Images

    Returns
    -------
    list of Wanted
    """
    number = images.config.views
    pairs = zip(views.indices(number), views.fixed(number), strict=True)
    train = [Wanted("train", int(i), v, images.train_positions) for i, v in pairs]
    return [*train, Wanted("val", _CENTRE, views.CENTRE, images.val_positions)]


def _filler(
    records: Records,
    network: Network,
    backbone: Backbone,
    cut: int,
    wanted: list[Wanted],
    caching: Caching,
    dtype: str,
) -> Filler:
    identity = Identity.of(network, backbone, cut, records.content_hash, dtype)
    cache = Cache(
        caching.home,
        identity,
        network.blocks[cut - 1].output_shape[1:],
        {split: records.size(split) for split in ("train", "val", "test")},
    )
    return Filler(cache, network, backbone.preprocessing, records, cut, wanted)


def _no_room(filler: Filler, caching: Caching) -> str:
    """Say why outputs cannot be kept, if they cannot."""
    size = filler.total_bytes
    if size > caching.limit:
        return (
            f"they would take {_size(size)}, above the limit of {_size(caching.limit)}"
        )
    place = caching.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if filler.num_bytes * _ROOM > free:
        return f"they would take {_size(filler.num_bytes)}, and {_size(free)} are free"
    return ""


def _loses(filler: Filler, images: Images, epochs: int, cut: int) -> str:
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


def _fill(
    filler: Filler,
    cut: int,
    caching: Caching,
    check: Callable[[], None] = lambda: None,
) -> str:
    """Compute what is missing; say why it could not be kept, if it could not."""
    if not filler.missing:
        filler.fill()
        return ""
    if not caching.quiet:
        say(
            f"Computing blocks 1-{cut} of {filler.num_missing:,} crops once: "
            f"{_size(filler.num_bytes)} in {filler.cache.folder}"
        )
    try:
        opened = _silent if caching.quiet else caching.progress
        with opened(f"Blocks 1-{cut}") as show:

            def shown(done: int, total: int) -> None:
                show(done, total)
                check()

            filler.fill(shown)
    except OSError as error:
        return f"they could not be written ({error.strerror or error})"
    return ""


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
