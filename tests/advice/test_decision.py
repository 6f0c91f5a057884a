"""Verdicts on pilots made by hand, and the number of images that would tell."""

import numpy as np
import pytest

from kerastransfer.advice import decision
from kerastransfer.advice.contenders import CONTENDERS, FROZEN, Contender
from kerastransfer.advice.measured.prior import Normal
from kerastransfer.advice.tried import Pilot, State, Tried
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
    found = decision.decide(
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


def test_what_cannot_be_told_takes_the_cheaper_and_says_what_would_tell():
    rng = np.random.default_rng(0)
    frozen, tuned = rng.random(100) < 0.8, rng.random(100) < 0.82
    found = decision.decide(
        pilot(tried(FROZEN, frozen), tried(SHALLOW, tuned), n=100), MARGIN
    )
    assert found.contender == FROZEN
    assert found.verdict.startswith("not distinguishable: take the cheaper")
    more = decision.images_to_tell(found.gain.pilot, MARGIN)
    assert f"{more:,} images" in found.verdict and more > 100


def test_of_the_rates_of_the_cheapest_recipe_the_better_is_taken():
    found = decision.decide(
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
    found = decision.decide(made, MARGIN)
    assert found.gain.both.n == 50
    assert found.gain.both.value == pytest.approx(-0.04)


def test_without_a_pilot_there_is_no_number():
    found = decision.decide(pilot(tried(FROZEN, []), tried(SHALLOW, [])), MARGIN)
    assert found.contender == FROZEN
    assert found.accuracy is None and found.gain is None
    assert "without evidence" in found.verdict


def test_without_tuning_there_is_no_gain():
    found = decision.decide(pilot(tried(FROZEN, first(800)), tried(DEEP, [])), MARGIN)
    assert found.gain is None and found.accuracy.value == 0.8
    assert "tuning was not tried" in found.verdict


def test_a_noisy_pilot_is_drawn_towards_what_was_measured_before():
    rng = np.random.default_rng(0)
    made = pilot(
        tried(FROZEN, rng.random(40) < 0.6), tried(SHALLOW, first(28, 40)), n=40
    )
    alone = decision.decide(made, MARGIN).gain.both
    prior = Normal(0.12, 0.03)
    found = decision.decide(made, MARGIN, {SHALLOW: prior}).gain
    half = (alone.high - alone.low) / 2 / 1.959964
    weight = prior.sd**-2 / (prior.sd**-2 + half**-2)
    assert weight > 0.7  # of the less uncertain
    expected = weight * prior.mean + (1 - weight) * alone.value
    assert found.both.value == pytest.approx(expected, rel=1e-6)
    assert found.pilot == alone and found.prior.value == prior.mean
    assert found.both.high - found.both.low < min(
        each.high - each.low for each in (alone, found.prior)
    )


def test_a_sure_pilot_is_hardly_drawn():
    made = pilot(tried(FROZEN, first(800)), tried(SHALLOW, first(900)))
    found = decision.decide(made, MARGIN, {SHALLOW: Normal(-0.2, 0.2)})
    assert found.contender == SHALLOW
    assert found.gain.both.value == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    ("prior", "chosen", "verdict"),
    [
        (Normal(0.10, 0.03), SHALLOW, "tuning is more accurate"),
        (Normal(0.10, 0.08), FROZEN, "not distinguishable"),
        (Normal(-0.10, 0.03), FROZEN, "freezing is more accurate"),
        (Normal(0.0, 0.002), FROZEN, "equivalent within 1 point"),
    ],
)
def test_without_a_pilot_measured_cells_answer_alone_and_say_so(prior, chosen, verdict):
    probe = Estimate(value=0.7, low=0.6, high=0.8, n=90, method="")
    found = decision.decide(
        pilot(tried(FROZEN, []), tried(SHALLOW, [])), MARGIN, {SHALLOW: prior}, probe
    )
    assert found.contender == chosen
    assert found.verdict.startswith(verdict)
    assert "alone" in found.verdict or "a pilot would tell" in found.verdict
    assert found.gain.pilot is None
    if chosen is FROZEN:
        assert found.accuracy == probe
    else:
        assert found.accuracy.value == pytest.approx(0.8)
        assert found.accuracy.low < 0.8 - 0.1 and found.accuracy.high > 0.8 + 0.1


def test_a_contender_that_was_not_tried_may_win_by_what_was_measured():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(760)), tried(DEEP, []))
    found = decision.decide(made, MARGIN, {DEEP: Normal(0.2, 0.03)})
    assert found.contender == DEEP and found.gain.pilot is None
    assert found.accuracy.value == pytest.approx(0.9)


def test_an_uncertain_contender_takes_nothing_from_a_certain_one():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(780)), tried(DEEP, []))
    found = decision.decide(made, MARGIN, {DEEP: Normal(0.10, 0.08)})
    assert found.contender == SHALLOW and found.gain.contender == SHALLOW
    assert found.verdict == "tuning is more accurate"


def test_the_verdict_is_about_the_choice():
    made = pilot(tried(FROZEN, first(700)), tried(SHALLOW, first(780)), tried(DEEP, []))
    found = decision.decide(made, 0.05, {DEEP: Normal(0.10, 0.02)})
    assert found.contender == SHALLOW and "alone" not in found.verdict


def test_of_equals_within_the_margin_the_cheaper_is_taken():
    made = pilot(
        tried(FROZEN, first(700)), tried(SHALLOW, first(905)), tried(DEEP, first(912))
    )
    assert decision.decide(made, 0.01).contender == SHALLOW
    assert decision.decide(made, 0.005).contender == DEEP


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
