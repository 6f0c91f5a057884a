"""Advice with evidence: distance, a plain classifier, a forecast, and a pilot.

Nothing of the test set is read. Everything that was computed is kept, so a command that
was interrupted goes on where it was.
"""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerastransfer.advice import decision, forecast, splits
from kerastransfer.advice.contenders import CONTENDERS, FROZEN, Contender
from kerastransfer.advice.features import images_asked_about, pool_features
from kerastransfer.advice.matrix import LIMITS, MEASURED_ON
from kerastransfer.advice.measured import cells as measured
from kerastransfer.advice.measured import prior
from kerastransfer.advice.measured.cells import MeasuredCell, Position
from kerastransfer.advice.pilot import search
from kerastransfer.advice.pilot.training import Conditions
from kerastransfer.advice.question import FILE, Question
from kerastransfer.advice.recommendation import DistanceFromSource, Recommendation
from kerastransfer.advice.splits import Split
from kerastransfer.config import presets
from kerastransfer.config.run_options import RunOptions
from kerastransfer.distances import domains, means, verdict
from kerastransfer.distances.domain import Domain
from kerastransfer.distances.domains import SourceNetwork
from kerastransfer.distribution.choice import Choice
from kerastransfer.distribution.start import start
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.report import say
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.reader import Records
from kerastransfer.records.sizes import Sizes
from kerastransfer.records.write.convert import records_path
from kerastransfer.runs.sources import Sources

if TYPE_CHECKING:
    from kerastransfer.advice.forecast import FeatureRows


def advise(
    sources: Sources,
    question: Question,
    *,
    out: Path,
    records_folder: Path | None = None,
    options: RunOptions | None = None,
    cells: Sequence[MeasuredCell] | None = None,
    contenders: Sequence[Contender] | None = None,
) -> Recommendation:
    """Look at images, try recipes on them, and say which to train.

    Parameters
    ----------
    sources : Sources
        Without a recipe in its settings.
    out : Path
        Keeps the pilot's runs, and the answer in ``advice.json``.
    options : RunOptions, optional
        Of them the cache's.
    cells : sequence of MeasuredCell, optional
        What was measured before; by default what comes with the package.
    contenders : sequence of Contender, optional
        What is tried, the frozen recipe first and the cheapest before the others.

    Raises
    ------
    DataError
        If the images are too few to compare anything on.
    """
    deadline = time.monotonic() + 60 * question.minutes
    replicas = start(Choice())
    records = _records(sources, records_folder)
    sizes = Sizes.of_records(records)
    asked = images_asked_about(records, question.images_per_class)
    cut = splits.make_splits(records, asked)
    source = SourceNetwork.of(
        sources.backbone, sources.weights, sources.hashes.get("weights", "")
    )
    features = pool_features(records, source, cut)
    distance = _distance(source, cut, features, asked)
    say(str(distance))
    curve = forecast.learning_curve(cut, features)
    say(f"A plain classifier on the features: {curve.accuracy}")
    cells = _cells_of(sources, measured.read() if cells is None else cells)
    here = position_of(curve, distance)
    contenders = contenders or CONTENDERS
    tuned = [each for each in contenders if each != FROZEN]
    expected = prior.expected_gains(cells, tuned, here)
    number = {} if asked is None else {"images_per_class": asked}
    trial = Conditions(
        sources=dataclasses.replace(sources, settings=sources.settings | number),
        sizes=sizes,
        replicas=replicas,
        folder=out / "pilot",
        options=options or RunOptions(),
        deadline=deadline,
        margin=question.margin,
        expected=expected,
    )
    tried = search.run(trial, cut, contenders)
    decided = decision.decide(tried, question.margin, expected, curve.accuracy)
    recommendation = Recommendation(
        dataset=records.name,
        backbone=sources.backbone.title,
        classes=records.classes,
        images_per_class=asked,
        judged=len(curve.units),
        distance=distance,
        curve=curve,
        measured=tuple(measured.nearest(cells, here)),
        pilot=tried,
        decision=decided,
        command=decision.train_command(list(question.words), decided.contender),
        folder=out,
    )
    atomic.write_json(out / FILE, recommendation.as_dict())
    return recommendation


def _cells_of(sources: Sources, cells: Sequence[MeasuredCell]) -> list[MeasuredCell]:
    """Return the cells of the same network, weights and preset; others say little."""
    weights = sources.hashes.get("weights", "")
    usual = presets.usual(transformer=sources.backbone.is_transformer)
    if sources.settings.get("preset", usual) != "default" or sources.mean_image:
        return []
    return [
        cell
        for cell in cells
        if cell.backbone == sources.backbone.name and weights.startswith(cell.weights)
    ]


def _records(sources: Sources, folder: Path | None) -> Records:
    """Open or make the records, and say what is in them."""
    was_there = records_path(sources.dataset, folder or records_home()).exists()
    records = find_or_convert(sources.dataset, folder)
    if was_there:  # converting says it too
        say(str(Sizes.of_records(records).overview))
    return records


def position_of(
    curve: forecast.LearningCurve, distance: DistanceFromSource
) -> Position:
    """Return where these images stand among the measured cells."""
    return Position(
        images_per_class=float(curve.sizes[-1]),
        probe=curve.accuracy.value,
        cosine=None if distance.cosine is None else distance.cosine.value,
    )


def _distance(
    source: SourceNetwork,
    cut: Sequence[Split],
    features: "Sequence[FeatureRows]",
    images_per_class: int | None,
) -> DistanceFromSource:
    """Measure how far the images are from what the network was pretrained on."""
    name = source.backbone.source
    target = Domain("these images", domains.TARGET_SEED, features=features[0])
    per_class = images_per_class
    if per_class is None:
        counts = np.bincount(cut[0].pool.labels)
        per_class = max(1, int(counts.mean()))
    try:
        cosine = means.cosine(domains.from_weights(source).response, target.response)
        halves = [half.response for half in target.halves()]
        baseline = means.cosine(*halves).corrected
    except (DataError, InputError) as error:  # what would cure it is no matter here
        return DistanceFromSource(
            source=name, missing=str(error).split(";")[0].rstrip(".")
        )
    judged = verdict.judge(cosine.corrected, per_class)
    known = source.backbone.name in MEASURED_ON
    return DistanceFromSource(
        source=name,
        cosine=cosine.corrected,
        baseline=baseline,
        place=judged.place,
        abstained=judged.abstained,
        table=tuple(each.value for each in judged.advice),
        limits="" if known else LIMITS,
    )
