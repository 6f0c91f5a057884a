"""Class probabilities for a split of the records."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.features.extraction import ROWS, Extractor
from kerastransfer.recipe import NUM_BLOCKS

_BATCH = 4 * ROWS


def centre_views(
    examples: pipeline.Examples,
    split: str,
    positions: NDArray[np.int64],
    preprocessing: Preprocessing,
) -> Iterable[tuple[tf.Tensor, tf.Tensor]]:
    """Give examples in order, in the view that evaluation uses.

    Parameters
    ----------
    examples : Examples
        Such as records.
    split : {'train', 'val', 'test'}
    positions : array of shape (n,)
        Which examples of the split.
    preprocessing : Preprocessing
        Of the network's backbone.
    """
    return pipeline.batches(
        examples,
        split,
        positions,
        np.broadcast_to(views.CENTRE, (len(positions), 3)),
        preprocessing,
        batch_size=_BATCH,
    )


def probabilities(
    network: Network,
    preprocessing: Preprocessing,
    batches: Iterable[tuple[tf.Tensor, tf.Tensor]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Classify images.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of the network's backbone.

    Returns
    -------
    probabilities : array of shape (n, classes)
    labels : array of shape (n,)
    """
    logits, labels = Extractor(network, preprocessing, last=NUM_BLOCKS)(batches)
    return softmax(logits), labels


def classify_features(
    network: Network, features: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Classify images from the output of block 7, which is known.

    Parameters
    ----------
    network : Network
        Only its block 8 is run.
    features : array of shape (n, d)

    Returns
    -------
    array of shape (n, classes)
        Probabilities.
    """
    logits = network.forward(tf.constant(features), first=NUM_BLOCKS).numpy()
    return softmax(logits)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn logits into probabilities, in float64 so that rows sum to one.

    Parameters
    ----------
    logits : array of shape (n, classes)

    Returns
    -------
    array of shape (n, classes)
    """
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
