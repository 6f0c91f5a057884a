"""What the evidence comes to: a recipe, how sure that is, and what would tell more."""

import dataclasses
import math
import shlex
from typing import Any

from kerastransfer.advice.contenders import FROZEN, Contender
from kerastransfer.advice.gains import Gains, Normal
from kerastransfer.advice.pilot.tried import Pilot
from kerastransfer.evaluation.intervals import Estimate

_BEFORE = "measured cells"
_BOTH = "pilot and measured cells, by their variances"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TunedGain:
    """What a tuned contender gains over the frozen recipe, as fractions of 1.

    Parameters
    ----------
    pilot : Estimate or None
        As the pilot found it.
    prior : Estimate
        As it was expected before.
    both : Estimate
        The two, and what the pilot found of other contenders, by their variances.
    measured : bool
        Whether cells like these were measured; see `Gains`.
    """

    contender: Contender
    pilot: Estimate | None
    prior: Estimate
    both: Estimate
    measured: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {
            **self.both.as_dict(),
            "pilot": self.pilot and self.pilot.as_dict(),
            "prior": self.prior.as_dict(),
            "prior_measured": self.measured,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The recipe to train, and why.

    Parameters
    ----------
    contender : Contender
    verdict : str
        In words.
    accuracy : Estimate or None
        Expected of the contender.
    gain : TunedGain or None
        Of that contender, if it is tuned; else of the tuned one that gains most.
    """

    contender: Contender
    verdict: str
    accuracy: Estimate | None
    gain: TunedGain | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {
            "recipe": self.contender.recipe,
            "learning_rate": list(self.contender.rates) or None,
            "verdict": self.verdict,
            "accuracy": self.accuracy and self.accuracy.as_dict(),
            "gain": self.gain and self.gain.as_dict(),
            "gain_of": self.gain and str(self.gain.contender),
        }


def decide(
    pilot: Pilot, margin: float, expected: Gains, probe: Estimate | None = None
) -> Decision:
    """Choose the cheapest contender expected to lie within the margin of the best.

    That is the best choice on average, however sure it is: the verdict says how sure.

    Parameters
    ----------
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    expected : Gains
        Of the tuned contenders, before they were tried.
    probe : Estimate, optional
        Accuracy of a plain classifier on features, which stands for the frozen recipe
        where that was not tried.
    """
    gains = gains_of(pilot, expected)
    best = max(gains, key=lambda gain: gain.both.value, default=None)
    if best is None and not pilot.frozen.rounds:
        return Decision(
            contender=FROZEN,
            verdict="nothing was tried; the cheapest recipe, without evidence",
            accuracy=None,
            gain=None,
        )
    chosen = None
    if best is not None and best.both.value > margin:
        chosen = _cheapest(gains, best.both.value - margin)
    return Decision(
        contender=FROZEN if chosen is None else chosen.contender,
        verdict=_verdict(chosen or best, margin, is_tuned=chosen is not None),
        accuracy=_expected(pilot, chosen, probe),
        gain=chosen or best,
    )


def _cheapest(gains: list[TunedGain], least: float) -> TunedGain:
    """Return the cheapest that gains enough; of those that cost the same, the best."""
    near = [gain for gain in gains if gain.both.value >= least]
    return min(near, key=lambda gain: (gain.contender.price, -gain.both.value))


def gains_of(pilot: Pilot, expected: Gains) -> list[TunedGain]:
    """Return what is known of each tuned contender, in the pilot's order.

    Without measured cells that are near, contenders that were not tried are left out.
    """
    known, gains = pilot.gains(expected), []
    for each in pilot.tuned:
        tried = pilot.difference(each, pilot.frozen)
        if tried is None and not expected.measured:
            continue
        gains.append(
            TunedGain(
                contender=each.contender,
                pilot=tried,
                prior=expected.of(each.contender).estimate(0, _BEFORE),
                both=known.of(each.contender).estimate(
                    0 if tried is None else tried.n, _BOTH
                ),
                measured=expected.measured,
            )
        )
    return gains


def _expected(
    pilot: Pilot, chosen: TunedGain | None, probe: Estimate | None
) -> Estimate | None:
    """Return the accuracy that is expected of the choice.

    Of a tuned contender it is that of the frozen recipe and the gain.
    """
    base = pilot.accuracy(pilot.frozen) or probe
    if base is None or chosen is None:
        return base
    gain = chosen.both
    value = min(base.value + gain.value, 1.0)
    below = math.hypot(base.value - base.low, gain.value - gain.low)
    above = math.hypot(base.high - base.value, gain.high - gain.value)
    return Estimate(
        value=value,
        low=max(value - below, 0.0),
        high=min(value + above, 1.0),
        n=base.n,
        method="accuracy of the frozen recipe and expected gain",
    )


def _verdict(best: TunedGain | None, margin: float, *, is_tuned: bool) -> str:
    if best is None:
        return "tuning was not tried; the frozen recipe is the cheapest"
    gain, points = best.both, f"{100 * margin:g} point" + "s" * (margin != 0.01)
    alone = "" if best.pilot else ", though it was not tried itself"
    if -margin <= gain.low and gain.high <= margin:
        return f"equivalent within {points}: take the cheaper{alone}"
    if gain.low > 0:
        return f"tuning is more accurate{alone}"
    if gain.high < 0:
        return f"freezing is more accurate{alone}"
    if best.pilot is None:
        more = "a pilot would tell more"
    else:
        more = (
            f"to tell a difference of this size, or that there is none above {points}, "
            f"takes about {images_to_tell(best.pilot, margin):,} images to judge by"
        )
    if not is_tuned:
        return f"not distinguishable: take the cheaper ({more})"
    chance = Normal.of(gain).chance
    return (
        f"not distinguishable for certain, but tuning is the better bet: at odds of "
        f"{100 * chance:.0f} to {100 - 100 * chance:.0f} it is more accurate; "
        f"{FROZEN} is the cheaper ({more})"
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
