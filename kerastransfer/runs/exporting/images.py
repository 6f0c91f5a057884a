"""The images that formats are tried on, as models take them, and as they came."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerastransfer.datasets import table as datasets
from kerastransfer.errors import KerasTransferError
from kerastransfer.foundation.report import say
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.records.reader import Records

if TYPE_CHECKING:
    from kerastransfer.datasets.image_file import ImageFile
    from kerastransfer.runs.finished import Run

_BATCH = 32
_CALIBRATION_IMAGES = 100  # of train, for the ranges of int8


def crops(
    run: "Run", records: Records, split: str, positions: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Give centre crops as the models take them, and their labels."""
    from kerastransfer.features import inference

    # A mean image is subtracted in the model, and in the views of records before it.
    plain = dataclasses.replace(run.backbone.preprocessing, mean_image=None)
    batches = inference.centre_views(records, split, positions, plain)
    for images, labels in batches:
        yield np.asarray(images, np.float32), np.asarray(labels)


def training_crops(run: "Run", records: Records) -> Iterator[NDArray[np.float32]]:
    """Give some training images, one at a time; test has no part in a model."""
    train = records.variant(run.config.images_per_class, run.config.draw)
    drawn = np.random.default_rng(0).permutation(train)[:_CALIBRATION_IMAGES]
    for images, _ in crops(run, records, "train", np.sort(drawn)):
        yield from (image[np.newaxis] for image in images)


def write_crops(
    run: "Run", records: Records, positions: NDArray[np.int64], path: Path
) -> None:
    """Write crops of test images into a ``.npy`` file, a batch at a time in memory."""
    side = run.backbone.preprocessing.crop
    shape = (len(positions), side, side, 3)
    file = np.lib.format.open_memmap(path, "w+", np.float32, shape)  # type: ignore[no-untyped-call]
    begin = 0
    for images, _ in crops(run, records, "test", positions):
        file[begin : begin + len(images)] = images
        begin += len(images)
        file.flush()


def measured(
    run: "Run", records: Records, positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """Return the labels, features and probabilities of test images."""
    from kerastransfer.features import inference
    from kerastransfer.features.extraction import Extractor

    preprocessing = run.backbone.preprocessing
    network = run.blocks()

    batches = inference.centre_views(records, "test", positions, preprocessing)
    extractor = Extractor(network, preprocessing, last=NUM_BLOCKS - 1)
    features, labels = extractor(batches)
    probabilities = inference.classify_features(network, features)
    return labels, features, probabilities


def answers_to_files(
    run: "Run",
    records: Records,
    positions: NDArray[np.int64],
    saved_model: Path,
) -> tuple[list[int], NDArray[np.float64]] | None:
    """Answer the original files of test images; None where none can be had.

    Returns
    -------
    places : list of int
        Of the images whose files are there, among `positions`.
    answers : array of shape (len(places), classes)
        NaN for a file that cannot be read.
    """
    import tensorflow as tf

    from kerastransfer.features.image_set import example_texts

    names = [example_texts(records.serialized("test", p), "id")[0] for p in positions]
    source = datasets.resolve(run.config.dataset).source
    contents: dict[str, bytes] = {}
    try:
        for file in source.image_files(set(names)):
            contents |= _whole(file)
    except (KerasTransferError, OSError) as error:
        say(f"Original files are not tried: {error}")
        return None
    there = [place for place, name in enumerate(names) if name in contents]
    if not there:
        return None
    model = tf.saved_model.load(str(saved_model))
    answers = np.full((len(names), len(run.classes)), np.nan)
    for begin in range(0, len(there), _BATCH):
        places = there[begin : begin + _BATCH]
        encoded = tf.constant([contents[names[place]] for place in places])
        given = model.signatures["serving_default"](image=encoded)
        answers[places] = given["probabilities"].numpy()
    return there, answers[there]


def _whole(file: "ImageFile") -> dict[str, bytes]:
    """Read a file that is one image; nothing of others, or of one that is gone."""
    names = [name for name, cut in file.images if cut is None]
    if not names or file.lossless:
        return {}
    try:
        return dict.fromkeys(names, file.content.read())
    except (KerasTransferError, OSError):
        return {}
