"""What a user may say of how a run is carried out; none of it decides its result."""

import dataclasses
import math

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

CACHES = ("auto", "on", "off")
CACHE_LIMIT = 20 * 2**30  # bytes of one cache
CHECKPOINT_EVERY = 60.0  # seconds
LEAST_FOLDS, MOST_FOLDS = 2, 10


def check_folds(folds: int | None) -> None:
    """Refuse a number of folds that is none; None is for no folds.

    Raises
    ------
    InputError
        If it is not from 2 to 10.
    """
    if folds is None:
        return
    if type(folds) is not int or not LEAST_FOLDS <= folds <= MOST_FOLDS:
        raise InputError(
            f"Expected --folds from {LEAST_FOLDS} to {MOST_FOLDS}, got {quoted(folds)}."
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is carried out.

    Parameters
    ----------
    cache : {'auto', 'on', 'off'}
        Whether frozen blocks' outputs are computed once and kept on disk; with
        ``auto`` where that is measured to save time.
    cache_limit : int
        Largest size of one cache, in bytes.
    checkpoint_every : float
        Seconds between two checkpoints within a phase.
    time_limit : float, optional
        Seconds of training after which the best epoch so far is the result.
    restart : bool
        Whether to forget what is there, finished or not.
    probe : bool
        Whether to measure the number to beat.
    export : bool
        Whether to write a SavedModel into the run's folder.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    cache: str = "auto"
    cache_limit: int = CACHE_LIMIT
    checkpoint_every: float = CHECKPOINT_EVERY
    time_limit: float | None = None
    restart: bool = False
    probe: bool = True
    export: bool = True

    def __post_init__(self) -> None:
        if self.cache not in CACHES:
            raise InputError(
                f"Expected --cache to be one of {CACHES}, got {quoted(self.cache)}."
            )
        for name in ("cache_limit", "checkpoint_every", "time_limit"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                flag = f"--{name.replace('_', '-')}"
                raise InputError(f"Expected {flag} above 0, got {value}.")
