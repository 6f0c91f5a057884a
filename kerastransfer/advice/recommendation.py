"""What advice says, for people and for machines."""

import dataclasses
from pathlib import Path
from typing import Any

from kerastransfer.advice.decision import Decision, TunedGain
from kerastransfer.advice.forecast import MOST_AHEAD, LearningCurve
from kerastransfer.advice.measured.cells import MeasuredCell
from kerastransfer.advice.pilot.tried import Pilot, State, Tried, as_rows
from kerastransfer.evaluation import wording
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import Preformatted

_AHEAD = (2, MOST_AHEAD)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DistanceFromSource:
    """How far the images are from what the network was pretrained on.

    Parameters
    ----------
    source : str
        What that is.
    cosine, baseline : Estimate, optional
        The distance, and that between two halves of the images.
    place : str
        Among the study's datasets.
    table : tuple of str
        What the study's Table 3 says, over the interval.
    limits : str
        What the table does not know.
    abstained, missing : str
        Why there is no verdict, or no distance.
    """

    source: str
    cosine: Estimate | None = None
    baseline: Estimate | None = None
    place: str = ""
    table: tuple[str, ...] = ()
    limits: str = ""
    abstained: str = ""
    missing: str = ""

    def __str__(self) -> str:
        start = f"Distance from {self.source}: "
        if self.cosine is None or self.baseline is None:
            return f"{start}none ({self.missing})"
        value = self.cosine
        line = (
            f"{start}cosine {value.value:.3f} ({value.low:.3f} to {value.high:.3f}); "
            f"between halves of these images {self.baseline.value:.3f}"
        )
        if self.abstained:
            return f"{line}\nThe study's Table 3: {self.abstained}"
        lines = [line, f"The study's Table 3: {' or '.join(self.table)}"]
        if self.limits:
            lines[-1] += f" ({self.limits})"
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation(Preformatted):
    """Which recipe to train, and the evidence.

    Parameters
    ----------
    dataset, backbone : str
        Names.
    images_per_class : int or None
        That was asked about; None for all.
    judged : int
        Images that were held out, each once.
    distance : DistanceFromSource
    curve : LearningCurve
        Of a plain classifier on features.
    measured : tuple of MeasuredCell
        What a study measured that is most like this; empty where nothing is.
    pilot : Pilot
    decision : Decision
    command : str
        What trains the choice, as a shell takes it.
    folder : Path
        Keeps the pilot's runs and ``advice.json``.
    """

    dataset: str
    backbone: str
    classes: tuple[str, ...]
    images_per_class: int | None
    judged: int
    distance: DistanceFromSource
    curve: LearningCurve
    measured: tuple[MeasuredCell, ...]
    pilot: Pilot
    decision: Decision
    command: str
    folder: Path

    def __str__(self) -> str:
        return "\n".join(
            [
                self._title(),
                "",
                str(self.distance),
                f"A plain classifier on the features: {self.curve.accuracy}",
                *self._measured(),
                "",
                *self._table(),
                f"The pilot ended: {self.pilot.ended or 'at once'}.",
                "",
                *self._verdict(),
                *self._labels(),
                "",
                self.command,
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence and the choice in plain Python, ready for JSON."""
        curve = self.curve
        gains = {str(times): curve.forecast(times) for times in _AHEAD}
        return {
            "dataset": self.dataset,
            "backbone": self.backbone,
            "classes": len(self.classes),
            "images_per_class": self.images_per_class,
            "judged": self.judged,
            "distance": self.distance.as_dict(),
            "probe": curve.accuracy.as_dict(),
            "forecast": {
                "sizes": curve.sizes.round(1).tolist(),
                "accuracies": curve.right.mean(axis=1).round(4).tolist(),
                "gain_of_times": {k: g and g.as_dict() for k, g in gains.items()},
                "weakest": curve.weakest(self.classes),
            },
            "measured": [dataclasses.asdict(cell) for cell in self.measured],
            "pilot": {"ended": self.pilot.ended, "contenders": as_rows(self.pilot)},
            "decision": self.decision.as_dict(),
            "command": self.command,
        }

    def _title(self) -> str:
        number = "all images"
        if self.images_per_class is not None:
            number = f"{counted(self.images_per_class, 'image')} a class"
        return (
            f"{quoted(self.dataset)}, {self.backbone}, {number}, "
            f"{len(self.classes):,} classes; {self.judged:,} images of train and val "
            "judge the recipes, and the test set is not read"
        )

    def _measured(self) -> list[str]:
        if not self.measured:
            return ["Measured before: nothing that is like these images"]
        lines = ["Measured before, on what is most like these images; against F1-7R8:"]
        return [*lines, *(f"  {cell}" for cell in self.measured)]

    def _table(self) -> list[str]:
        names = [str(each.contender) for each in self.pilot.tried]
        width = max(map(len, ("recipe", *names)))
        heading = f"{'accuracy':<22}  images  {'from the best':<29}  a run"
        lines = [f"{'recipe':<{width}}  {heading}"]
        for name, each in zip(names, self.pilot.tried, strict=True):
            lines.append(f"{name:<{width}}  {self._row(each)}".rstrip())
        return lines

    def _row(self, each: Tried) -> str:
        accuracy, best = self.pilot.accuracy(each), self.pilot.best
        if accuracy is None or best is None:
            seconds = self.pilot.expected_seconds(each)
            about = "" if seconds is None else f"; a run may take {_duration(seconds)}"
            return f"{each.state.value}{about}"
        gap = "the best" if each is best else ""
        difference = None if each is best else self.pilot.difference(each, best)
        if difference is not None:
            gap = wording.points(difference.as_dict())
        state = f"  {each.state.value}" if each.state is State.BEHIND else ""
        shown = wording.percent(accuracy.as_dict())
        shown = f"{shown:<22}  {accuracy.n:>6,}"
        return f"{shown}  {gap:<29}  {_duration(each.seconds)}{state}"

    def _verdict(self) -> list[str]:
        decision, lines = self.decision, list[str]()
        if decision.gain is not None:
            lines.append(_gain(decision.gain))
        lines.append(f"Verdict: {decision.verdict}.")
        expected = "nobody knows its accuracy"
        if decision.accuracy is not None:
            expected = f"expect {decision.accuracy}"
        return [*lines, f"Train {decision.contender}: {expected}"]

    def _labels(self) -> list[str]:
        parts = []
        for times in _AHEAD:
            gain = self.curve.forecast(times)
            if gain is None:
                return ["More labels: no forecast, there are too few images."]
            parts.append(f"{times} times the images {wording.points(gain.as_dict())}")
        lines = [f"More labels, for a plain classifier: {'; '.join(parts)}"]
        weakest = self.curve.weakest(self.classes)
        if weakest:
            named = ", ".join(
                f"{quoted(name)} ({wrong:,} of {images:,} wrong)"
                for name, wrong, images in weakest
            )
            lines.append(f"Most errors are in {named}")
        return lines


def _gain(gain: TunedGain) -> str:
    """Write what tuning gains, and where that comes from."""
    shown = wording.points(gain.both.as_dict())
    line = f"Tuning ({gain.contender}) against freezing: {shown}"
    before = wording.points(gain.prior.as_dict())
    source = "measured cells let expect" if gain.measured else "assumed was"
    if gain.pilot is None:
        return f"{line}; it was not tried, and {source} {before}"
    alone = wording.points(gain.pilot.as_dict())
    return f"{line}; the pilot alone {alone}, before it {source} {before}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"
