"""Reading and cropping images: our records against Keras's folders of JPEGs."""

import functools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.row import Row

if TYPE_CHECKING:
    from kerastransfer.records.reader import Records

_SIZES = ((500, 375, 1000), (1600, 1200, 300))  # width, height, how many
_OTHERS = 4  # images of each class in val and in test, which are not read
_CROP = 224
_BATCH = 32


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    return [_row(*size) for size in _SIZES]


def _row(width: int, height: int, count: int) -> Row:
    place = tempfile.TemporaryDirectory()
    folder = Path(place.name, "images")
    for split, images in (("train", count), ("val", _OTHERS), ("test", _OTHERS)):
        _make_photographs(folder / split, width, height, images)
    records = _convert(folder, Path(place.name, "records"))

    def ours(place: object = place) -> float:  # keeps the folder
        return _ours(records, count)

    return Row(
        name=f"read {count:,} JPEGs of {width}x{height} as crops of {_CROP}, "
        "against keras.utils.image_dataset_from_directory",
        aim=2.0,
        unit="images/s",
        ours=ours,
        theirs=functools.partial(_keras, folder / "train", count),
    )


def _make_photographs(folder: Path, width: int, height: int, count: int) -> None:
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


def _ours(records: "Records", count: int) -> float:
    from kerastransfer import pipeline, views
    from kerastransfer.backbones import table

    preprocessing = table.get("efficientnet_lite0").preprocessing
    positions = np.arange(count)
    crops = views.fixed(5)[views.choose(0, 0, positions, 5)]
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
