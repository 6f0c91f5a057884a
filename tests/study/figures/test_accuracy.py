"""Accuracy against images per class: what is drawn, and with which words."""

import numpy as np
import pytest
from helpers import made_up_study

from kerastransfer.study import statistics
from kerastransfer.study.figures import accuracy, style

pytest.importorskip("matplotlib")
from matplotlib.colors import to_hex
from matplotlib.figure import Figure


@pytest.fixture(scope="module")
def rows():
    failed = {"status": "failed", "accuracy": None}
    rows = made_up_study.make_rows(("digits", "stamps"))
    return [*rows, rows[0] | failed]


def mean_of(rows, **wanted):
    values = [
        row["accuracy"]
        for row in rows
        if row["status"] == "finished"
        and all(row[name] == value for name, value in wanted.items())
    ]
    return statistics.mean_over_draws(values)


def test_a_line_is_the_means_over_draws_in_percent(rows):
    curves = accuracy.curves_by_dataset(rows)["digits"]
    axes = accuracy.plot_accuracy(Figure().add_subplot(), curves, title="digits")
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == [
        "F1-7R8",
        "F1-5R6-8",
        "FT1-7R8, rate 0.0005",
        "FT1-7R8, rate 0.0001",
        "F1-5FT6-7R8, rate 0.0005",
        "F1-5FT6-7R8, rate 0.0001",
        "R1-8",
    ]
    line = axes.get_lines()[3]
    assert list(line.get_xdata()) == [1, 3, 10, 30, 100, 240]
    expected = [
        100
        * mean_of(
            rows,
            dataset="digits",
            recipe="FT1-7R8",
            rate=1e-4,
            images_per_class=number,
        ).value
        for number in made_up_study.NUMBERS
    ]
    np.testing.assert_allclose(line.get_ydata(), expected)
    assert axes.get_ylabel() == "Test accuracy (%)"
    assert axes.get_xlabel() == "Images per class"
    assert axes.get_title() == "digits"
    assert [t.get_text() for t in axes.get_xticklabels()][-1] == "240\nall"


def test_bands_are_intervals_over_draws_and_end_where_there_is_one_draw(rows):
    [curve, *_] = accuracy.curves_by_dataset(rows)["digits"]
    axes = accuracy.plot_accuracy(Figure().add_subplot(), [curve])
    band, rings = axes.collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 0].max() == 10  # three draws up to there
    mean = mean_of(rows, dataset="digits", recipe="F1-7R8", images_per_class=3)
    at_three = corners[corners[:, 0] == 3][:, 1]
    assert at_three.min() == pytest.approx(100 * mean.low)
    assert at_three.max() == pytest.approx(100 * mean.high)
    # All images alone are ringed.
    assert rings.get_offsets()[:, 0].tolist() == [240]


def test_single_draws_have_markers_and_no_band(rows):
    alone = [row for row in rows if row["draw"] == 0]
    [curve, *_] = accuracy.curves_by_dataset(alone)["digits"]
    axes = accuracy.plot_accuracy(Figure().add_subplot(), [curve])
    assert not any(len(path.vertices) for path in axes.collections[0].get_paths())
    assert axes.get_lines()[0].get_marker() not in ("", "None")


def test_an_interval_without_a_neighbour_is_a_stroke(rows):
    odd = [r for r in rows if r["draw"] == 0 or r["images_per_class"] == 3]
    [curve, *_] = accuracy.curves_by_dataset(odd)["digits"]
    axes = accuracy.plot_accuracy(Figure().add_subplot(), [curve])
    mean = mean_of(odd, dataset="digits", recipe="F1-7R8", images_per_class=3)
    [[low, high]] = axes.collections[1].get_segments()
    assert low.tolist() == pytest.approx([3, 100 * mean.low])
    assert high.tolist() == pytest.approx([3, 100 * mean.high])


def test_all_images_are_at_their_mean_number_per_class(rows):
    uneven = [
        row | {"train_images": 555, "classes": 10}
        for row in rows
        if row["images_per_class"] is None and row["status"] == "finished"
    ]
    [curve, *_] = accuracy.curves_by_dataset(uneven)["digits"]
    assert [point.images for point in curve.points] == [55.5]


def test_panels_share_looks_and_a_legend(rows):
    curves = accuracy.curves_by_dataset(rows)
    curves = curves | {"stamps": curves["stamps"][::-1]}
    figure = Figure(figsize=accuracy.size(2), layout="constrained")
    first, second = accuracy.draw_panels(figure, curves, reference="F1-7R8")
    assert [axes.get_title() for axes in (first, second)] == ["digits", "stamps"]
    for axes in (first, second):
        colours = {each.get_label(): each.get_color() for each in axes.get_lines()}
        assert to_hex(colours["F1-7R8"]) == style.BLACK
        assert to_hex(colours["F1-5R6-8"]).upper() == style.COLOURS[0]
    [legend] = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [curve.label for curve in curves["digits"]]
    assert "95 % intervals over draws" in legend.get_title().get_text()
    assert "all images" in legend.get_title().get_text()
    assert second.get_ylabel() == "" and second.get_xlabel() == "Images per class"


def test_nothing_overlaps_or_is_cut_off(rows):
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with mpl.rc_context(style.SETTINGS):
        curves = accuracy.curves_by_dataset(rows)
        for several in (curves, {"a_long_name$": curves["digits"]}):
            figure = Figure(figsize=accuracy.size(len(several)), layout="constrained")
            panels = accuracy.draw_panels(figure, several, reference="F1-7R8")
            FigureCanvasAgg(figure).draw()
            whole = figure.bbox
            boxes = [axes.get_tightbbox() for axes in panels]
            boxes.append(figure.legends[0].get_window_extent())
            for number, box in enumerate(boxes):
                assert whole.x0 <= box.x0 and box.x1 <= whole.x1
                assert whole.y0 <= box.y0 and box.y1 <= whole.y1
                assert box.count_overlaps(boxes[number + 1 :]) == 0
            labels = [t.get_window_extent() for t in panels[0].get_xticklabels()]
            for number, label in enumerate(labels):
                assert label.count_overlaps(labels[number + 1 :]) == 0
