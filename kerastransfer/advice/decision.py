"""What the evidence comes to: a recipe, how sure that is, and what would tell more."""

import dataclasses
import math
import shlex
from collections.abc import Mapping
from typing import Any

from kerastransfer.advice.contenders import FROZEN, Contender
from kerastransfer.advice.measured.prior import Normal
from kerastransfer.advice.tried import Pilot, Tried
from kerastransfer.evaluation.intervals import Estimate

_NO_SPREAD = 1e-6
_CELLS = "measured cells"
_BOTH = "pilot and measured cells, by their variances"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TunedGain:
    """What a tuned contender gains over the frozen recipe, as fractions of 1.

    Parameters
    ----------
    pilot, prior : Estimate or None
        As the pilot found it, and as measured cells let expect it.
    both : Estimate
        The two weighed by their variances, or the one that there is.
    """

    contender: Contender
    pilot: Estimate | None
    prior: Estimate | None
    both: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return {
            **self.both.as_dict(),
            "pilot": self.pilot and self.pilot.as_dict(),
            "prior": self.prior and self.prior.as_dict(),
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
    pilot: Pilot,
    margin: float,
    priors: Mapping[Contender, Normal] | None = None,
    probe: Estimate | None = None,
) -> Decision:
    """Choose the frozen recipe unless tuning is better for certain.

    Of tuned contenders it is the cheapest that is expected to lie within the margin of
    the best.

    Parameters
    ----------
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    priors : mapping, optional
        What contenders are expected to gain before they are tried.
    probe : Estimate, optional
        Accuracy of a plain classifier on features, which stands for the frozen recipe
        where that was not tried.
    """
    gains = gains_of(pilot, priors or {})
    best = max(gains, key=lambda gain: gain.both.value, default=None)
    frozen = next(each for each in pilot.tried if each.contender == FROZEN)
    if best is None and not frozen.rounds:
        return Decision(
            contender=FROZEN,
            verdict="nothing was tried; the cheapest recipe, without evidence",
            accuracy=None,
            gain=None,
        )
    certain = [each for each in gains if each.both.low > 0 and each.both.high > margin]
    chosen = _cheapest(certain, margin) if certain else None
    return Decision(
        contender=FROZEN if chosen is None else chosen.contender,
        verdict=_verdict(chosen or best, margin),
        accuracy=_expected(pilot, frozen, chosen, probe),
        gain=chosen or best,
    )


def _cheapest(certain: list[TunedGain], margin: float) -> TunedGain:
    """Return the cheapest near the best; of its rates, whose cost is one, the best.

    Parameters
    ----------
    certain : list of TunedGain
        Of contenders that are better than the frozen one for certain.
    """
    most = max(gain.both.value for gain in certain)
    near = [gain for gain in certain if gain.both.value >= most - margin]
    rates = [g for g in near if g.contender.recipe == near[0].contender.recipe]
    return max(rates, key=lambda gain: gain.both.value)


def gains_of(pilot: Pilot, priors: Mapping[Contender, Normal]) -> list[TunedGain]:
    """Return what is known of each tuned contender, in the pilot's order.

    Contenders of which nothing is known are left out.
    """
    frozen = next(each for each in pilot.tried if each.contender == FROZEN)
    gains = []
    for each in pilot.tried:
        if each is frozen:
            continue
        tried, prior = pilot.difference(each, frozen), priors.get(each.contender)
        weighed = weigh(tried, prior)
        if weighed is not None:
            gains.append(
                TunedGain(
                    contender=each.contender,
                    pilot=tried,
                    prior=None if prior is None else prior.estimate(0, _CELLS),
                    both=weighed,
                )
            )
    return gains


def weigh(pilot: Estimate | None, prior: Normal | None) -> Estimate | None:
    """Return what a pilot and measured cells say together; None where neither does."""
    if prior is None or pilot is None:
        return pilot if prior is None else prior.estimate(0, _CELLS)
    measured = Normal.of(pilot)
    if measured.sd < _NO_SPREAD:
        return pilot
    return measured.combined(prior).estimate(pilot.n, _BOTH)


def _expected(
    pilot: Pilot, frozen: Tried, chosen: TunedGain | None, probe: Estimate | None
) -> Estimate | None:
    """Return the accuracy that is expected of the choice.

    Of a contender that was not tried it is that of the frozen recipe and its gain.
    """
    contender = FROZEN if chosen is None else chosen.contender
    one = next(each for each in pilot.tried if each.contender == contender)
    if one.rounds:
        return pilot.accuracy(one)
    base = pilot.accuracy(frozen) or probe
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


def _verdict(best: TunedGain | None, margin: float) -> str:
    if best is None:
        return "tuning was not tried; the frozen recipe is the cheapest"
    gain = best.both
    alone = "" if best.pilot else ", says what was measured before alone"
    points = f"{100 * margin:g} point" + ("" if margin == 0.01 else "s")
    if -margin <= gain.low and gain.high <= margin:
        return f"equivalent within {points}: take the cheaper{alone}"
    if gain.low > 0:
        return f"tuning is more accurate{alone}"
    if gain.high < 0:
        return f"freezing is more accurate{alone}"
    if best.pilot is None:
        return "not distinguishable: take the cheaper (a pilot would tell more)"
    more = images_to_tell(best.pilot, margin)
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
