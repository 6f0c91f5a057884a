"""The images that formats are tried on, as models take them, and as they came."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerastransfer.datasets import table as datasets
from kerastransfer.errors import KerasTransferError
from kerastransfer.foundation.report import say
from kerastransfer.records.reader import Records

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run

_BATCH = 32
_CALIBRATION_IMAGES = 100  # of train, for the ranges of int8


def crops(
    run: "Run", records: Records, split: str, positions: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Give centre crops as the models take them, and their labels."""
    from kerastransfer.features import inference

    batches = inference.centre_views(
        records, split, positions, run.backbone.preprocessing
    )
    for images, labels in batches:
        yield np.asarray(images, np.float32), np.asarray(labels)


def training_crops(run: "Run", records: Records) -> Iterator[NDArray[np.float32]]:
    """Give some training images, one at a time; test has no part in a model."""
    train = records.variant(run.config.images_per_class, run.config.draw)
    drawn = np.random.default_rng(0).permutation(train)[:_CALIBRATION_IMAGES]
    for images, _ in crops(run, records, "train", np.sort(drawn)):
        yield from (image[np.newaxis] for image in images)


def answers_to_files(
    run: "Run",
    records: Records,
    positions: NDArray[np.int64],
    saved_model: Path,
) -> NDArray[np.float64] | None:
    """Answer the original files of test images; None where these cannot be had.

    Returns
    -------
    array of shape (n, classes)
        NaN for a file that is not there, or cannot be read.
    """
    import tensorflow as tf

    from kerastransfer.features.image_set import example_texts

    names = [example_texts(records.serialized("test", p), "id")[0] for p in positions]
    source = datasets.resolve(run.config.dataset).source
    contents: dict[str, bytes] = {}
    try:
        for file in source.image_files(set(names)):
            for name, cut in file.images:
                if cut is None:
                    contents[name] = file.content.read()
    except (KerasTransferError, OSError) as error:
        say(f"Original files are not tried: {error}")
        return None
    if not contents:
        return None
    model = tf.saved_model.load(str(saved_model))
    answers = np.full((len(names), len(run.classes)), np.nan)
    there = [place for place, name in enumerate(names) if name in contents]
    for begin in range(0, len(there), _BATCH):
        places = there[begin : begin + _BATCH]
        encoded = tf.constant([contents[names[place]] for place in places])
        given = model.signatures["serving_default"](image=encoded)
        answers[places] = given["probabilities"].numpy()
    return answers
