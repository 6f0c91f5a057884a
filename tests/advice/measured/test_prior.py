"""What measured cells let expect: against arithmetic, and on made-up studies."""

import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve

from kerastransfer.advice.contenders import CONTENDERS
from kerastransfer.advice.measured import prior
from kerastransfer.advice.measured.cells import MeasuredCell, Position
from kerastransfer.advice.measured.prior import Normal
from kerastransfer.evaluation.intervals import Estimate

DEEP = CONTENDERS[3]
HERE = Position(images_per_class=10, probe=0.6, cosine=0.3)


def cell(gain, *, cosine=0.3, number=10, dataset="a", sd=0.02, contender=DEEP):
    return MeasuredCell(
        dataset=dataset,
        backbone="made up",
        weights="",
        recipe=contender.recipe,
        rate=contender.rates[-1],
        images_per_class=number,
        classes=5,
        draws=1,
        cosine=cosine,
        probe=0.6,
        gain=gain,
        low=gain - 2 * sd,
        high=gain + 2 * sd,
        sd=sd,
    )


def study(slope=0.5, sets=6, sd=0.02, seed=0):
    """Gains that rise with the distance from the source."""
    rng = np.random.default_rng(seed)
    return [
        cell(
            slope * (cosine - 0.3) + rng.normal(0, sd),
            cosine=float(cosine),
            number=number,
            dataset=f"set {index}",
            sd=sd,
        )
        for index, cosine in enumerate(np.linspace(0.1, 0.7, sets))
        for number in (3, 10, 30)
    ]


def test_evidence_is_weighed_by_its_variances():
    pilot, cells = Normal(0.10, 0.03), Normal(0.0, 0.06)
    both = pilot.combined(cells)
    precision = 1 / 0.03**2 + 1 / 0.06**2
    assert both.mean == pytest.approx(0.10 / 0.03**2 / precision)
    assert both.sd == pytest.approx(precision**-0.5)
    assert both == cells.combined(pilot)


def test_an_estimate_and_back():
    estimate = Estimate(value=0.05, low=-0.01, high=0.11, n=40, method="")
    normal = Normal.of(estimate)
    assert normal.sd == pytest.approx(0.06 / 1.959964, rel=1e-6)
    again = normal.estimate(40, "")
    assert (again.low, again.high) == pytest.approx((-0.01, 0.11))
    assert Normal(0.9, 0.3).estimate(1, "").high == 1.0


def test_near_cells_are_followed_and_far_ones_leave_a_wide_spread():
    near = prior.gain_at(study(), Position(images_per_class=10, probe=0.6, cosine=0.65))
    assert near.mean == pytest.approx(0.5 * 0.35, abs=0.04)
    far = prior.gain_at(
        study(), Position(images_per_class=5000, probe=0.999, cosine=0.3)
    )
    assert far.sd > 2 * near.sd and far.sd > 0.07


def test_the_gain_at_a_place_is_that_of_the_textbook():
    """Rasmussen and Williams, algorithm 2.1, with the variances that were found."""
    cells = study(sd=0.05)
    process = prior.fitted(cells, HERE)
    places = np.array([each.position.coordinates for each in cells])
    names = np.array([each.dataset for each in cells])
    values = np.array([each.gain for each in cells])
    kernel = process.kernel_.get_params()
    overall = kernel["k1__k1__k1__constant_value"]
    unlike = kernel["k1__k1__k2__k1__constant_value"]
    own, alike = kernel["k1__k2__k1__constant_value"], kernel["k2__noise_level"]

    def covariance(first, second):
        squares = ((first[:, None] - second[None]) ** 2).sum(axis=-1)
        return overall + unlike * np.exp(-squares / 2)

    noise = np.array([each.sd**2 for each in cells]) + 1e-6 + alike
    same = own * (names[:, None] == names[None])
    factor = cho_factor(covariance(places, places) + same + np.diag(noise))
    here = np.array([HERE.coordinates])
    across = covariance(here, places)[0]
    mean = across @ cho_solve(factor, values)
    variance = overall + unlike + own + alike - across @ cho_solve(factor, across)
    found = prior.gain_at(cells, HERE)
    assert found.mean == pytest.approx(mean, abs=1e-7)
    assert found.sd == pytest.approx(variance**0.5, rel=1e-5)


def test_one_set_says_little_of_another_at_its_position():
    """However often it was measured, and however sure its cells are."""
    numbers = (3, 10, 30)
    one = [cell(0.12, cosine=0.7, number=n, dataset="one", sd=0.005) for n in numbers]
    several = [*study(slope=0.0, sets=4), *one]
    there = Position(images_per_class=10, probe=0.6, cosine=0.7)
    assert prior.gain_at(several, there).sd >= 0.03


def test_a_distance_that_is_not_known_is_left_out():
    unknown = Position(images_per_class=10, probe=0.6, cosine=None)
    found = prior.gain_at(study(), unknown)
    known = prior.gain_at(study(), HERE)
    assert found.sd > known.sd  # sets that are apart fall together


def test_intervals_hold_the_gain_of_a_set_that_was_not_measured():
    """Leave each of many made-up sets out in turn."""
    held = []
    for seed in range(12):
        cells = study(seed=seed, sd=0.03)
        for left_out in {each.dataset for each in cells}:
            rest = [each for each in cells if each.dataset != left_out]
            for each in cells:
                if each.dataset == left_out:
                    gain = prior.gain_at(rest, each.position)
                    spread = np.hypot(gain.sd, each.sd)
                    held.append(abs(gain.mean - each.gain) < 1.96 * spread)
    assert np.mean(held) >= 0.9


def test_contenders_that_were_hardly_measured_have_no_prior():
    assert set(prior.gains(study(), CONTENDERS, HERE)) == {DEEP}
    assert prior.gains(study(sets=2), CONTENDERS, HERE) == {}
    assert prior.gains(study()[:5], CONTENDERS, HERE) == {}
    assert prior.gains([], CONTENDERS, HERE) == {}
    far = Position(images_per_class=50_000, probe=0.999, cosine=0.3)
    assert prior.gains(study(), CONTENDERS, far) == {}
