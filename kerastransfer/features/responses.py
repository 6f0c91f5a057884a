"""A pretrained backbone's features of images, computed once."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.config.run_options import CACHE_LIMIT
from kerastransfer.features.fill import Filler
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.features.source_statistics import SAMPLE, SourceStatistics
from kerastransfer.foundation.home import features_home
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.report import say
from kerastransfer.recipe import NUM_BLOCKS

_LAST = NUM_BLOCKS - 1
_ROWS = 256  # that are held at once


def source_network(backbone: Backbone, weights: Mapping[str, NDArray[Any]]) -> Network:
    """Build a backbone as its source left it, up to the features.

    Parameters
    ----------
    weights : mapping of str to array
        As `kerastransfer.weights.store.load` gives them.

    Returns
    -------
    Network
        Block 8 is drawn at random.
    """
    network = backbone.build(backbone.source_classes, 0)
    for number in range(1, NUM_BLOCKS):
        network.assign(number, weights)
    return network


def responses(
    network: Network,
    backbone: Backbone,
    records: LabelledExamples,
    images: ImageSet,
    progress: OnProgress | None = None,
    *,
    last: int = _LAST,
) -> Iterator[NDArray[np.float32]]:
    """Yield a block's output for some images; what is known is not computed again.

    Outputs are kept in the cache that training and distances use too, unless there is
    no room.

    Parameters
    ----------
    network : Network
        With the source's weights.
    progress : callable, optional
        Told how many images are computed, and of how many.
    last : int
        The block, 1 to 7.

    Yields
    ------
    array of shape (k, ...)
        In the images' order.
    """
    filler = Filler.open(features_home(), records, network, backbone, last, [images])
    problem = filler.room_problem(CACHE_LIMIT) or _fill_problem(filler, progress)
    if not problem:
        yield from filler.stream_read(images)
        return
    say(f"Features are not kept: {problem}.")
    done = 0
    for outputs in filler.stream_compute(images):
        yield outputs
        done += len(outputs)
        if progress is not None:
            progress(done, len(images))


def _fill_problem(filler: Filler, progress: OnProgress | None) -> str:
    try:
        filler.fill(progress)
    except OSError as error:
        return f"they could not be written ({error.strerror or error})"
    return ""


def summarise(
    features: NDArray[np.float32],
    *,
    covariance: bool,
    names: Mapping[str, str],
    seed: int = 0,
) -> SourceStatistics:
    """Sum features up into source statistics.

    Parameters
    ----------
    features : array of shape (n, d)
        Two rows or more; may be mapped from a file.
    covariance : bool
        Whether to keep the covariance: d x d numbers.
    names : mapping of str to str
        `dataset`, `backbone` and `weights`, as `SourceStatistics` has them.
    seed : int
        Of the sample, 1,000 rows at most.
    """
    count, width = features.shape
    origin = np.asarray(features[0], np.float64)
    total, squares = np.zeros(width), np.zeros(width)
    products = np.zeros((width, width) if covariance else (0, 0))
    for start in range(0, count, _ROWS):
        rows = features[start : start + _ROWS] - origin
        total += rows.sum(axis=0)
        squares += np.einsum("ij,ij->j", rows, rows)
        if covariance:
            products += rows.T @ rows
    mean = total / count
    scatter = (squares.sum() - count * float(mean @ mean)) / (count - 1)
    if covariance:
        products -= count * np.outer(mean, mean)
        products /= count - 1
    sampled = np.random.default_rng(seed).permutation(count)[:SAMPLE]
    return SourceStatistics(
        mean=origin + mean,
        count=count,
        scatter=max(float(scatter), 0.0),
        covariance=products.astype(np.float32) if covariance else None,
        sample=np.array(features[np.sort(sampled)], np.float32),
        **names,
    )
