"""Learning curves: a known power law is found again, and nothing is promised beyond."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from kerastransfer.advice.forecast import LearningCurve, learning_curve
from kerastransfer.advice.splits import Split
from kerastransfer.errors import InputError
from kerastransfer.records.split.folds import Fold

SIZES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def curve(a=0.5, b=0.5, n=1000, seed=0, sizes=SIZES):
    """Images that are harder are missed for longer, as one network after another."""
    hardness = np.random.default_rng(seed).random(n)
    errors = a * sizes**-b
    return LearningCurve(
        sizes=sizes,
        right=hardness[np.newaxis] >= errors[:, np.newaxis],
        units=np.arange(n),
        labels=np.arange(n) % 2,
    )


@pytest.mark.parametrize("b", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("times", [2, 4])
def test_a_power_law_is_found_again(b, times):
    gain = curve(b=b, n=20_000).forecast(times)
    now = 0.5 * 16.0**-b
    assert gain.value == pytest.approx(now * (1 - times**-b), rel=0.1)
    assert gain.low <= gain.value <= gain.high


def test_the_interval_holds_the_truth_as_often_as_it_says():
    now = 0.5 * 16.0**-0.5
    truth = now * (1 - 2**-0.5)
    gains = [curve(seed=seed, n=400).forecast(2) for seed in range(100)]
    held = np.mean([gain.low <= truth <= gain.high for gain in gains])
    assert 0.88 <= held <= 1.0


def test_more_images_are_never_said_to_do_harm():
    rising = curve(b=-0.2, a=0.2)
    assert rising.forecast(2).value == 0


def test_without_an_error_there_is_next_to_nothing_to_gain():
    perfect = LearningCurve(
        sizes=SIZES,
        right=np.ones((5, 100), bool),
        units=np.arange(100),
        labels=np.zeros(100, np.int64),
    )
    assert perfect.forecast(4).high < 0.005
    assert perfect.weakest(("one",)) == []


def test_nobody_looks_beyond_four_times_the_images():
    with pytest.raises(InputError, match="up to 4 times the images, got 5"):
        curve().forecast(5)
    assert curve(sizes=SIZES[:2]).forecast(2) is None


def test_classes_with_most_errors_come_first():
    labels = np.repeat([0, 1, 2], 10)
    wrong = np.isin(np.arange(30), [10, 11, 12, 20])
    made = LearningCurve(
        sizes=SIZES[:1], right=~wrong[np.newaxis], units=np.arange(30), labels=labels
    )
    named = made.weakest(("a", "b", "c"))
    assert named == [("b", 3, 10), ("c", 1, 10)]


class Pool:
    """As much of a pool as a curve looks at."""

    def __init__(self, labels):
        self.labels = labels


def test_a_curve_of_real_probes_rises_and_judges_each_image_once():
    x, labels = make_classification(
        400, 30, n_informative=10, n_classes=4, class_sep=1.5, random_state=0
    )
    order = np.random.default_rng(0).permutation(400)
    splits = [
        Split(
            pool=Pool(labels),
            fold=Fold(
                np.sort(np.setdiff1d(order, held)[:240]),
                np.sort(np.setdiff1d(order, held)[240:]),
                np.sort(held),
            ),
            units=np.arange(400),
        )
        for held in np.split(order, 5)
    ]
    made = learning_curve(splits, [x.astype(np.float32)] * 5)
    assert sorted(made.units) == list(range(400))
    np.testing.assert_array_equal(made.labels, labels[made.units])
    assert made.sizes.tolist() == pytest.approx([1, 2, 4, 8, 16, 32, 60], rel=0.02)
    accuracies = made.right.mean(axis=1)
    assert accuracies[-1] > accuracies[0] + 0.2
    assert made.accuracy.value == accuracies[-1]
