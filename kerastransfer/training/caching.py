"""What the user says of caches; opening one, finding room for it, and filling it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.config.run_options import CACHE_LIMIT
from kerastransfer.features.fill import Filler, size_text
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.foundation.home import features_home
from kerastransfer.foundation.progress import OnProgress, OpenProgress
from kerastransfer.foundation.report import say


@contextlib.contextmanager
def _silent(what: str) -> Iterator[OnProgress]:
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
    limit: int = CACHE_LIMIT
    home: Path = dataclasses.field(default_factory=features_home)
    progress: OpenProgress = _silent
    quiet: bool = False
    runs: int = 1


def open_filler(
    records: LabelledExamples,
    network: Network,
    backbone: Backbone,
    cut: int,
    wanted: list[ImageSet],
    caching: Caching,
    dtype: str,
) -> Filler:
    """Look at what is wanted of a prefix's outputs, and what is there.

    Parameters
    ----------
    records, network, backbone
        What is run, with the weights that it has.
    cut : int
        The prefix's last block.
    wanted : list of ImageSet
    caching : Caching
    dtype : {'float32', 'float16'}

    Returns
    -------
    Filler
    """
    return Filler.open(
        caching.home, records, network, backbone, cut, wanted, dtype=dtype
    )


def no_room(filler: Filler, caching: Caching) -> str:
    """Say why outputs cannot be kept; nothing, if they can."""
    return filler.room_problem(caching.limit)


def fill(
    filler: Filler,
    cut: int,
    caching: Caching,
    check: Callable[[], None] = lambda: None,
) -> str:
    """Compute what is missing.

    Parameters
    ----------
    filler : Filler
    cut : int
        The prefix's last block.
    caching : Caching
    check : callable
        Called after each batch; may end the work by raising.

    Returns
    -------
    str
        Why it could not be kept; empty where it could.
    """
    if not filler.missing:
        filler.fill()
        return ""
    if not caching.quiet:
        say(
            f"Computing blocks 1-{cut} of {filler.num_missing:,} crops once: "
            f"{size_text(filler.num_bytes)} in {filler.cache.folder}"
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
