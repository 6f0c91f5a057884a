"""The line of equality: where it is, on data made for it, and where there is none."""

import dataclasses
import math

import numpy as np
import pytest

from kerastransfer.study.figures.equality import Gain, fit_equality, why_no_line

DISTANCES = (0.05, 0.15, 0.3, 0.4, 0.6)
NUMBERS = (1, 3, 10, 30, 100)


def made_up(
    per_decade=0.05,
    per_distance=0.2,
    crossing=0.4,
    noise=0.0,
    distances=DISTANCES,
    numbers=NUMBERS,
    seed=0,
):
    """Gains of 0 at the distance `crossing` with one image per class."""
    rng = np.random.default_rng(seed)
    return [
        Gain(
            dataset=f"d{distance}",
            images=images,
            distance=distance,
            gain=per_decade * math.log10(images)
            + per_distance * (distance - crossing)
            + noise * rng.normal(),
        )
        for distance in distances
        for images in numbers
    ]


def test_a_known_crossing_comes_back():
    exact = fit_equality(made_up())
    assert exact.distance(1) == pytest.approx(0.4)
    assert exact.distance([10, 100]) == pytest.approx([0.15, -0.1])
    assert exact.gain(10, 0.15) == pytest.approx(0, abs=1e-12)
    assert exact.gain([1, 10], [0.4, 0.4]) == pytest.approx([0, 0.05], abs=1e-12)
    assert exact.datasets == len(DISTANCES)


def test_with_noise_the_truth_lies_within_the_bootstraps_band():
    inside = 0
    for seed in range(20):
        line = fit_equality(made_up(noise=0.02, seed=seed), resamples=200)
        assert line.distance(10) == pytest.approx(0.15, abs=0.06)
        share = line.won(10, 0.15)
        inside += 0.025 <= share <= 0.975
        assert line.won(100, 0.6) > 0.95 and line.won(1, 0.05) < 0.05
    assert inside >= 14


def test_the_same_gains_give_the_same_line():
    gains = made_up(noise=0.02)
    first, second, other = (fit_equality(gains, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.planes, second.planes)
    assert not np.array_equal(first.planes, other.planes)


def test_the_bootstrap_draws_datasets_and_not_points():
    """Two points of one dataset that contradict each other add no doubt of it."""
    gains = made_up()
    doubled = [
        dataclasses.replace(each, gain=each.gain + shift)
        for each in gains
        for shift in (-0.01, 0.01)
    ]
    planes = fit_equality(doubled).planes
    assert planes.std(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("gains", "reason"),
    [
        ([], "it takes 3 datasets, and there are 0"),
        (made_up(distances=(0.1, 0.6)), "it takes 3 datasets, and there are 2"),
        (made_up(crossing=-1), "tuning is better at every point"),
        (made_up(crossing=3), "freezing is better at every point"),
        (made_up(numbers=(10,), crossing=0.5), "do not spread over images"),
        (made_up(distances=(0.1,) * 3), "it takes 3 datasets, and there is 1"),
        (made_up(0, 0, noise=0.05), "neither images nor distance beyond chance"),
    ],
)
def test_no_line_where_the_data_support_none(gains, reason):
    assert fit_equality(gains) is None
    assert reason in why_no_line(gains)


def test_no_reason_where_there_is_a_line():
    assert why_no_line(made_up()) == ""


def test_a_line_that_passes_by_the_points_is_none():
    """One odd point gives both signs, and the plane does not follow it."""
    gains = made_up(0.01, 0.01, crossing=-5)
    odd = dataclasses.replace(gains[12], gain=-0.001)
    assert why_no_line([*gains, odd]) == "the fitted line passes by the points"


def test_no_line_where_one_dataset_makes_it_all():
    """Without the far dataset nothing changes with distance, or the other way."""
    near = made_up(0, -0.2, crossing=0.2, distances=(0.1, 0.2, 0.3))
    far = made_up(0, 0.2, crossing=0.3, distances=(0.9,))
    assert "with other datasets" in why_no_line([*near, *far])


def test_no_line_where_it_leaves_the_points_with_other_datasets():
    """It cuts off a corner, and mostly none in the resamples."""
    places = {"distances": (0.05, 0.3, 0.6), "crossing": 0.08}
    gains = made_up(0.03, 0.3, noise=0.02, seed=1, **places)
    assert "mostly no line among the points" in why_no_line(gains, resamples=200)


def test_noise_alone_seldom_has_a_line():
    lines = sum(
        fit_equality(made_up(0, 0, noise=0.03, seed=seed), resamples=100) is not None
        for seed in range(200)
    )
    assert lines <= 16  # 5 % and its spread


def test_datasets_that_differ_by_luck_seldom_have_a_line():
    """Each dataset's points are off together, as they share its images."""
    lines = 0
    for seed in range(100):
        luck = np.random.default_rng(seed).normal(0, 0.03, len(DISTANCES))
        gains = [
            dataclasses.replace(each, gain=each.gain + luck[number // len(NUMBERS)])
            for number, each in enumerate(made_up(0, 0, noise=0.01, seed=seed))
        ]
        lines += fit_equality(gains, resamples=100) is not None
    assert lines <= 10
