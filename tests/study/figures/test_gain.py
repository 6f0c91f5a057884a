"""The gain of tuning: its points, their colours and rings, and the line of equality."""

import dataclasses
import math

import pytest
from helpers import made_up_study

from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.study import statistics
from kerastransfer.study.distances import DatasetDistance
from kerastransfer.study.figures import comparisons, gain, style

pytest.importorskip("matplotlib")
import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture(scope="module")
def rows():
    return made_up_study.make_rows()


@pytest.fixture(scope="module")
def points(rows):
    return comparisons.gain_points(rows, made_up_study.make_distances(), margin=0.02)


@pytest.fixture(scope="module")
def axes(points):
    return gain.plot_gain(Figure().add_subplot(), points, "a title")


def test_a_point_is_a_paired_difference_at_the_rate_that_validation_chose(rows, points):
    [point] = [p for p in points if (p.dataset, p.images) == ("digits", 10)]
    values = {
        (row["recipe"], row["rate"], row["draw"]): row["accuracy"]
        for row in rows
        if row["dataset"] == "digits" and row["images_per_class"] == 10
    }
    draws = range(made_up_study.DRAWS)
    tried = made_up_study.RATES
    best = [max(tried, key=lambda r, d=d: values["FT1-7R8", r, d]) for d in draws]
    tuned = {draw: values["FT1-7R8", best[draw], draw] for draw in draws}
    frozen = {draw: values["F1-7R8", 1e-2, draw] for draw in draws}
    assert point.rates == tuple(sorted(set(best)))
    assert point.result == statistics.paired(tuned, frozen, 0.02)
    assert point.distance.value == 0.66 and not point.all_images
    assert len(points) == 5 * 6


def test_the_rate_is_chosen_on_validation_and_not_on_the_test(rows):
    worse = [row | {"val_accuracy": 200 * (row["rate"] or 0)} for row in rows]
    chosen = comparisons.gain_points(worse, made_up_study.make_distances())
    assert {rate for point in chosen for rate in point.rates} == {5e-4}


def test_p_values_are_adjusted_for_all_points():
    """What one point alone would show for certain, many do not."""
    rows = made_up_study.make_rows(noise=0.02)
    points = comparisons.gain_points(rows, made_up_study.make_distances())
    alone = [point for point in points if point.result.p_value < 0.05]
    decided = [point for point in points if point.verdict.endswith("is better")]
    assert 0 < len(decided) < len(alone)
    assert {point.verdict for point in points if point.images > 10} == {"one draw"}


def test_a_point_is_certain_where_its_interval_leaves_zero_out(points):
    certain = {
        (point.dataset, point.images): point.result.difference.value > 0
        for point in points
        if point.certain
    }
    assert certain["garden_birds", 1] is False and certain["digits", 10] is True
    assert ("digits", 1) not in certain  # made to gain nothing
    assert not any(point.certain for point in points if point.images > 10)


def test_a_distance_is_measured_or_else_alexnets_published_one():
    cosine = Estimate(value=0.4, low=0.3, high=0.5, n=300, method="bootstrap")
    entries = [
        DatasetDistance(
            dataset="coral", backbone="alexnet", metrics={"cosine": cosine}
        ),
        DatasetDistance(dataset="cub200", backbone="alexnet", error="no archives"),
    ]
    measured = comparisons.distance_of("coral", "alexnet", entries)
    assert (measured.value, measured.low, measured.published) == (0.4, 0.3, False)
    published = comparisons.distance_of("cub200", "alexnet", entries)
    assert (published.value, published.published) == (0.358, True)
    assert comparisons.distance_of("cub200", "efficientnet_lite0", entries) is None
    assert comparisons.distance_of("digits", "alexnet", entries) is None


def test_contenders_are_the_usual_ones_or_the_first_of_each_kind(rows):
    assert comparisons.contenders(rows) == ("FT1-7R8", "F1-7R8")
    others = [row for row in rows if row["recipe"] not in ("FT1-7R8", "F1-7R8")]
    assert comparisons.contenders(others) == ("F1-5FT6-7R8", "F1-5R6-8")
    scratch = [row for row in rows if row["recipe"] == "R1-8"]
    assert comparisons.contenders(scratch) == ("", "")
    assert comparisons.gain_points(scratch, made_up_study.make_distances()) == []


def test_points_stand_at_images_and_distance_in_the_colour_of_their_gain(axes, points):
    drawn = {}
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            places, values = collection.get_offsets(), collection.get_array()
            drawn |= dict(zip(map(tuple, places), values, strict=True))
            assert collection.norm.vmin == -collection.norm.vmax
            assert collection.get_cmap().name == style.DIVERGING
    expected = {
        (p.images, p.distance.value): 100 * p.result.difference.value for p in points
    }
    assert drawn == pytest.approx(expected)


def test_certain_points_are_larger_with_a_thick_ring(axes, points):
    by_label = {each.get_label(): each for each in axes.collections}
    certain = by_label["95 % interval excludes 0"]
    assert len(certain.get_offsets()) == sum(point.certain for point in points)
    unsure = by_label["includes 0"], by_label["one draw: no interval"]
    for other in unsure:
        assert other.get_sizes()[0] < certain.get_sizes()[0]
        assert other.get_linewidths()[0] < certain.get_linewidths()[0]
    assert len(unsure[1].get_offsets()) == 15  # five datasets, three numbers


def test_axes_have_names_units_and_ticks(axes):
    assert axes.get_xlabel() == "Images per class"
    assert axes.get_ylabel() == "Cosine distance from the source (0 to 1)"
    assert axes.get_title() == "a title"
    [bar] = [each for each in axes.figure.axes if each is not axes]
    assert bar.get_ylabel() == "Gain of tuning (percentage points)"
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert ticks == ["1", "3", "10", "30", "100", "240\nall"]
    names = {text.get_text() for text in axes.texts}
    assert names == set(made_up_study.DATASETS)


def test_the_line_runs_where_the_gains_were_made_to_cross(axes):
    _, contour = (e for e in axes.collections if isinstance(e, QuadContourSet))
    corners = contour.get_paths()[0].vertices
    for images, distance in corners[:: len(corners) // 10]:
        assert distance == pytest.approx(0.65 - 0.25 * math.log10(images), abs=0.05)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[-1].startswith("as good")


def test_the_legends_rings_have_no_gains_colour(axes):
    *rings, _ = axes.get_legend().legend_handles
    axes.figure.draw_without_rendering()  # which maps numbers to colours
    assert [to_hex(ring.get_facecolor()[0]) for ring in rings] == ["#ffffff"] * 3


def test_without_a_line_a_sentence_says_why(points):
    two = [point for point in points if point.dataset in ("digits", "stamps")]
    axes = gain.plot_gain(Figure().add_subplot(), two)
    sentences = [text.get_text() for text in axes.texts]
    sentence = "No line of equality: it takes 3 datasets, and\nthere are 2."
    assert sentence in sentences
    assert not any(isinstance(each, QuadContourSet) for each in axes.collections)
    assert axes.get_ylim()[1] > 0.78  # room for it above the points


def test_published_distances_are_marked(points):
    one = dataclasses.replace(
        points[0], distance=comparisons.SourceDistance(value=0.4, published=True)
    )
    axes = gain.plot_gain(Figure().add_subplot(), [one])
    assert axes.texts[-1].get_text() == "garden_birds*"
    assert axes.get_ylabel().endswith("* published, not measured")


def test_names_do_not_overlap(points):
    places = (0.1, 0.3, 0.301, 0.302, 0.35, 0.6)
    close = [
        dataclasses.replace(
            point,
            distance=comparisons.SourceDistance(value=place),
            dataset=f"a_dataset_{number}",
        )
        for number, (point, place) in enumerate(zip(points[:6], places, strict=True))
    ]
    with mpl.rc_context(style.SETTINGS):
        figure = Figure(figsize=gain.SIZE, layout="constrained")
        axes = gain.plot_gain(figure.add_subplot(), close)
        FigureCanvasAgg(figure).draw()
        # Without the stroke that leads to a name.
        boxes = [
            Text.get_window_extent(text)
            for text in axes.texts
            if text.get_text().startswith("a_dataset")
        ]
    assert len(boxes) == 6
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[number + 1 :]) == 0
        assert box.x1 <= figure.bbox.x1
