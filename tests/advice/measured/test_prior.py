"""What measured cells let expect: against arithmetic, and on made-up studies."""

import dataclasses

import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve

from kerastransfer.advice.contenders import CONTENDERS
from kerastransfer.advice.gains import Normal
from kerastransfer.advice.measured import prior
from kerastransfer.advice.measured.cells import MeasuredCell, Position

SHALLOW, SHALLOW_SLOW, DEEP = CONTENDERS[1:4]
BOTH = CONTENDERS[4]
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


def gain_at(cells, position, contender=DEEP) -> Normal:
    return prior.expected_gains(cells, [contender], position).of(contender)


def test_near_cells_are_followed_and_far_ones_leave_a_wide_spread():
    near = gain_at(study(), Position(images_per_class=10, probe=0.6, cosine=0.65))
    assert near.mean == pytest.approx(0.5 * 0.35, abs=0.04)
    far = gain_at(study(), Position(images_per_class=5000, probe=0.999, cosine=0.3))
    assert far.sd > 2 * near.sd and far.sd > 0.07


def test_gains_at_a_place_are_those_of_the_textbook():
    """Rasmussen and Williams, algorithm 2.1, with the variances that were fitted."""
    others = (SHALLOW, SHALLOW_SLOW, DEEP)
    cells = [
        dataclasses.replace(
            each, recipe=one.recipe, rate=one.rates[-1], gain=each.gain + 0.01 * number
        )
        for number, one in enumerate(others)
        for each in study(sd=0.05, seed=number)
    ]
    rows = prior._rows(cells, HERE)
    kernel = prior.fitted(cells, rows, 3).get_params()
    overall = kernel["k1__k1__k1__k1__constant_value"]
    unlike = kernel["k1__k1__k2__k1__constant_value"]
    own, alike = kernel["k1__k2__k1__constant_value"], kernel["k2__noise_level"]
    names = np.array([each.dataset for each in cells])

    def near(first, second):
        squares = (np.array(first)[:, None] - np.array(second)[None]) ** 2
        return np.exp(-squares.sum(axis=-1) / 2)

    def smooth(first, second, same):
        like = near([one.coordinates for _, one in first], [o for _, o in second])
        where = near([place.coordinates for place, _ in first], [p for p, _ in second])
        return like * (overall + unlike * where + own * same)

    own_places = [(each.position, each.contender) for each in cells]
    flat_places = [(p.coordinates, c.coordinates) for p, c in own_places]
    sd = np.array([each.sd for each in cells])
    frozen = np.array([f"{each.dataset} {each.images_per_class}" for each in cells])
    noise = np.outer(sd, sd) * np.where(
        np.eye(len(cells), dtype=bool), 1.0, 0.5 * (frozen[:, None] == frozen)
    )
    noise += (1e-6 + alike) * np.eye(len(cells))
    factor = cho_factor(
        smooth(own_places, flat_places, names[:, None] == names) + noise
    )
    asked = [(HERE, one) for one in (*others, BOTH)]
    flat_asked = [(p.coordinates, c.coordinates) for p, c in asked]
    across = smooth(asked, flat_places, 0)
    means = across @ cho_solve(factor, [each.gain for each in cells])
    covariance = smooth(asked, flat_asked, 1) - across @ cho_solve(factor, across.T)
    gains = prior.expected_gains(cells, (*others, BOTH), HERE)
    assert gains.means == pytest.approx(means, abs=1e-7)
    assert gains.covariance == pytest.approx(covariance, abs=1e-8)
    assert gains.scatter == pytest.approx(alike)
    assert gains.measured


def test_one_set_says_little_of_another_at_its_position():
    """However often it was measured, and however sure its cells are."""
    numbers = (3, 10, 30)
    one = [cell(0.12, cosine=0.7, number=n, dataset="one", sd=0.005) for n in numbers]
    several = [*study(slope=0.0, sets=4), *one]
    there = Position(images_per_class=10, probe=0.6, cosine=0.7)
    assert gain_at(several, there).sd >= 0.03


def test_a_distance_that_is_not_known_is_left_out():
    unknown = Position(images_per_class=10, probe=0.6, cosine=None)
    found = gain_at(study(), unknown)
    known = gain_at(study(), HERE)
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
                    gain = gain_at(rest, each.position)
                    spread = np.hypot(gain.sd, each.sd)
                    held.append(abs(gain.mean - each.gain) < 1.96 * spread)
    assert np.mean(held) >= 0.9


def test_a_contender_that_was_not_measured_is_expected_to_gain_like_those_near_it():
    cells = study(slope=0.5)
    there = Position(images_per_class=10, probe=0.6, cosine=0.7)
    gains = prior.expected_gains(cells, CONTENDERS[1:], there)
    assert gains.of(DEEP).mean > 0.1
    for other in (BOTH, CONTENDERS[5], SHALLOW):
        assert 0.4 * gains.of(DEEP).mean < gains.of(other).mean
        assert gains.of(other).sd > gains.of(DEEP).sd


def test_without_cells_that_are_near_a_gain_of_the_usual_size_is_assumed():
    far = Position(images_per_class=50_000, probe=0.999, cosine=0.3)
    for cells, where in (([], HERE), (study(slope=0.0), far)):
        gains = prior.expected_gains(cells, CONTENDERS[1:], where)
        assert not gains.measured
        assert abs(gains.of(DEEP).mean) < 0.02
        assert 0.07 < gains.of(DEEP).sd < 0.11


def test_variances_are_not_fitted_to_a_handful_of_cells():
    for few in (study(sets=2), study()[:5]):
        gains = prior.expected_gains(few, [DEEP], HERE)
        assert gains.scatter == pytest.approx(0.02**2)
        assert gains.measured
