"""Reliability diagrams: what is drawn, against scikit-learn's bins and SciPy's ends."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from kerastransfer.errors import InputError, MissingError
from kerastransfer.evaluation import reliability
from kerastransfer.evaluation.calibration import BINS, calibration


def made(n=600, seed=0, sureness=2.0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.5, 1, n)
    labels = (rng.random(n) > truth).astype(int)
    odds = (truth / (1 - truth)) ** sureness
    said = odds / (1 + odds)
    return np.stack([said, 1 - said], axis=1), labels


@pytest.fixture
def two():
    return {"before": calibration(*made()), "after": calibration(*made(sureness=1.0))}


def test_marks_are_the_bins_of_scikit_learn(two):
    rows, labels = made()
    axes = reliability.plot_reliability(two)
    marks = [bars.lines[0] for bars in axes.containers]
    assert len(marks) == 2
    theirs, at = calibration_curve(
        labels == 0, rows[:, 0], n_bins=BINS, strategy="quantile"
    )
    np.testing.assert_allclose(np.float64(marks[0].get_xdata()), 100 * at, atol=0.3)
    np.testing.assert_allclose(np.float64(marks[0].get_ydata()), 100 * theirs, atol=2.6)
    assert axes.get_xlabel() == "Probability of the most probable class (%)"
    assert axes.get_ylabel() == "Right answers (%)"
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[1].startswith("before: calibration error ")
    assert texts[2].startswith("after: calibration error ")


def test_bars_are_wilson_intervals_of_the_bins_images(two):
    bars = reliability.plot_reliability(two).containers[0]
    (segments,) = (each.get_segments() for each in bars.lines[2])
    for each, segment in zip(two["before"].bins, segments, strict=True):
        right = round(each.accuracy * each.images)
        expected = binomtest(right, each.images).proportion_ci(method="wilson")
        assert segment[0][1] == pytest.approx(100 * expected.low, abs=1e-6)
        assert segment[1][1] == pytest.approx(100 * expected.high, abs=1e-6)


def test_the_panel_below_counts_every_image_once(two):
    axes = reliability.plot_counts(two)
    for line, each in zip(axes.get_lines(), two.values(), strict=True):
        assert sum(line.get_ydata()) == each.error.n == 600
    assert axes.get_ylabel() == "Images in a bin"


def test_series_are_told_apart_without_colour(two):
    marks = [bars.lines[0] for bars in reliability.plot_reliability(two).containers]
    assert len({mark.get_marker() for mark in marks}) == 2
    assert len({mark.get_color() for mark in marks}) == 2


def test_given_axes_are_drawn_into(two):
    axes = Figure().add_subplot()
    assert reliability.plot_reliability(two, ax=axes) is axes
    assert reliability.plot_counts(two, ax=axes) is axes


@pytest.mark.parametrize("n", [1, 12, 600])
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_files_are_the_same_each_time(tmp_path, ending, n):
    rows, labels = made(n)
    several = {"before": calibration(rows, labels)}
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        reliability.write(path, several, "validation images")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if ending == ".png":
        with Image.open(paths[0]) as image:
            assert min(image.size) > 600


def test_what_cannot_be_drawn_is_refused(monkeypatch, tmp_path):
    with pytest.raises(InputError, match=r"a reliability diagram that ends in \.png"):
        reliability.check(tmp_path / "a.csv")
    with pytest.raises(InputError, match="is a folder"):
        reliability.check(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingError, match=r"kerastransfer\[plot\]"):
        reliability.check(tmp_path / "a.png")
