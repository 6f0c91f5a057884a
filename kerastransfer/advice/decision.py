"""What the evidence comes to: a recipe, how sure that is, and what would tell more."""

import dataclasses
import math
import shlex
from typing import Any

from kerastransfer.advice.contenders import FROZEN, Contender
from kerastransfer.advice.tried import Pilot, State, Tried
from kerastransfer.evaluation.intervals import Estimate


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The recipe to train, and why.

    Parameters
    ----------
    contender : Contender
    verdict : str
        In words.
    accuracy : Estimate or None
        Of the contender, on images that the pilot held out.
    gain : Estimate or None
        Accuracy of the best tuned recipe minus that of the frozen one, on the same
        images.
    tuned : Contender or None
        The best tuned one.
    """

    contender: Contender
    verdict: str
    accuracy: Estimate | None
    gain: Estimate | None
    tuned: Contender | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {
            "recipe": self.contender.recipe,
            "learning_rate": list(self.contender.rates) or None,
            "verdict": self.verdict,
            "accuracy": self.accuracy and self.accuracy.as_dict(),
            "gain": self.gain and self.gain.as_dict(),
            "gain_of": None if self.tuned is None else str(self.tuned),
        }


def decide(pilot: Pilot, margin: float) -> Decision:
    """Choose the cheapest contender that is not behind the best for certain.

    Parameters
    ----------
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    """
    tried = [each for each in pilot.tried if each.rounds]
    frozen = next((each for each in tried if each.contender == FROZEN), None)
    if frozen is None:
        return Decision(
            contender=FROZEN,
            verdict="nothing was tried; the cheapest recipe, without evidence",
            accuracy=None,
            gain=None,
            tuned=None,
        )
    tuned = _best_tuned(pilot, frozen)
    chosen = _cheapest(pilot)
    gain = None if tuned is None else pilot.difference(tuned, frozen)
    return Decision(
        contender=chosen.contender,
        verdict=_verdict(gain, margin),
        accuracy=pilot.accuracy(chosen),
        gain=gain,
        tuned=None if tuned is None else tuned.contender,
    )


def _cheapest(pilot: Pilot) -> Tried:
    """Return the cheapest that is kept; of its rates, which cost the same, the best."""
    first, *others = (each for each in pilot.tried if each.state is State.KEPT)
    chosen, most = first, 0.0
    for each in others:
        gap = pilot.difference(each, first)
        same = each.contender.recipe == first.contender.recipe
        if same and gap is not None and gap.value > most:
            chosen, most = each, gap.value
    return chosen


def _best_tuned(pilot: Pilot, frozen: Tried) -> Tried | None:
    """Return the tuned contender that is ahead of the frozen one by most."""
    gaps = [
        (gap.value, -place, each)
        for place, each in enumerate(pilot.tried)
        if each is not frozen and (gap := pilot.difference(each, frozen)) is not None
    ]
    return max(gaps, key=lambda gap: gap[:2])[2] if gaps else None


def _verdict(gain: Estimate | None, margin: float) -> str:
    if gain is None:
        return "tuning was not tried; the frozen recipe is the cheapest"
    points = f"{100 * margin:g} point" + ("" if margin == 0.01 else "s")
    if -margin <= gain.low and gain.high <= margin:
        return f"equivalent within {points}: take the cheaper"
    if gain.low > 0:
        return "tuning is more accurate"
    if gain.high < 0:
        return "freezing is more accurate"
    more = images_to_tell(gain, margin)
    return (
        "not distinguishable: take the cheaper (to tell a difference of this size, or "
        f"that there is none above {points}, takes about {more:,} images to judge by)"
    )


def images_to_tell(gain: Estimate, margin: float) -> int:
    """Return about how many images would make the interval narrow enough.

    Its width falls with the square root of their number. It is to exclude 0, or to lie
    within the margin, whichever takes fewer.

    Examples
    --------
    >>> gain = Estimate(value=0.04, low=-0.04, high=0.12, n=100, method="")
    >>> images_to_tell(gain, margin=0.01)
    400
    """
    half = (gain.high - gain.low) / 2
    to_pass = max(abs(gain.value), margin - abs(gain.value))
    return math.ceil(gain.n * (half / to_pass) ** 2 - 1e-9)


def train_command(words: list[str], contender: Contender) -> str:
    """Return what trains a contender, as a shell takes it.

    Parameters
    ----------
    words : list of str
        Flags of the images and the network.

    Examples
    --------
    >>> train_command(["--dataset", "digits"], Contender("FT1-7R8", (1e-4,)))
    'kerastransfer train --dataset digits --recipe FT1-7R8 --learning-rate 0.0001'
    """
    rates = ",".join(f"{rate:g}" for rate in contender.rates)
    more = ["--learning-rate", rates] if rates else []
    return shlex.join(
        ["kerastransfer", "train", *words, "--recipe", contender.recipe, *more]
    )
