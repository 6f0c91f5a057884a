"""Verdicts on pilots made by hand, and the number of images that would tell."""

import numpy as np
import pytest

from kerastransfer.advice import decision
from kerastransfer.advice.contenders import CONTENDERS, FROZEN, Contender
from kerastransfer.advice.gains import Gains, Normal, flat
from kerastransfer.advice.pilot.tried import Pilot, State, Tried
from kerastransfer.evaluation.intervals import Estimate

MARGIN = 0.01
SHALLOW, SHALLOW_SLOW, DEEP = CONTENDERS[1:4]


def tried(contender, right, state=State.KEPT):
    return Tried(
        contender=contender,
        state=state if len(right) else State.UNTRIED,
        rounds=int(len(right) > 0),
        right=np.asarray(right, bool),
        seconds=1.0,
    )


def pilot(*contenders, n=1000):
    return Pilot(tried=contenders, units=np.arange(n), ended="")


def expected(priors, correlation=0.0):
    """What measured cells let expect: a normal for each tuned contender."""
    sds = np.array([each.sd for each in priors.values()])
    alike = np.full((len(sds), len(sds)), correlation)
    np.fill_diagonal(alike, 1.0)
    return Gains(
        contenders=tuple(priors),
        means=np.array([each.mean for each in priors.values()]),
        covariance=alike * np.outer(sds, sds),
        scatter=0.0,
        measured=True,
    )


def decide(made, margin=MARGIN, priors=None, probe=None, correlation=0.0):
    tuned = [each.contender for each in made.tuned]
    known = flat(tuned) if priors is None else expected(priors, correlation)
    return decision.decide(made, margin, known, probe)


def first(k, n=1000):
    """Right on the first k of n images."""
    return np.arange(n) < k


@pytest.mark.parametrize(
    ("tuned", "verdict", "chosen"),
    [
        (first(900), "tuning is more accurate", SHALLOW),
        (first(700), "freezing is more accurate", FROZEN),
        (first(800), "equivalent within 1 point: take the cheaper", FROZEN),
    ],
)
def test_a_verdict_follows_from_the_interval(tuned, verdict, chosen):
    frozen_state = State.BEHIND if chosen is SHALLOW else State.KEPT
    tuned_state = State.BEHIND if tuned.sum() < 800 else State.KEPT
    found = decide(
        pilot(
            tried(FROZEN, first(800), frozen_state),
            tried(SHALLOW, tuned, tuned_state),
        ),
        MARGIN,
    )
    assert found.verdict == verdict
    assert found.contender == chosen
    assert found.gain.contender == SHALLOW
    gain = found.gain.both
    assert gain.low <= (tuned.sum() - 800) / 1000 <= gain.high


def test_what_cannot_be_told_and_hardly_differs_takes_the_cheaper():
    right = np.random.default_rng(0).random(100) < 0.8
    tuned = right.copy()
    tuned[:10] = ~tuned[:10]
    found = decide(pilot(tried(FROZEN, right), tried(SHALLOW, tuned), n=100), 0.08)
    assert abs(found.gain.both.value) < 0.08
    assert found.contender == FROZEN
    assert found.verdict.startswith("not distinguishable: take the cheaper")
    more = decision.images_to_tell(found.gain.pilot, 0.08)
    assert f"{more:,} images" in found.verdict and more > 100


def test_what_is_likely_better_is_taken_and_called_a_bet():
    """Five images more of a hundred, with ten on which the two differ otherwise."""
    frozen, tuned = first(70, 100), first(75, 100)
    tuned[:5], tuned[80:85] = False, True
    found = decide(pilot(tried(FROZEN, frozen), tried(SHALLOW, tuned), n=100))
    gain = found.gain.both
    assert gain.low < 0 < gain.value
    assert found.contender == SHALLOW
    chance = Normal.of(gain).chance
    assert 0.8 < chance < 0.975
    assert found.verdict.startswith(
        "not distinguishable for certain, but tuning is the better bet: at odds of "
        f"{100 * chance:.0f} to {100 - 100 * chance:.0f} it is more accurate; F1-7R8 is"
    )
    assert found.accuracy.value == pytest.approx(0.70 + gain.value)


def test_of_the_rates_of_the_cheapest_recipe_the_better_is_taken():
    found = decide(
        pilot(
            tried(FROZEN, first(700), State.BEHIND),
            tried(SHALLOW, first(900)),
            tried(SHALLOW_SLOW, first(905)),
            tried(DEEP, first(910)),
        ),
        MARGIN,
    )
    assert found.contender == SHALLOW_SLOW
    assert found.gain.contender == SHALLOW_SLOW


def test_a_contender_with_fewer_rounds_is_compared_on_what_both_saw():
    long, short = first(60, 100), first(48, 50)  # 50 of the first 50 against 48
    made = pilot(tried(FROZEN, long), tried(SHALLOW, short), n=100)
    assert made.best.contender == FROZEN
    found = decide(made, MARGIN)
    assert found.gain.both.n == 50
    assert found.gain.both.value == pytest.approx(-0.04, abs=1e-4)


def test_without_a_pilot_there_is_no_number():
    found = decide(pilot(tried(FROZEN, []), tried(SHALLOW, [])), MARGIN)
    assert found.contender == FROZEN
    assert found.accuracy is None and found.gain is None
    assert "without evidence" in found.verdict


def test_without_tuning_there_is_no_gain():
    found = decide(pilot(tried(FROZEN, first(800)), tried(DEEP, [])), MARGIN)
    assert found.gain is None and found.accuracy.value == 0.8
    assert "tuning was not tried" in found.verdict


def test_a_noisy_pilot_is_drawn_towards_what_was_measured_before():
    rng = np.random.default_rng(0)
    made = pilot(
        tried(FROZEN, rng.random(40) < 0.6), tried(SHALLOW, first(28, 40)), n=40
    )
    alone = made.difference(made.tuned[0], made.frozen)
    prior = Normal(0.12, 0.03)
    found = decide(made, MARGIN, {SHALLOW: prior}).gain
    half = (alone.high - alone.low) / 2 / 1.959964
    weight = prior.sd**-2 / (prior.sd**-2 + half**-2)
    assert weight > 0.7  # of the less uncertain
    value = weight * prior.mean + (1 - weight) * alone.value
    assert found.both.value == pytest.approx(value, rel=1e-6)
    assert found.pilot == alone and found.prior.value == prior.mean
    assert found.both.high - found.both.low < min(
        each.high - each.low for each in (alone, found.prior)
    )


def test_a_sure_pilot_is_hardly_drawn():
    made = pilot(tried(FROZEN, first(800)), tried(SHALLOW, first(900)))
    found = decide(made, MARGIN, {SHALLOW: Normal(-0.2, 0.2)})
    assert found.contender == SHALLOW
    assert found.gain.both.value == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    ("prior", "chosen", "verdict"),
    [
        (Normal(0.10, 0.03), SHALLOW, "tuning is more accurate"),
        (Normal(0.10, 0.08), SHALLOW, "not distinguishable for certain"),
        (Normal(0.005, 0.08), FROZEN, "not distinguishable: take the cheaper"),
        (Normal(-0.10, 0.03), FROZEN, "freezing is more accurate"),
        (Normal(0.0, 0.002), FROZEN, "equivalent within 1 point"),
    ],
)
def test_without_a_pilot_measured_cells_answer_alone_and_say_so(prior, chosen, verdict):
    probe = Estimate(value=0.7, low=0.6, high=0.8, n=90, method="")
    found = decide(
        pilot(tried(FROZEN, []), tried(SHALLOW, [])), MARGIN, {SHALLOW: prior}, probe
    )
    assert found.contender == chosen
    assert found.verdict.startswith(verdict)
    assert "not tried itself" in found.verdict or "pilot would tell" in found.verdict
    assert found.gain.pilot is None
    if chosen is FROZEN:
        assert found.accuracy == probe
    else:
        assert found.accuracy.value == pytest.approx(0.8)
        assert found.accuracy.low < 0.8 - 0.1 and found.accuracy.high > 0.8 + 0.1


def test_a_contender_that_was_not_tried_may_win_by_what_was_measured():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(760)), tried(DEEP, []))
    priors = {SHALLOW: Normal(0.0, 0.3), DEEP: Normal(0.2, 0.03)}
    found = decide(made, MARGIN, priors)
    assert found.contender == DEEP and found.gain.pilot is None
    assert found.accuracy.value == pytest.approx(0.9)
    assert "not tried itself" in found.verdict


def test_what_the_pilot_says_of_one_contender_tells_of_those_that_are_like_it():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(780)), tried(DEEP, []))
    priors = {SHALLOW: Normal(0.0, 0.08), DEEP: Normal(0.0, 0.08)}
    alike = decide(made, MARGIN, priors, correlation=0.9)
    unlike = decide(made, MARGIN, priors, correlation=0.0)
    (_, of_alike), (_, of_unlike) = (
        decision.gains_of(made, expected(priors, c)) for c in (0.9, 0.0)
    )
    assert of_alike.both.value == pytest.approx(0.9 * alike.gain.both.value)
    assert of_unlike.both.value == 0.0
    assert alike.contender == unlike.contender == SHALLOW


def test_the_verdict_is_about_the_choice():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(780)), tried(DEEP, []))
    priors = {SHALLOW: Normal(0.0, 0.5), DEEP: Normal(0.10, 0.02)}
    found = decide(made, 0.05, priors)
    assert found.contender == SHALLOW and "not tried" not in found.verdict


def test_of_equals_within_the_margin_the_cheaper_is_taken():
    made = pilot(
        tried(FROZEN, first(700)), tried(SHALLOW, first(905)), tried(DEEP, first(912))
    )
    assert decide(made, 0.01).contender == SHALLOW
    assert decide(made, 0.005).contender == DEEP


def test_images_to_tell_follow_from_the_square_root():
    gain = Estimate(value=0.02, low=-0.06, high=0.10, n=50, method="")
    assert decision.images_to_tell(gain, 0.01) == 50 * 16
    assert decision.images_to_tell(gain, 0.04) == 50 * 16
    assert decision.images_to_tell(gain, 0.10) == 50  # within the margin by now


def test_the_command_trains_the_contender():
    words = ["--dataset", "folder:my images"]
    command = decision.train_command(words, Contender("F1-7R8+FT1-8", (2e-3, 1e-4)))
    assert command == (
        "kerastransfer train --dataset 'folder:my images' --recipe F1-7R8+FT1-8 "
        "--learning-rate 0.002,0.0001"
    )
