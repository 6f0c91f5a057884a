"""How a search goes about it, and how many trials that takes. Needs no TensorFlow."""

import dataclasses
import math

from kerastransfer.config.run_options import CHECKPOINT_EVERY
from kerastransfer.errors import InputError

TUNERS = ("hyperband", "bayesian")
FACTOR = 3  # of Hyperband: a third of the trials goes on, three times as long


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """How to search.

    Parameters
    ----------
    tuner : {'hyperband', 'bayesian'}
        Hyperband [1]_ trains many configs for a part of their epochs, the best third
        of them for three times as long, and so on; each begins anew, for a schedule
        that is cut short is another schedule. Bayesian optimisation trains every
        config whole, and guesses the next from those before.
    trials : int
        At most.
    seed : int
        Of what is tried.
    checkpoint_every : float
        Seconds between two checkpoints within a trial.

    Raises
    ------
    InputError
        If there are too few trials.

    References
    ----------
    .. [1] L. Li et al., "Hyperband", JMLR 18, 2018, Algorithm 1.
    """

    tuner: str = "hyperband"
    trials: int = 30
    seed: int = 0
    checkpoint_every: float = CHECKPOINT_EVERY

    def __post_init__(self) -> None:
        least = 1 if self.tuner == "bayesian" else hyperband_trials(FACTOR)
        if self.trials < least:
            raise InputError(
                f"Expected --trials of {least} or more, got {self.trials}"
                + ("." if least == 1 else "; --tuner bayesian takes any number.")
            )

    @property
    def longest(self) -> int:
        """A whole trial's length, in Hyperband's shortest: a power of 3."""
        longest = 1
        if self.tuner == "hyperband":
            while hyperband_trials(longest * FACTOR) <= self.trials:
                longest *= FACTOR
        return longest


def hyperband_trials(longest: int) -> int:
    """Count the trials of a Hyperband search, as keras-tuner sizes its brackets.

    Parameters
    ----------
    longest : int
        A whole trial's length in shortest ones: a power of 3.
    """
    brackets = round(math.log(longest, FACTOR))
    return sum(
        math.ceil((brackets + 1) / (bracket + 1) * FACTOR ** (bracket - rung))
        for bracket in range(brackets + 1)
        for rung in range(bracket + 1)
    )
