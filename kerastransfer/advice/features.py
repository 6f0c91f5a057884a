"""Features of the images that recipes, or backbones, are compared on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerastransfer.advice.forecast import FeatureRows
from kerastransfer.advice.splits import MOST_IMAGES, Split
from kerastransfer.distances.domains import SourceNetwork
from kerastransfer.features import responses
from kerastransfer.features.image_set import ImageSet
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.report import say
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.records.reader import Records


def images_asked_about(records: Records, images_per_class: int | None) -> int | None:
    """Return how many images of each class are asked about; None for all."""
    images = records.size("train") + records.size("val")
    if images_per_class is not None or images <= MOST_IMAGES:
        return images_per_class
    number = max(1, MOST_IMAGES // len(records.classes))
    number = min(number, int(records.class_counts("train").max()))
    say(
        f"Of {images:,} images of train and val, recipes are compared on {number:,} of "
        "each class: more could not be tried in minutes. --images-per-class chooses."
    )
    return number


def pool_features(
    records: Records,
    source: SourceNetwork,
    cut: Sequence[Split],
    block: int = NUM_BLOCKS - 1,
) -> list[FeatureRows]:
    """Return a block's output for the images of each split's pool.

    Of a block whose output is a picture, the mean over its places.
    """
    wanted = {
        name: np.unique(np.concatenate([each.pool.places[name] for each in cut]))
        for name in ("train", "val")
    }
    images = ImageSet(tuple(wanted.items()))
    with progress("Features of images", unit="images") as show:
        batches = responses.responses(
            source.network, source.backbone, records, images, show, last=block
        )
        outputs = np.concatenate([_mean_over_places(batch) for batch in batches])
    starts = {"train": 0, "val": len(wanted["train"])}
    return [
        outputs[
            np.concatenate(
                [
                    starts[name] + np.searchsorted(wanted[name], places)
                    for name, places in each.pool.places.items()
                ]
            )
        ]
        for each in cut
    ]


def _mean_over_places(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    return outputs.reshape(len(outputs), -1, outputs.shape[-1]).mean(axis=1)
