"""Looks that differ, ticks with room for their labels, and names moved apart."""

import pytest

from kerastransfer.study.figures import style

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure


def axis(numbers, all_images=()):
    axes = Figure().add_subplot()
    style.images_axis(axes, numbers, all_images)
    ticks = axes.get_xticks()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    return axes, dict(zip(ticks, labels, strict=True))


def test_a_tick_at_each_number_of_images_and_no_other():
    axes, labels = axis({1, 10, 25, 53})
    assert labels == {1: "1", 10: "10", 25: "25", 53: "53"}
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "Images per class"
    assert list(axes.get_xticks(minor=True)) == []
    assert axes.get_xlim()[0] < 1 and axes.get_xlim()[1] > 53


def test_labels_that_would_touch_are_left_out_but_for_the_ends():
    _, labels = axis({1, 10, 50, 55})
    assert labels == {1: "1", 10: "10", 50: "", 55: "55"}


def test_all_images_stand_at_their_mean_number():
    _, labels = axis({1, 10}, {56.7})
    assert labels == {1: "1", 10: "10", 56.7: "57\nall"}
    _, close = axis({1, 10, 60}, {56.7})
    assert close == {1: "1", 10: "10", 56.7: "57\nall", 60: ""}
    _, several = axis({1, 50}, {49.5, 51.0, 300.0})
    assert several[50] == "50" and several[49.5] == several[51] == ""


def test_one_number_alone_stands_in_the_middle():
    axes, labels = axis({5})
    assert labels == {5: "5"}
    low, high = axes.get_xlim()
    assert low * high == pytest.approx(25) and high / low > 2


def test_recipes_differ_in_colour_rates_in_line_and_all_in_marker():
    pairs = [("F1-7R8", None), ("FT1-7R8", 5e-4), ("FT1-7R8", 1e-4), ("R1-8", None)]
    looks = style.looks(pairs, "F1-7R8")
    assert looks["F1-7R8", None] == style.REFERENCE
    fast, slow = looks["FT1-7R8", 5e-4], looks["FT1-7R8", 1e-4]
    assert fast.colour == slow.colour != looks["R1-8", None].colour
    assert fast.line != slow.line
    assert len({look.marker for look in looks.values()}) == 4


def test_names_keep_their_order_and_their_distance():
    places = [0.5, 0.1, 0.52, 0.51, 0.9]
    moved = style.spread(places, 0.1)
    assert moved == pytest.approx([0.41, 0.1, 0.61, 0.51, 0.9])
    assert style.spread([], 0.1) == []
