"""A pilot: contenders trained on the same splits, and compared image by image.

The next run is that which is expected to better the choice most for what it costs, by
what measured cells and the runs before it say. A contender whose difference from the
best lies below 0 for certain is not trained again. The pilot ends when no run is worth
its time, when those that are left are equivalent, or when the time is up.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from kerastransfer.advice.contenders import Contender
from kerastransfer.advice.gains import Gains
from kerastransfer.advice.pilot import training
from kerastransfer.advice.pilot.training import Conditions, Planned
from kerastransfer.advice.pilot.tried import Pilot, State, Tried
from kerastransfer.advice.question import INTERRUPTED, STOPPED
from kerastransfer.advice.splits import Split
from kerastransfer.errors import Terminated
from kerastransfer.foundation.report import say

# Accuracy that a run is to promise, where it costs as much as one of every contender: a
# tenth of all is worth 0.25 points.
_WORTH = 0.025
_DISAGREE = 0.15  # images on which two contenders differ, before any was tried
_UP = "the time was up"


def run(
    conditions: Conditions, splits: Sequence[Split], contenders: Sequence[Contender]
) -> Pilot:
    """Try contenders until the time is up or the matter is decided.

    What was trained before is not trained again. Ctrl-C ends it with what there is.

    Parameters
    ----------
    splits : sequence of Split
        A contender is trained on each in turn, after the frozen recipe was.
    contenders : sequence of Contender
        The cheapest first; the frozen recipe among them.

    Raises
    ------
    Terminated
        If the process was told to end otherwise; the same pilot goes on from there.
    """
    units = np.concatenate([split.units[split.fold.held_out] for split in splits])
    tried = tuple(map(training.untried, contenders))
    pilot = Pilot(tried=tried, units=units, ended="")
    try:
        while not pilot.ended:
            pilot = _after_next(conditions, pilot, splits)
    except (Terminated, KeyboardInterrupt) as error:
        if isinstance(error, Terminated) and error.code != INTERRUPTED:
            raise
        return dataclasses.replace(pilot, ended=STOPPED)
    return pilot


def _after_next(conditions: Conditions, pilot: Pilot, splits: Sequence[Split]) -> Pilot:
    """Train what is worth it most; the pilot has ended where nothing is."""
    gains = pilot.gains(conditions.expected)
    ended = _equivalent(pilot, gains, conditions.margin)
    wanted = [] if ended else _wanted(pilot, gains, splits)
    for one in wanted:
        planned = training.plan(conditions, one, splits[one.rounds], one.rounds)
        expected = pilot.expected_seconds(one)
        if not planned.done:
            if conditions.left <= (expected or 0.0) - planned.spent:
                continue
            say(_title(conditions, planned, expected, len(splits)))
        after = training.train(conditions, planned, splits[one.rounds])
        if after is one:  # the time ended it
            return dataclasses.replace(pilot, ended=_UP)
        return _with(pilot, one, after, conditions.margin)
    why = _UP if wanted else ended or _reason(pilot, len(splits))
    return _ended(pilot, why, wanted)


def _wanted(pilot: Pilot, gains: Gains, splits: Sequence[Split]) -> list[Tried]:
    """Return what is worth a run, most of all first.

    The frozen recipe comes before a contender that is to be compared with it.
    """
    frozen = pilot.frozen
    if not frozen.rounds:
        return [frozen]
    prices = sum(each.contender.price for each in pilot.tuned)
    worth = {}
    for each in pilot.tuned:
        if each.rounds == len(splits) or each.state is State.BEHIND:
            continue
        images = len(splits[each.rounds].fold.held_out)
        variance = _disagreement(pilot, each) / images + gains.scatter
        promise = gains.worth_of_trying(each.contender, variance)
        surplus = promise - _WORTH * each.contender.price / prices
        if surplus > 0:
            worth[each.contender] = surplus
    ranked = sorted(
        (each for each in pilot.tuned if each.contender in worth),
        key=lambda each: -worth[each.contender],
    )
    return [frozen if each.rounds == frozen.rounds else each for each in ranked]


def _disagreement(pilot: Pilot, one: Tried) -> float:
    """Return the share of images that just one of a contender and the frozen got right.

    Of one that was not tried, as of the others; one image more and one less than
    there were, so that it is never nothing.
    """
    shares = []
    for each in (one,) if one.rounds else pilot.tuned:
        n = min(each.right.size, pilot.frozen.right.size)
        if n:
            differ = np.sum(each.right[:n] != pilot.frozen.right[:n])
            shares.append((differ + 1) / (n + 2))
    return float(np.mean(shares)) if shares else _DISAGREE


def _title(
    conditions: Conditions, planned: Planned, expected: float | None, count: int
) -> str:
    about = "" if expected is None else f"about {expected:.0f} s, "
    return (
        f"{planned.contender.contender}, split {planned.number + 1} of {count}: "
        f"{about}{conditions.left:.0f} s left"
    )


def _with(pilot: Pilot, before: Tried, after: Tried, margin: float) -> Pilot:
    """Put what a contender became in its place, and mark those that are behind."""
    tried = tuple(after if each is before else each for each in pilot.tried)
    pilot = dataclasses.replace(pilot, tried=tried)
    return dataclasses.replace(pilot, tried=without_those_behind(pilot, margin))


def without_those_behind(pilot: Pilot, margin: float) -> tuple[Tried, ...]:
    """Mark the contenders that are behind the best for certain, by what matters."""
    best = pilot.best
    marked = []
    for each in pilot.tried:
        gap = None if best in (None, each) else pilot.difference(best, each)
        behind = gap is not None and gap.low > 0 and gap.high > margin
        marked.append(dataclasses.replace(each, state=State.BEHIND) if behind else each)
    return tuple(marked)


def _equivalent(pilot: Pilot, gains: Gains, margin: float) -> str:
    """Say so where no contender differs from the best by what matters."""
    known = [
        gains.of(each.contender).estimate(0, "")
        for each in pilot.tuned
        if each.state is not State.BEHIND
    ]
    if not pilot.frozen.rounds or not known:
        return ""
    alike = all(-margin <= gain.low and gain.high <= margin for gain in known)
    return "all are equivalent" if alike else ""


def _reason(pilot: Pilot, count: int) -> str:
    """Say why there is no further run."""
    kept = [each for each in pilot.tuned if each.state is not State.BEHIND]
    if pilot.tuned and not kept:
        return "freezing was ahead of all others, for certain"
    if all(each.rounds == count for each in kept):
        return "every image was judged once"
    return "no further run was worth its time"


def _ended(pilot: Pilot, why: str, wanted: Sequence[Tried]) -> Pilot:
    """Return a pilot that ended of itself: what nobody wanted was not worth it."""
    tried = tuple(
        each
        if each.rounds or each in wanted or not pilot.frozen.rounds
        else dataclasses.replace(each, state=State.UNNEEDED)
        for each in pilot.tried
    )
    return dataclasses.replace(pilot, tried=tried, ended=why)
