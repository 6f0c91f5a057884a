import json
import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from kerastransfer.errors import InputError
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.evaluation.metrics import Metrics, evaluate


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 8, 300)
    logits = rng.normal(size=(300, 8)) + 1.5 * np.eye(8)[labels]
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), labels


def test_known_values():
    # right, right, wrong (class 1 taken for 0), right
    probabilities = [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [0.75, 0.25, 0], [0, 0, 1]]
    found = evaluate(probabilities, [0, 0, 1, 2])
    assert found.accuracy == wilson(3, 4)
    assert found.mean_per_class_accuracy.value == pytest.approx((1 + 0 + 1) / 3)
    assert found.confusion_matrix.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 1]]
    # -log of 1/2, 1/2, 1/4 and 1: a mean of one bit
    assert found.nll.value == pytest.approx(math.log(2))
    assert found.top5_accuracy is None


def test_agrees_with_scikit_learn(sample):
    probabilities, labels = sample
    found = evaluate(probabilities, labels)
    guess = probabilities.argmax(axis=1)
    reference = sklearn.metrics
    pairs = [
        (found.accuracy, reference.accuracy_score(labels, guess)),
        (
            found.mean_per_class_accuracy,
            reference.balanced_accuracy_score(labels, guess),
        ),
        (
            found.top5_accuracy,
            reference.top_k_accuracy_score(labels, probabilities, k=5),
        ),
        (found.nll, reference.log_loss(labels, probabilities)),
    ]
    for estimate, expected in pairs:
        assert estimate.value == pytest.approx(expected, rel=1e-12)
        assert estimate.low < estimate.value < estimate.high
        assert estimate.n == 300
    matrix = reference.confusion_matrix(labels, guess, labels=range(8))
    np.testing.assert_array_equal(found.confusion_matrix, matrix)


def test_nll_interval_is_students(sample):
    probabilities, labels = sample
    costs = -np.log(probabilities[np.arange(300), labels])
    expected = scipy.stats.ttest_1samp(costs, 0).confidence_interval(0.95)
    found = evaluate(probabilities, labels).nll
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "standard error"


def test_nll_of_an_impossible_truth_is_bounded():
    # the least normal float32, 2^-126
    found = evaluate([[1.0, 0.0], [1.0, 0.0]], [1, 0]).nll
    assert found.value == pytest.approx(126 * math.log(2) / 2)
    assert found.low == 0
    assert found.high == pytest.approx(126 * math.log(2))


def test_nll_of_one_image_leaves_all_open():
    found = evaluate([[0.5, 0.5]], [0]).nll
    assert found.value == pytest.approx(math.log(2))
    assert (found.low, found.high) == pytest.approx((0, 126 * math.log(2)))


def test_a_probability_a_hair_above_one_costs_nothing():
    assert evaluate([[1.0005, 0.0]] * 2, [0, 0]).nll.value == 0


def test_of_equal_probabilities_the_lower_index_counts_first():
    uniform = np.full((8, 8), 1 / 8)
    found = evaluate(uniform, np.arange(8))
    assert found.accuracy.value == 1 / 8
    assert found.top5_accuracy.value == 5 / 8
    assert found.confusion_matrix[:, 0].tolist() == [1] * 8


@pytest.mark.parametrize(("classes", "present"), [(2, False), (5, False), (6, True)])
def test_top_five_needs_six_classes(classes, present):
    found = evaluate(np.eye(classes), np.arange(classes))
    assert (found.top5_accuracy is not None) == present
    assert ("top5_accuracy" in found.as_dict()) == present


def test_top_five_counts_the_fifth_and_not_the_sixth():
    row = np.array([6, 5, 4, 3, 2, 1]) / 21
    assert evaluate([row, row], [4, 5]).top5_accuracy.value == 0.5


def test_as_dict_is_ready_for_json(sample):
    found = json.loads(json.dumps(evaluate(*sample).as_dict()))
    figures = ["accuracy", "mean_per_class_accuracy", "top5_accuracy", "nll"]
    assert list(found) == [*figures, "confusion_matrix"]
    for figure in figures:
        assert list(found[figure]) == ["value", "low", "high", "n", "method"]
    assert np.sum(found["confusion_matrix"]) == 300


# Wilson at 3 of 4 with z = 1.959964, by hand: centre (0.75 + 3.841459 / 8) / 1.960365,
# half 1.959964 / 1.960365 * sqrt(0.1875 / 4 + 3.841459 / 64): 0.3006 to 0.9544.
LINES = """\
accuracy        75.0 % (30.1 to 95.4), n = 4
mean per class  66.7 % (20.8 to 93.9), n = 4
nll             0.693 (0.100 to 1.286) nats"""


def by_hand():
    fraction = {"n": 4, "method": "wilson"}
    return {
        "accuracy": {"value": 0.75, "low": 0.3006, "high": 0.9544, **fraction},
        "mean_per_class_accuracy": {
            **{"value": 2 / 3, "low": 0.2077, "high": 0.9391, "n": 4},
            "method": "bootstrap+wilson",
        },
        "top5_accuracy": {"value": 1.0, "low": 0.5101, "high": 1.0, **fraction},
        "nll": {
            **{"value": math.log(2), "low": 0.1, "high": 1.2863},
            **{"n": 4, "method": "standard error"},
        },
        "confusion_matrix": [[2, 0, 0], [1, 0, 0], [0, 0, 1]],
    }


def test_metrics_print_as_users_read_them():
    metrics = Metrics.from_dict(by_hand())
    assert str(metrics) == LINES
    assert str(metrics.nll) == "0.693 (0.100 to 1.286) nats, n = 4"
    assert str(wilson(3, 4)) == "75.0 % (30.1 to 95.4), n = 4"


@pytest.mark.parametrize(("num_classes", "shown"), [(19, False), (20, True)])
def test_top_5_is_printed_from_twenty_classes_on(num_classes, shown):
    probabilities = np.eye(num_classes)[::-1]
    metrics = evaluate(probabilities, np.arange(num_classes))
    assert metrics.top5_accuracy is not None
    assert ("top 5" in str(metrics)) == shown
    assert ("top 5" in metrics._repr_html_()) == shown


def test_a_notebook_shows_a_row_for_each_figure():
    table = Metrics.from_dict(by_hand())._repr_html_()
    assert table.startswith("<table><tr><th>accuracy</th>")
    assert "<tr><th>nll</th><td>0.693 (0.100 to 1.286) nats</td></tr>" in table
    assert table.count("<tr>") == 3


def test_from_dict_is_the_inverse_of_as_dict(sample):
    for metrics in (evaluate(*sample), evaluate([[0.75, 0.25]], [0])):
        figures = json.loads(json.dumps(metrics.as_dict()))
        again = Metrics.from_dict(figures)
        assert json.dumps(again.as_dict()) == json.dumps(figures)
        assert (again.accuracy, again.nll) == (metrics.accuracy, metrics.nll)
        assert again.top5_accuracy == metrics.top5_accuracy


def test_from_dict_says_what_is_missing():
    figures = by_hand()
    del figures["nll"]
    with pytest.raises(InputError, match=r"Expected metrics with .*, but nll is miss"):
        Metrics.from_dict(figures)
    with pytest.raises(InputError, match=r"an estimate with value, low, .* got value."):
        Metrics.from_dict({**by_hand(), "nll": {"value": 1.0}})


def test_order_of_images_does_not_matter(sample):
    probabilities, labels = sample
    order = np.random.default_rng(1).permutation(len(labels))
    one, two = evaluate(*sample), evaluate(probabilities[order], labels[order])
    assert one.accuracy == two.accuracy
    assert one.mean_per_class_accuracy == two.mean_per_class_accuracy
    assert one.nll.value == pytest.approx(two.nll.value, rel=1e-12)


def test_single_precision_gives_the_same_figures(sample):
    probabilities, labels = sample
    found = evaluate(probabilities.astype(np.float32), labels)
    assert found.accuracy == evaluate(*sample).accuracy
    assert found.nll.value == pytest.approx(evaluate(*sample).nll.value, rel=1e-6)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.5]], [0, 1], "got 1 probabilities, 2 labels"),
        ([[0.5, 0.5]], [2], "Expected labels from 0 to 1, got 2"),
        ([[0.5, 0.5]], [-1], "Expected labels from 0 to 1, got -1"),
        ([[0.5, 0.5]], [[0]], r"Expected labels to be integers of shape \(n,\)"),
        ([0.5, 0.5], [0], r"Expected probabilities to be numbers of shape \(n, d\)"),
        ([[np.nan, 1.0]], [0], "Expected finite probabilities, got a NaN"),
        ([[3.0, -2.0]], [0], "least entry -2 in row 0; are these logits"),
        ([[0.5, 0.4]], [0], r"sum to 1 in each row, got the sum 0\.9 "),
    ],
)
def test_evaluate_says_what_is_wrong(probabilities, labels, message):
    with pytest.raises(InputError, match=message):
        evaluate(probabilities, labels)
