"""What is known of gains before and after trials, against independent arithmetic."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from kerastransfer.advice.contenders import CONTENDERS
from kerastransfer.advice.gains import Gains, Normal, Observed, flat
from kerastransfer.evaluation.intervals import Estimate

SHALLOW, _, DEEP = CONTENDERS[1:4]


def gains(means=(0.01, -0.02), sds=(0.08, 0.10), correlation=0.6, scatter=0.02):
    covariance = np.outer(sds, sds) * np.array([[1, correlation], [correlation, 1]])
    return Gains(
        contenders=(SHALLOW, DEEP),
        means=np.array(means),
        covariance=covariance,
        scatter=scatter**2,
        measured=True,
    )


def observed(contender, mean, sd, rounds=1, images=100):
    return Observed(
        contender=contender, gain=Normal(mean, sd), rounds=rounds, images=images
    )


def test_an_estimate_and_back():
    estimate = Estimate(value=0.05, low=-0.01, high=0.11, n=40, method="")
    normal = Normal.of(estimate)
    assert normal.sd == pytest.approx(0.06 / 1.959964, rel=1e-6)
    again = normal.estimate(40, "")
    assert (again.low, again.high) == pytest.approx((-0.01, 0.11))
    assert Normal(0.9, 0.3).estimate(1, "").high == 1.0


def test_the_chance_of_a_gain_is_that_of_the_normal_distribution():
    assert Normal(0.03, 0.02).chance == pytest.approx(norm.cdf(1.5))
    assert Normal(-0.03, 0.02).chance == pytest.approx(norm.cdf(-1.5))


def test_one_trial_is_weighed_by_the_variances():
    """As two independent measurements of one number are (by hand)."""
    known = gains(scatter=0.0).given([observed(SHALLOW, 0.10, 0.04)])
    precision = 0.08**-2 + 0.04**-2
    assert known.of(SHALLOW).mean == pytest.approx(
        (0.01 * 0.08**-2 + 0.10 * 0.04**-2) / precision
    )
    assert known.of(SHALLOW).sd == pytest.approx(precision**-0.5)


def drawn(before, n):
    """Draw true gains, and a source of noise."""
    rng = np.random.default_rng(0)
    true = multivariate_normal.rvs(
        before.means, before.covariance, size=n, random_state=rng
    )
    return true, rng


def test_a_trial_tells_of_the_contender_that_was_not_tried():
    """By sampling both gains, and what two networks of one contender show."""
    before = gains(scatter=0.08)
    true, rng = drawn(before, 2_000_000)
    noise = np.hypot(0.03, 0.08 / np.sqrt(2))  # images, and networks
    shown = true[:, 0] + rng.normal(0, noise, len(true))
    like_it = true[np.abs(shown - 0.12) < 0.003]
    after = before.given([observed(SHALLOW, 0.12, 0.03, rounds=2)])
    assert after.means == pytest.approx(like_it.mean(axis=0), abs=0.002)
    assert after.covariance == pytest.approx(np.cov(like_it.T), abs=2e-4)


def test_two_trials_share_the_frozen_answers():
    """By sampling answers: both shown too high by the same unlucky frozen ones."""
    before = gains(scatter=0.0)
    true, rng = drawn(before, 4_000_000)
    part = 0.05 / np.sqrt(2)  # of a gain's error, its own and the frozen one's
    own = rng.normal(0, part, (len(true), 2))
    shown = true + own - rng.normal(0, part, (len(true), 1))
    like_it = true[np.all(np.abs(shown - 0.08) < 0.01, axis=1)]
    both = before.given([observed(SHALLOW, 0.08, 0.05), observed(DEEP, 0.08, 0.05)])
    assert both.means == pytest.approx(like_it.mean(axis=0), abs=0.001)
    assert both.covariance == pytest.approx(np.cov(like_it.T), abs=4e-5)


def test_a_trial_on_fewer_images_shares_less():
    """Half of the images: their frozen answers are half of the others'."""
    before = gains(scatter=0.0)
    true, rng = drawn(before, 4_000_000)
    part = 0.05 / np.sqrt(2)
    first, second = (rng.normal(0, part * np.sqrt(2), len(true)) for _ in range(2))
    frozen = np.stack([(first + second) / 2, first], axis=1)  # of two halves, of one
    own = rng.normal(0, part, (len(true), 2)) * [1.0, np.sqrt(2)]
    shown = true + own - frozen
    like_it = true[np.all(np.abs(shown - [0.08, 0.12]) < 0.01, axis=1)]
    both = before.given(
        [
            observed(SHALLOW, 0.08, 0.05, images=100),
            observed(DEEP, 0.12, 0.05 * np.sqrt(2), images=50),
        ]
    )
    assert both.means == pytest.approx(like_it.mean(axis=0), abs=0.0015)
    assert both.covariance == pytest.approx(np.cov(like_it.T), abs=5e-5)


def test_nothing_tried_changes_nothing_and_flat_is_the_pilot_alone():
    before = gains()
    assert before.given([]) is before
    alone = flat([SHALLOW, DEEP]).given([observed(DEEP, 0.07, 0.03)])
    assert alone.of(DEEP).mean == pytest.approx(0.07, abs=1e-5)
    assert alone.of(DEEP).sd == pytest.approx(0.03, rel=1e-4)
    assert alone.of(SHALLOW).sd == pytest.approx(10.0)


@pytest.mark.parametrize("means", [(0.01, -0.02), (-0.05, -0.2), (0.06, 0.05)])
@pytest.mark.parametrize("contender", [SHALLOW, DEEP])
def test_the_worth_of_a_trial_is_what_better_choices_after_it_bring(means, contender):
    """By sampling what a trial shows, and choosing anew each time."""
    before, sd = gains(means), 0.04
    place = before.contenders.index(contender)
    spread = np.hypot(np.sqrt(before.covariance[place, place]), sd)
    shown = np.random.default_rng(0).normal(means[place], spread, 400_000)
    # A trial moves all means along a line, so two trials give the others.
    zero = dataclasses.replace(before, scatter=0.0)
    at = [
        zero.given([observed(contender, value, sd)]).means
        for value in (means[place], means[place] + 1.0)
    ]
    after = at[0] + (shown - means[place])[:, None] * (at[1] - at[0])
    best = np.maximum(after.max(axis=1), 0.0)
    expected = best.mean() - max(0.0, *means)
    worth = before.worth_of_trying(contender, sd**2)
    assert worth == pytest.approx(expected, abs=5e-4)


def test_a_trial_that_cannot_change_the_choice_is_worth_nothing():
    lost = gains(means=(-0.9, -0.9))
    assert lost.worth_of_trying(SHALLOW, 0.01) == pytest.approx(0.0, abs=1e-9)
    unsure, sure = gains().worth_of_trying(DEEP, 1.0), gains().worth_of_trying(DEEP, 0)
    assert 0 < unsure < sure
