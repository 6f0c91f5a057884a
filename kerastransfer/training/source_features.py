"""The source's features of every image: what the number to beat is fitted on."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.features.fill import Filler
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.foundation.report import say
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.training import caching as caches
from kerastransfer.training.caching import Caching

_FEATURE_BLOCK = NUM_BLOCKS - 1

SplitFeatures = dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]


def compute(
    records: LabelledExamples,
    network: Network,
    backbone: Backbone,
    *,
    positions: Mapping[str, NDArray[np.int64]],
    caching: Caching,
) -> SplitFeatures:
    """Return block 7's outputs in the centre view, computed once.

    Parameters
    ----------
    network : Network
        With the source's weights.
    positions : mapping of str to array of shape (n,)
        Which examples of each split.
    caching : Caching
        Where it is off, or there is no room, nothing is kept.

    Returns
    -------
    dict of str to (array of shape (n, d), array of shape (n,))
        Features and labels of each split.
    """
    filler = open_filler(
        records, network, backbone, positions=positions, caching=caching
    )
    problem: str | None = "it is off"
    if caching.mode != "off":
        problem = caches.room_problem(filler, caching) or caches.fill(
            filler, _FEATURE_BLOCK, caching
        )
        if problem:
            say(f"The source's features are not kept: {problem}.")
    read = filler.compute if problem else filler.read
    return {
        split: (read(images), images.labels(records))
        for split, images in zip(positions, filler.wanted, strict=True)
    }


def open_filler(
    records: LabelledExamples,
    network: Network,
    backbone: Backbone,
    *,
    positions: Mapping[str, NDArray[np.int64]],
    caching: Caching,
) -> Filler:
    """Find which features `compute` needs, and which are kept.

    Parameters
    ----------
    records, network, backbone, positions, caching
        As for `compute`.
    """
    wanted = [ImageSet.in_split(split, some) for split, some in positions.items()]
    return caches.open_filler(
        records,
        network,
        backbone,
        _FEATURE_BLOCK,
        wanted=wanted,
        caching=caching,
        dtype="float32",
    )
