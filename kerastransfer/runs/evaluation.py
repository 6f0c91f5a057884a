"""How good a trained network is: on its own test and val sets, or on other records."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.config.defaults import head_only
from kerastransfer.errors import InputError
from kerastransfer.evaluation import metrics
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.features import inference
from kerastransfer.features.image_set import LabelledExamples, groups_of
from kerastransfer.foundation import report
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.reader import Records
from kerastransfer.runs import predictions
from kerastransfer.runs.predictions import Answers
from kerastransfer.training.setup import TrainSetup
from kerastransfer.training.source_features import SplitFeatures

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run


def classify(
    setup: TrainSetup,
    network: Network,
    features: SplitFeatures,
    classes: tuple[str, ...],
    folder: Path,
) -> dict[str, Answers]:
    """Classify test and val, and keep the answers in a run's folder.

    Parameters
    ----------
    features : dict
        The source's, which serve again where no block below 8 moved; or none.
    """
    answers: dict[str, Answers] = {}
    records = setup.records
    for split in ("test", "val"):
        given = answers[split] = _answer(setup, network, split, features)
        positions = setup.positions[split]
        predictions.write(folder, split, given, records, classes, positions)
    return answers


def measure(setup: TrainSetup, answers: Mapping[str, Answers]) -> dict[str, Any]:
    """Return ``test`` and ``val`` as ``result.json`` holds them.

    Parameters
    ----------
    answers : mapping of str to Answers
        By split, as `classify` gave them.
    """
    measured: dict[str, Any] = {}
    for split, given in answers.items():
        positions, trained = setup.positions[split], setup.positions["train"]
        groups = _groups(setup.records, split, positions, trained)
        measured[split] = metrics.evaluate(*given, **groups).as_dict()
    return measured


def evaluate(
    run: "Run", records: Records, split: str, mistakes_file: Path | None = None
) -> Metrics:
    """Measure a run's network on all images of a split, in their centre view.

    Where these are the records that it was trained on, images of groups that training
    did not see are measured by themselves too.

    Parameters
    ----------
    mistakes_file : Path, optional
        Gets a table of all images; see `predictions.write_mistakes`.

    Raises
    ------
    InputError
        If the split is empty.
    """
    config, positions = run.config, np.arange(records.size(split))
    preprocessing = run.backbone.preprocessing
    answers = answer(run.blocks(), preprocessing, records, split, positions)
    if mistakes_file is not None:
        predictions.write_mistakes(mistakes_file, answers, records, split, run.classes)
    if records.content_hash != config.records:
        if config.dataset in (records.metadata["spec"], records.name):
            report.warn(
                f"The records of {quoted(records.name)} are others than those that the "
                "run was trained on; it may have seen images of this split."
            )
        return metrics.evaluate(*answers)
    trained = records.variant(config.images_per_class, config.draw)
    return metrics.evaluate(*answers, **_groups(records, split, positions, trained))


def answer(
    network: Network,
    preprocessing: Preprocessing,
    records: LabelledExamples,
    split: str,
    positions: IntArray,
) -> Answers:
    """Classify images of a split, in their centre view.

    Raises
    ------
    InputError
        If there are none.
    """
    if not len(positions):
        raise InputError(f"Expected images in the {split} split, and it is empty.")
    batches = inference.centre_views(records, split, positions, preprocessing)
    return Answers(*inference.probabilities(network, preprocessing, batches))


def is_head_only(setup: TrainSetup) -> bool:
    """Whether no block below 8 is trained in any phase."""
    return all(head_only(phase) for phase in setup.config.recipe.phases)


def _answer(
    setup: TrainSetup, network: Network, split: str, features: SplitFeatures
) -> Answers:
    """Classify a split; features serve again where no block below 8 moved."""
    if features and is_head_only(setup):
        outputs, labels = features[split]
        return Answers(inference.classify_features(network, outputs), labels)
    preprocessing = setup.backbone.preprocessing
    positions = setup.positions[split]
    return answer(network, preprocessing, setup.records, split, positions)


def _groups(
    records: LabelledExamples, split: str, positions: IntArray, trained: IntArray
) -> dict[str, Any]:
    """Return what `metrics.evaluate` is told of groups; nothing where there are none.

    Parameters
    ----------
    trained : array of shape (n,)
        Positions in train of the images that the network was trained on.
    """
    groups = groups_of(records, split, positions)
    if groups is None:
        return {}
    seen = groups_of(records, "train", trained) or []
    return {"groups": groups, "seen_groups": frozenset(seen) - {""}}
