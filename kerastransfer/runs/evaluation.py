"""How good a trained network is on a split of any records of its classes."""

import numpy as np

from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.evaluation import metrics
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.features import inference
from kerastransfer.features.image_set import LabelledExamples
from kerastransfer.runs.predictions import Answers


def evaluate(
    network: Network,
    preprocessing: Preprocessing,
    records: LabelledExamples,
    split: str,
) -> Metrics:
    """Measure a network on all images of a split, in their centre view.

    Raises
    ------
    InputError
        If the split is empty.
    """
    return metrics.evaluate(*answer(network, preprocessing, records, split))


def answer(
    network: Network,
    preprocessing: Preprocessing,
    records: LabelledExamples,
    split: str,
) -> Answers:
    """Classify all images of a split, in their centre view.

    Raises
    ------
    InputError
        If the split is empty.
    """
    positions = np.arange(records.size(split))
    if not len(positions):
        raise InputError(f"Expected images in the {split} split, and it is empty.")
    batches = inference.centre_views(records, split, positions, preprocessing)
    return Answers(*inference.probabilities(network, preprocessing, batches))
