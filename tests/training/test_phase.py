"""Schedules, by hand."""

import pytest

from kerastransfer.training.phase import cosine, staircase


def test_cosine_by_hand():
    assert [cosine(step, 4) for step in range(4)] == pytest.approx(
        [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]
    )


def test_the_staircase_falls_to_a_tenth_after_each_fifth():
    rates = [staircase(step, 10) for step in range(10)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])
