"""Which pretrained network to take: plain classifiers on its features, and scores."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice import forecast, scores, splits
from kerastransfer.advice.features import images_asked_about, pool_features
from kerastransfer.distances.domains import SourceNetwork
from kerastransfer.errors import DataError
from kerastransfer.evaluation import paired, wording
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.evaluation.unseen_groups import clustered_accuracy
from kerastransfer.foundation.report import Preformatted, say
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.records.find import find_or_convert
from kerastransfer.runs.sources import Sources

DEFAULT_BLOCKS = (NUM_BLOCKS - 1,)
_HEADINGS = (
    *("backbone", "plain classifier", "from the best"),
    *("neighbours", "LogME", "H-score"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedBackbone:
    """A backbone, and what its features say of the images.

    Parameters
    ----------
    name : str
    probe : Estimate or None
        Accuracy of a plain classifier on images that it was not fitted to; None where
        the backbone cannot be had.
    right : array of shape (n,)
        Whether it was right, image by image.
    neighbours : Estimate or None
        Accuracy of the nearest neighbours.
    log_me, h_score : float or None
        See `kerastransfer.advice.scores`.
    missing : str
        Why there is nothing; else empty.
    """

    name: str
    probe: Estimate | None = None
    right: NDArray[np.bool_] = dataclasses.field(
        default_factory=lambda: np.zeros(0, bool)
    )
    neighbours: Estimate | None = None
    log_me: float | None = None
    h_score: float | None = None
    missing: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking(Preformatted):
    """Backbones, the one with the best plain classifier first.

    Parameters
    ----------
    backbones : tuple of RankedBackbone
    units : array of shape (n,)
        Of the images; see `splits.Split`.
    """

    dataset: str
    backbones: tuple[RankedBackbone, ...]
    units: NDArray[np.int64]

    def from_best(self, one: RankedBackbone) -> Estimate | None:
        """Estimate how far behind the best a backbone's plain classifier is."""
        best = self.backbones[0]
        if one is best or one.probe is None:
            return None
        return paired.difference(one.right, best.right, self.units)

    @property
    def verdict(self) -> str:
        """Say which to take, and where that cannot be told."""
        best, *others = (each for each in self.backbones if each.probe is not None)
        gaps = {each.name: self.from_best(each) for each in others}
        alike = [name for name, gap in gaps.items() if gap and gap.high >= 0]
        if alike:
            return f"not distinguishable from {best.name}: {', '.join(alike)}"
        return f"take {best.name}" + (", for certain" if others else "")

    def __str__(self) -> str:
        rows = [_HEADINGS, *map(self._row, self.backbones)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ]
        missing = [
            f"{each.name}: {each.missing}" for each in self.backbones if each.missing
        ]
        return "\n".join([*lines, *missing, f"Verdict: {self.verdict}."])

    def as_dict(self) -> dict[str, Any]:
        """Return the backbones in plain Python, ready for JSON."""
        gaps = [self.from_best(each) for each in self.backbones]
        return {
            "dataset": self.dataset,
            "verdict": self.verdict,
            "backbones": [
                {
                    "name": each.name,
                    "probe": each.probe and each.probe.as_dict(),
                    "from_best": gap and gap.as_dict(),
                    "neighbours": each.neighbours and each.neighbours.as_dict(),
                    "log_me": each.log_me,
                    "h_score": each.h_score,
                    "missing": each.missing,
                }
                for each, gap in zip(self.backbones, gaps, strict=True)
            ],
        }

    def _row(self, each: RankedBackbone) -> tuple[str, ...]:
        if each.probe is None or each.neighbours is None:
            return (each.name, *["-"] * 5)
        gap = self.from_best(each)
        return (
            each.name,
            wording.percent(each.probe.as_dict()),
            "the best" if gap is None else wording.points(gap.as_dict()),
            wording.percent(each.neighbours.as_dict()),
            f"{each.log_me:.3f}",
            f"{each.h_score:.2f}",
        )


def rank(
    backbones: Sequence[tuple[str, Sources | str]],
    *,
    blocks: Sequence[int] = DEFAULT_BLOCKS,
    images_per_class: int | None = None,
    records_folder: Path | None = None,
) -> Ranking:
    """Compare backbones by their features of train and val; test is not read.

    Parameters
    ----------
    backbones : sequence of (str, Sources or str)
        Names, and what each is made from, or why it cannot be had.
    blocks : sequence of int
        From 1 to 7; the outputs of several are ranked beside each other, which shows
        where features cease to tell the classes apart.
    images_per_class : int, optional
        Of each class; by default all.

    Raises
    ------
    DataError
        If none can be had, or the images are too few.
    """
    there = [each for _, each in backbones if not isinstance(each, str)]
    if not there:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in backbones)
        raise DataError(f"Expected a backbone whose weights are here, got {reasons}")
    records = find_or_convert(there[0].dataset, records_folder)
    asked = images_asked_about(records, images_per_class)
    cut = splits.make_splits(records, asked)
    ranked = []
    for name, sources in backbones:
        if isinstance(sources, str):
            ranked.append(RankedBackbone(name=name, missing=sources))
            continue
        source = SourceNetwork.of(
            sources.backbone, sources.weights, sources.hashes["weights"]
        )
        for block in blocks:
            shown = name if tuple(blocks) == DEFAULT_BLOCKS else f"{name} block {block}"
            say(f"{shown}: features, and plain classifiers on them")
            features = pool_features(records, source, cut, block)
            curve = forecast.judge(cut, features)
            ranked.append(_scored(shown, curve, features[0], cut[0]))
    units = np.concatenate([each.units[each.fold.held_out] for each in cut])
    order = sorted(ranked, key=lambda each: -(each.probe.value if each.probe else -1.0))
    return Ranking(dataset=records.name, backbones=tuple(order), units=units)


def _scored(
    name: str,
    curve: forecast.LearningCurve,
    x: forecast.FeatureRows,
    split: splits.Split,
) -> RankedBackbone:
    labels, units = split.pool.labels, split.units
    near = scores.neighbours(x, labels, min(5, len(labels) - 1), units)
    return RankedBackbone(
        name=name,
        probe=curve.accuracy,
        right=curve.right[-1],
        neighbours=clustered_accuracy(near, units),
        log_me=scores.log_me(x, labels),
        h_score=scores.h_score(x, labels),
    )
