"""What a pilot leaves: each contender's answers, image by image."""

import dataclasses
import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice.contenders import FROZEN, Contender
from kerastransfer.advice.gains import Gains, Normal, Observed
from kerastransfer.evaluation import paired
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.evaluation.unseen_groups import clustered_accuracy


class State(enum.Enum):
    """What became of a contender."""

    KEPT = "kept"
    BEHIND = "behind for certain"
    UNTRIED = "not tried: no time"
    UNNEEDED = "not tried: a trial is not worth its time"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """A contender's answers.

    Parameters
    ----------
    rounds : int
        Splits that it was trained on.
    right : array of shape (n,)
        Whether it was right, for the images of these splits, in order.
    seconds : float
        Mean of a run.
    """

    contender: Contender
    state: State
    rounds: int
    right: NDArray[np.bool_]
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pilot:
    """What a pilot found.

    Parameters
    ----------
    tried : tuple of Tried
        In the order in which they were given: the cheapest first.
    units : array of shape (n,)
        Of the images of all rounds, in order; see `Split`.
    ended : str
        Why it ended.
    """

    tried: tuple[Tried, ...]
    units: NDArray[np.int64]
    ended: str

    @property
    def frozen(self) -> Tried:
        """The frozen recipe, which gains are measured against."""
        return next(each for each in self.tried if each.contender == FROZEN)

    @property
    def tuned(self) -> tuple[Tried, ...]:
        """All others."""
        return tuple(each for each in self.tried if each.contender != FROZEN)

    def gains(self, expected: Gains) -> Gains:
        """Return what is known of gains, by this pilot and what was expected before."""
        observed = [
            Observed(
                contender=each.contender,
                gain=Normal.of(gain),
                rounds=min(each.rounds, self.frozen.rounds),
                images=gain.n,
            )
            for each in self.tuned
            if (gain := self.difference(each, self.frozen)) is not None
        ]
        return expected.given(observed)

    @property
    def best(self) -> Tried | None:
        """The most accurate that is kept, on what all of those were tried on.

        Of equals the cheaper.
        """
        kept = [each for each in self.tried if each.state is State.KEPT]
        common = min((len(each.right) for each in kept), default=0)
        return max(kept, key=lambda each: each.right[:common].mean(), default=None)

    def expected_seconds(self, of: Tried) -> float | None:
        """Predict how long a run takes, from those of the pilot; None before any."""
        if of.rounds:
            return of.seconds
        known = [each for each in self.tried if each.rounds]
        if not known:
            return None
        price = of.contender.price
        near = min(known, key=lambda each: abs(each.contender.price - price))
        # What is no training, such as reading and judging, does not grow: half, say.
        return near.seconds * max(1.0, price / near.contender.price / 2)

    def accuracy(self, of: Tried) -> Estimate | None:
        """Estimate a contender's accuracy; None where it was not tried."""
        if not of.rounds:
            return None
        return clustered_accuracy(of.right, self.units[: len(of.right)])

    def difference(self, first: Tried, second: Tried) -> Estimate | None:
        """Estimate how much more accurate the first is, on what both were tried on."""
        n = min(len(first.right), len(second.right))
        if n == 0:
            return None
        return paired.difference(first.right[:n], second.right[:n], self.units[:n])


def as_rows(pilot: Pilot) -> list[dict[str, Any]]:
    """Return what became of each contender in plain Python, ready for JSON."""
    best = pilot.best
    rows = []
    for each in pilot.tried:
        accuracy = pilot.accuracy(each)
        gap = None if best is None else pilot.difference(each, best)
        seconds = pilot.expected_seconds(each)
        rows.append(
            {
                "recipe": each.contender.recipe,
                "learning_rate": list(each.contender.rates) or None,
                "state": each.state.value,
                "rounds": each.rounds,
                "accuracy": accuracy and accuracy.as_dict(),
                "from_best": gap and gap.as_dict(),
                "seconds": None if seconds is None else round(seconds, 1),
            }
        )
    return rows
