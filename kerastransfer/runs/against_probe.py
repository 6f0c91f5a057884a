"""The number to beat: what a plain classifier makes of the same images, beside a run.

It is fitted before training, and compared with the run image by image at the end.
"""

import dataclasses

from kerastransfer.evaluation import metrics, wording
from kerastransfer.evaluation.baseline import Baseline
from kerastransfer.evaluation.paired import Comparison, compare
from kerastransfer.evaluation.probe import fit_probe
from kerastransfer.foundation import report
from kerastransfer.runs.predictions import Answers
from kerastransfer.training.phase import PhaseResults
from kerastransfer.training.source_features import SplitFeatures
from kerastransfer.training.stopping import StopReason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeAnswers:
    """What a probe makes of the test set.

    Parameters
    ----------
    baseline : Baseline
        How good it is; not yet compared with a run.
    answers : Answers
    """

    baseline: Baseline
    answers: Answers

    @classmethod
    def of(cls, features: SplitFeatures) -> "ProbeAnswers":
        """Fit the plain classifier that a recipe has to beat, and say how good it is.

        Parameters
        ----------
        features : dict
            The source's, of every split; only test's are left out of the fit.
        """
        fitted = fit_probe(*features["train"], *features["val"])
        test, labels = features["test"]
        answers = Answers(fitted.probabilities(test), labels)
        baseline = Baseline(kind=fitted.kind, test=metrics.evaluate(*answers))
        accuracy = wording.percent(baseline.test.accuracy.as_dict())
        report.say(f"To beat: {fitted.kind}, test accuracy {accuracy}")
        return cls(baseline=baseline, answers=answers)

    def beside(self, answers: Answers, results: PhaseResults) -> Baseline:
        """Compare a run with the probe; warn where it is the worse of the two.

        Parameters
        ----------
        answers : Answers
            The run's, of the same test images.
        results : tuple of PhaseResult
            How its training went.

        Returns
        -------
        Baseline
            With the run's accuracy minus the probe's.
        """
        first, second = (
            each.probabilities.argmax(axis=1) for each in (answers, self.answers)
        )
        comparison = compare(answers.labels, first, second)
        if comparison.verdict == "second is better":
            report.warn(_below(self.baseline.kind, comparison, results))
        return dataclasses.replace(self.baseline, compared=comparison)


def _below(kind: str, comparison: Comparison, results: PhaseResults) -> str:
    """Say by how much a run misses the probe, and what may be the cause."""
    points = wording.points(comparison.difference.as_dict())
    return (
        f"The run does not reach the {kind} on the pretrained features: {points} on "
        f"the test set; {_cause(results)}."
    )


def _cause(results: PhaseResults) -> str:
    last = results[-1]
    steps = sum(phase.steps for phase in results)
    epochs = sum(phase.epochs for phase in results)
    length = f"steps: {steps:,}, epochs: {epochs:,}"
    if last.stopped is StopReason.TIME_LIMIT:
        return f"its time was up ({length}); give it more with --time-limit"
    if last.best_epoch == last.epochs - 1:
        return f"its best epoch was its last ({length}): raise --epochs"
    return (
        f"its last epochs brought nothing ({length}); try another --learning-rate, or "
        "freeze more blocks"
    )
