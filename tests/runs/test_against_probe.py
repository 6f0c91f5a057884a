"""A run beside the probe: compared image by image, and warned of where it is worse."""

import warnings

import numpy as np
import pytest

from kerastransfer.evaluation import metrics
from kerastransfer.evaluation.baseline import Baseline
from kerastransfer.evaluation.paired import Comparison
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.runs.against_probe import ProbeAnswers
from kerastransfer.runs.predictions import Answers
from kerastransfer.training.phase import PhaseResult
from kerastransfer.training.stopping import StopReason

LABELS = np.arange(60) % 3


def answers(wrong):
    """Answer 60 images, the first of them wrongly."""
    given = np.where(np.arange(60) < wrong, (LABELS + 1) % 3, LABELS)
    return Answers(0.7 * np.eye(3)[given] + 0.1, LABELS)


def probe(wrong):
    own = answers(wrong)
    kind = "logistic regression"
    baseline = Baseline(kind=kind, test=metrics.evaluate(*own))
    return ProbeAnswers(baseline=baseline, answers=own)


def phases(best_epoch=2, stopped=StopReason.EPOCHS):
    return (
        PhaseResult(
            best_epoch=best_epoch,
            val={},
            epochs=3,
            steps=1200,
            stopped=stopped,
            cached=False,
        ),
    )


@pytest.mark.parametrize(
    ("results", "cause"),
    [
        (phases(), r"its best epoch was its last \(steps: 1,200, epochs: 3\): raise"),
        (phases(best_epoch=0), "its last epochs brought nothing .* --learning-rate"),
        (phases(stopped=StopReason.TIME_LIMIT), "its time was up .* --time-limit"),
    ],
)
def test_a_run_that_the_probe_beats_is_warned_of_with_what_to_change(results, cause):
    # 20 images fewer are right, and none more: Bonett and Price's interval, by hand,
    # of (1 - 21) / 62 with 1.96 * sqrt((22 / 62 - (20 / 62) ** 2) / 62) = 0.1247.
    message = rf"logistic regression .*: -33\.3 points \(-44\.7 to -19\.8\).*{cause}"
    with pytest.warns(KerasTransferWarning, match=message):
        row = probe(wrong=0).beside(answers(wrong=20), results).as_dict()
    comparison = Comparison.from_dict(row["compared"])
    assert comparison.verdict == "second is better"
    assert (comparison.only_first, comparison.only_second) == (0, 20)
    assert comparison.as_dict() == row["compared"]


@pytest.mark.parametrize("wrong", [0, 10, 12])
def test_nothing_is_warned_of_where_it_is_better_or_not_distinguishable(wrong):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = probe(wrong=10).beside(answers(wrong), phases()).as_dict()
    assert row["kind"] == "logistic regression"
    assert row["compared"]["difference"]["value"] == pytest.approx((10 - wrong) / 60)


@pytest.mark.parametrize(
    ("wrong", "meaning"),
    [(0, ": better"), (10, ": not distinguishable"), (40, ": worse")],
)
def test_a_run_says_what_the_difference_means_for_it(wrong, meaning):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        beside = probe(wrong=10).beside(answers(wrong), phases())
    assert beside.against.endswith(meaning)
    assert beside.against.startswith(f"{100 * (10 - wrong) / 60:+.1f} points")
    assert Baseline.from_dict(beside.as_dict()).against == beside.against
    assert probe(wrong=10).baseline.against == ""
