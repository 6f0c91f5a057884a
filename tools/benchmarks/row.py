"""A comparison: two things that do the same work."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Parameters
    ----------
    name : str
        What is compared with what.
    aim : float
        The ratio we want.
    unit : str
        Of both rates.
    ours, theirs : callable
        Do the work once and return its rate in `unit`, higher being better.
    """

    name: str
    aim: float
    unit: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
