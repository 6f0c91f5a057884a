"""What a pilot leaves, and what it tries next: by hand-made answers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from kerastransfer.advice.contenders import CONTENDERS, FROZEN
from kerastransfer.advice.gains import Gains
from kerastransfer.advice.pilot import search
from kerastransfer.advice.pilot.training import untried
from kerastransfer.advice.pilot.tried import Pilot, State, Tried

SHALLOW, SHALLOW_SLOW, DEEP = CONTENDERS[1:4]


def tried(contender, right, seconds, rounds=1):
    return Tried(
        contender=contender,
        state=State.KEPT,
        rounds=rounds,
        right=np.asarray(right, bool),
        seconds=seconds,
    )


def pilot(*contenders, n=100):
    return Pilot(tried=contenders, units=np.arange(n), ended="")


def first(k, n=100):
    return np.arange(n) < k


def gains(means, sd=0.05, correlation=0.0):
    alike = np.full((len(means), len(means)), correlation)
    np.fill_diagonal(alike, 1.0)
    return Gains(
        contenders=tuple(means),
        means=np.array([*means.values()]),
        covariance=sd**2 * alike,
        scatter=0.0,
        measured=True,
    )


SPLITS = [SimpleNamespace(fold=SimpleNamespace(held_out=np.arange(100)))] * 2


def names(wanted):
    return [each.contender for each in wanted]


def test_a_run_takes_as_long_as_its_like_or_longer_with_its_price():
    none = pilot(untried(FROZEN), untried(DEEP))
    assert none.expected_seconds(none.tuned[0]) is None
    one = pilot(tried(FROZEN, first(70), 4.0), untried(SHALLOW), untried(DEEP))
    shallow, deep = map(one.expected_seconds, one.tuned)
    # A half of a run is no training: 0.17 and 1 against 0.02.
    assert (shallow, deep) == pytest.approx((4.0 * 0.17 / 0.04, 4.0 / 0.04))
    both = pilot(
        tried(FROZEN, first(70), 4.0),
        tried(SHALLOW, first(75), 30.0),
        untried(SHALLOW_SLOW),
        untried(DEEP),
    )
    assert both.expected_seconds(both.tuned[0]) == 30.0
    assert both.expected_seconds(both.tuned[1]) == 30.0  # as at the other rate
    assert both.expected_seconds(both.tuned[2]) == pytest.approx(30.0 / 0.17 / 2)


def test_the_frozen_recipe_is_first_and_then_what_promises_most_for_its_time():
    means = {SHALLOW: 0.0, DEEP: 0.0}
    contenders = (untried(FROZEN), untried(SHALLOW), untried(DEEP))
    assert names(search._wanted(pilot(*contenders), gains(means), SPLITS)) == [FROZEN]
    frozen = tried(FROZEN, first(70), 4.0)
    after = pilot(frozen, *contenders[1:])
    assert names(search._wanted(after, gains(means), SPLITS)) == [SHALLOW]
    wide = gains(means, sd=0.1)  # now it may gain enough for its price
    assert names(search._wanted(after, wide, SPLITS)) == [SHALLOW, DEEP]
    deep = gains({SHALLOW: -0.9, DEEP: 0.0}, sd=0.1)
    assert names(search._wanted(after, deep, SPLITS)) == [DEEP]
    nothing = gains({SHALLOW: -0.3, DEEP: -0.3})
    settled = gains({SHALLOW: -0.9, DEEP: 0.3})  # a trial would not change the choice
    assert search._wanted(after, settled, SPLITS) == []
    assert search._wanted(after, nothing, SPLITS) == []


def test_a_second_trial_waits_for_the_frozen_recipe_and_none_follows_the_last():
    frozen, once = tried(FROZEN, first(70), 4.0), tried(SHALLOW, first(72), 30.0)
    unsure = gains({SHALLOW: 0.02}, sd=0.1)
    assert names(search._wanted(pilot(frozen, once), unsure, SPLITS)) == [FROZEN]
    twice = dataclasses.replace(frozen, rounds=2)
    assert names(search._wanted(pilot(twice, once), unsure, SPLITS)) == [SHALLOW]
    last = dataclasses.replace(once, rounds=2)
    assert search._wanted(pilot(twice, last), unsure, SPLITS) == []
    behind = dataclasses.replace(once, state=State.BEHIND)
    assert search._wanted(pilot(twice, behind), unsure, SPLITS) == []


def test_the_search_ends_where_all_are_equivalent_by_what_is_known():
    made = pilot(tried(FROZEN, first(70), 4.0), tried(SHALLOW, first(70), 30.0))
    sure, unsure = gains({SHALLOW: 0.001}, sd=0.003), gains({SHALLOW: 0.001}, sd=0.02)
    assert search._equivalent(made, sure, 0.01) == "all are equivalent"
    assert search._equivalent(made, unsure, 0.01) == ""
    nothing = pilot(untried(FROZEN), untried(SHALLOW))
    assert search._equivalent(nothing, sure, 0.01) == ""
