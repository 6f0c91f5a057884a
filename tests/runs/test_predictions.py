"""A run's answers as a table: pandas reads what was measured."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from kerastransfer.evaluation import metrics
from kerastransfer.runs import predictions
from kerastransfer.runs.predictions import Answers, ranks_of

CLASSES = ("ant", "bee, or wasp", "cow", "=dog")


class Examples:
    """Examples with ids that no CSV likes, every other one of a group."""

    content_hash = ""

    def __init__(self, labels):
        self._labels = labels

    def size(self, split):
        return len(self._labels) if split == "test" else 0

    def labels(self, split):
        return self._labels

    def serialized(self, split, position):
        def text(value):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

        features = {"id": text(b'a/"%d",\n.png' % position)}
        if position % 2:
            features["group"] = text("Münster".encode())
        return tf.train.Example(
            features=tf.train.Features(feature=features)
        ).SerializeToString()


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    return Answers(rng.dirichlet(np.ones(4), 40), rng.integers(0, 4, 40))


def test_pandas_and_scikit_learn_measure_from_it_what_we_measured(answers, tmp_path):
    examples = Examples(answers.labels)
    path = predictions.write(tmp_path, "test", answers, examples, CLASSES)
    assert path == tmp_path / "predictions" / "test.csv"
    table = pd.read_csv(path, keep_default_na=False)
    assert len(table) == 40
    assert list(table.columns) == [
        *("id", "group", "true", "predicted", "rank"),
        *("p:ant", "p:bee, or wasp", "p:cow", "p:=dog"),
    ]
    assert table["id"][7] == 'a/"7",\n.png'
    assert table["group"][:2].tolist() == ["", "Münster"]
    measured = metrics.evaluate(*answers)
    assert accuracy_score(table["true"], table["predicted"]) == pytest.approx(
        measured.accuracy.value
    )
    true = [CLASSES.index(name) for name in table["true"]]
    rows = table.iloc[:, 5:].to_numpy()
    assert log_loss(true, rows / rows.sum(1, keepdims=True)) == pytest.approx(
        measured.nll.value, rel=1e-4
    )
    for k in (1, 2, 3):
        expected = top_k_accuracy_score(true, rows, k=k, labels=range(4))
        assert (table["rank"] <= k).mean() == pytest.approx(expected)


def test_a_name_that_is_no_text_loses_no_row(answers, tmp_path):
    class Bytes(Examples):
        def serialized(self, split, position):
            value = tf.train.BytesList(value=[b"a/%d\xff.png" % position])
            features = {"id": tf.train.Feature(bytes_list=value)}
            return tf.train.Example(
                features=tf.train.Features(feature=features)
            ).SerializeToString()

    examples = Bytes(answers.labels)
    path = predictions.write(tmp_path, "test", answers, examples, CLASSES)
    assert b"\na/39\xff.png,," in path.read_bytes()


def test_of_equals_the_first_is_ahead():
    rows = np.array([[0.25] * 4, [0.25] * 4, [0.1, 0.4, 0.4, 0.1]])
    assert ranks_of(Answers(rows, np.array([0, 3, 2]))).tolist() == [1, 4, 2]


def test_mistakes_come_first_and_of_them_the_most_confident(answers, tmp_path):
    path = tmp_path / "mistakes.csv"
    examples = Examples(answers.labels)
    predictions.write_mistakes(path, answers, examples, "test", CLASSES)
    frame = pd.read_csv(path)
    guess = answers.probabilities.argmax(axis=1)
    wrong = int(np.sum(guess != answers.labels))
    assert frame.mistake.tolist() == [1] * wrong + [0] * (40 - wrong)
    mistakes, right = frame[:wrong], frame[wrong:]
    assert (np.diff(mistakes.probability) <= 0).all()
    assert (np.diff(right.probability) >= 0).all()
    assert (mistakes.true != mistakes.predicted).all()
    assert (right.true == right.predicted).all()
    # Every image once, with its own numbers.
    numbers = frame["id"].str.extract(r"(\d+)", expand=False).astype(int).to_numpy()
    assert sorted(numbers) == list(range(40))
    shown = frame[[f"p:{name}" for name in CLASSES]].to_numpy()
    np.testing.assert_allclose(shown, answers.probabilities[numbers], atol=1e-6)
    true = answers.probabilities[numbers, answers.labels[numbers]]
    np.testing.assert_allclose(frame.p_true, true, atol=1e-6)
    assert set(frame.true) <= {"ant", "bee, or wasp", "cow", "'=dog"}
