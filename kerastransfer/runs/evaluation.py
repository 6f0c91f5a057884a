"""How good a finished run's network is on any records of its classes."""

import numpy as np

from kerastransfer.datasets import table as datasets
from kerastransfer.errors import InputError
from kerastransfer.evaluation import metrics
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.features import inference
from kerastransfer.records.reader import Records, find_or_convert
from kerastransfer.runs.finished import Run


def evaluate(run: Run, split: str = "test", records: Records | None = None) -> Metrics:
    """Measure a run's network on a split; see `Run.evaluate`."""
    if records is None:
        records = find_or_convert(datasets.resolve(run.config.dataset))
    if records.classes != run.classes:
        odd = sorted(set(records.classes) ^ set(run.classes))
        raise InputError(
            f"Expected {records.name!r} to have the run's {len(run.classes)} classes, "
            f"in their order, got {len(records.classes)}; they differ in {odd[:10]}."
        )
    positions = np.arange(records.size(split))
    if not len(positions):
        raise InputError(f"Expected images in the {split} split, and it is empty.")
    preprocessing = run.backbone.preprocessing
    batches = inference.centre_views(records, split, positions, preprocessing)
    answers = inference.probabilities(run.blocks(), preprocessing, batches)
    return metrics.evaluate(*answers)
