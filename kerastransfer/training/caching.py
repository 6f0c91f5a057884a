"""What the user says of caches; opening one, finding room for it, and filling it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.config.run_options import CACHE_LIMIT
from kerastransfer.features.fill import Filler, FractionError, size_text
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.foundation.home import features_home
from kerastransfer.foundation.progress import OnProgress, OpenProgress
from kerastransfer.foundation.report import say


@contextlib.contextmanager
def _silent(title: str) -> Iterator[OnProgress]:
    yield lambda done, total: None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """Whether and where outputs of frozen blocks are kept.

    It decides no result, beyond rounding.

    Parameters
    ----------
    mode : {'auto', 'on', 'off'}
        With ``auto``, outputs are kept if that is measured to save time.
    limit : int
        Bytes that one cache may take.
    home : Path
        The folder that holds all caches.
    progress : callable
        Called with a title; opens something that shows how far filling is.
    quiet : bool
        Whether to say nothing about filling.
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
    num_frozen: int,
    *,
    wanted: list[ImageSet],
    caching: Caching,
    dtype: str,
) -> Filler:
    """Find which outputs of a prefix are kept, and which are to be computed.

    Parameters
    ----------
    records, network, backbone
        What is run, with the weights that it has.
    num_frozen : int
        How many blocks the prefix has.
    wanted : list of ImageSet
        The outputs that are needed.
    dtype : {'float32', 'float16', 'uint8'}
        What outputs are kept in.
    """
    return Filler.open(
        caching.home, records, network, backbone, num_frozen, wanted, dtype=dtype
    )


def room_problem(filler: Filler, caching: Caching) -> str | None:
    """Say why there is no room for outputs; None where there is."""
    return filler.room_problem(caching.limit) or None


def fill(
    filler: Filler,
    num_frozen: int,
    caching: Caching,
    check: Callable[[], None] = lambda: None,
) -> str | None:
    """Compute what is missing, and keep it.

    Parameters
    ----------
    num_frozen : int
        How many blocks the prefix has; 0 for crops.
    check : callable
        Called after each batch; may end the work by raising.

    Returns
    -------
    str or None
        The problem that kept outputs from being written; None where they were.
    """
    if not filler.missing:
        filler.fill()
        return None
    if not caching.quiet:
        work = f"Computing {part_text(num_frozen)} of" if num_frozen else "Decoding"
        say(
            f"{work} {filler.num_missing:,} crops once: "
            f"{size_text(filler.num_bytes)} in {filler.cache.folder}"
        )
    try:
        opened = _silent if caching.quiet else caching.progress
        with opened(part_text(num_frozen).capitalize()) as show:

            def shown(done: int, total: int) -> None:
                show(done, total)
                check()

            filler.fill(shown)
    except OSError as error:
        return f"they could not be written ({error.strerror or error})"
    except FractionError as error:
        return str(error)
    return None


def part_text(num_frozen: int) -> str:
    """Name what a cache holds.

    >>> part_text(7), part_text(0)
    ('blocks 1-7', 'crops')
    """
    return f"blocks 1-{num_frozen}" if num_frozen else "crops"
