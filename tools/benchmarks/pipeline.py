"""Reading and cropping images: our records against Keras's folders of JPEGs.

An epoch decodes each image; where crops are kept, later ones read what the first one
left, which Keras has no way to do but to hold all images in memory.
"""

import functools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.row import Row

if TYPE_CHECKING:
    from kerastransfer.records.reader import Records
    from kerastransfer.training.batches import CachedBatches

_SIZES = ((500, 375, 1000, 1.2), (1600, 1200, 300, 2.0))  # width, height, how many, aim
_LATER = 8.0  # the aim where crops are kept
_VIEWS = 5
_OTHERS = 4  # images of each class in val and in test, which are not read
_CROP = 224
_BATCH = 32


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    return [row for size in _SIZES for row in _rows(*size)]


def _rows(width: int, height: int, count: int, aim: float) -> list[Row]:
    place = tempfile.TemporaryDirectory()
    folder = Path(place.name, "images")
    for split, images in (("train", count), ("val", _OTHERS), ("test", _OTHERS)):
        make_photographs(folder / split, width, height, images)
    records = _convert(folder, Path(place.name, "records"))

    kept = _keep_crops(records, count, Path(place.name, "features"))

    def first(place: object = place) -> float:  # keeps the folder
        return _first_epoch(records, count)

    return [
        Row(
            name=f"{epoch}, {count:,} JPEGs of {width}x{height} as crops of {_CROP}, "
            "against keras.utils.image_dataset_from_directory",
            aim=aim_of_it,
            unit="images/s",
            ours=ours,
            theirs=functools.partial(_keras, folder / "train", count),
        )
        for epoch, aim_of_it, ours in (
            ("first epoch", aim, first),
            ("later epochs", _LATER, functools.partial(_later_epoch, kept, count)),
        )
    ]


def make_photographs(folder: Path, width: int, height: int, count: int) -> None:
    """Cut parts out of scikit-learn's two photographs, and scale them up or down."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    for number in range(count):
        which = number % len(photographs)
        whole = photographs[which]
        wide = int(rng.integers(300, whole.width))
        high = min(wide * height // width, whole.height)
        left = int(rng.integers(0, whole.width - wide + 1))
        top = int(rng.integers(0, whole.height - high + 1))
        part = whole.crop((left, top, left + wide, top + high))
        path = folder / f"class{which}" / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.resize((width, height)).save(path, quality=90)


def _convert(folder: Path, out: Path) -> "Records":
    """Convert once; a user does it before the first of many epochs."""
    from kerastransfer.datasets import table
    from kerastransfer.records.reader import open_records
    from kerastransfer.records.write.convert import convert

    dataset = table.resolve(f"folder:{folder}")
    return open_records(convert(dataset, out, max_per_class="all"))


def _keep_crops(records: "Records", count: int, home: Path) -> "CachedBatches":
    """Decode every view once, as the first epoch of a tuned run does."""
    from kerastransfer.backbones import table
    from kerastransfer.config.defaults import DataSummary, resolve
    from kerastransfer.distribution.replicas import single
    from kerastransfer.training import frozen_prefix
    from kerastransfer.training.batches import CachedBatches
    from kerastransfer.training.caching import Caching
    from kerastransfer.training.setup import TrainSetup

    backbone = table.get("efficientnet_lite0")
    named = {"dataset": "photographs", "backbone": backbone.name, "recipe": "FT1-7R8"}
    summary = DataSummary(records="", weights="", num_images=count, mirror=False)
    config = resolve(
        {**named, "views": _VIEWS, "batch_size": _BATCH, "epochs": (1,)}, summary
    )
    network = backbone.build(2, 0)
    setup = TrainSetup(
        config=config,
        backbone=backbone,
        records=records,
        num_classes=2,
        positions={"train": np.arange(count), "val": np.arange(0)},
        source_weights={},
        replicas=single(),
        caching=Caching(mode="on", home=home, quiet=True),
    )
    source = frozen_prefix.choose(setup, network, 0, epochs=1)
    assert isinstance(source, CachedBatches)
    return source


def _later_epoch(kept: "CachedBatches", count: int) -> float:
    import tensorflow as tf

    seen, start = 0, time.perf_counter()
    for batch in kept.train(1):
        images = tf.cast(batch.shares[0].inputs, tf.float32)
        assert images.shape[1:] == (_CROP, _CROP, 3)
        seen += len(images)
    assert seen == count
    return seen / (time.perf_counter() - start)


def _first_epoch(records: "Records", count: int) -> float:
    from kerastransfer import pipeline, views
    from kerastransfer.backbones import table

    preprocessing = table.get("efficientnet_lite0").preprocessing
    positions = np.arange(count)
    crops = views.fixed(_VIEWS)[views.choose(0, 0, positions, _VIEWS)]
    seen, start = 0, time.perf_counter()
    batches = pipeline.batches(
        records, "train", positions, crops, preprocessing, batch_size=_BATCH
    )
    for images, _ in batches:
        assert images.shape[1:] == (_CROP, _CROP, 3)
        seen += len(images)
    assert seen == count
    return seen / (time.perf_counter() - start)


def _keras(folder: Path, count: int) -> float:
    import keras

    batches = keras.utils.image_dataset_from_directory(
        folder,
        image_size=(_CROP, _CROP),
        crop_to_aspect_ratio=True,
        batch_size=_BATCH,
        shuffle=False,
        verbose=False,
    )
    seen, start = 0, time.perf_counter()
    for images, _ in batches:
        assert images.shape[1:] == (_CROP, _CROP, 3)
        seen += len(images)
    assert seen == count
    return seen / (time.perf_counter() - start)
