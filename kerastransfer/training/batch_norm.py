"""Batch-normalisation statistics of re-drawn and adapted blocks, as plain averages.

A moving average with momentum 0.99 needs hundreds of steps to forget where it started;
a run on few images has fewer, and would be evaluated on statistics that belong to no
network it ever was. So before each evaluation they are computed anew [1]_.

References
----------
.. [1] Y. Wu, J. Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3.1.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

from kerastransfer.backbones.keras_models.graph import layers_within
from kerastransfer.backbones.network import Network
from kerastransfer.surgery import BlockPlan
from kerastransfer.training.batches import Batch

# Statistics of a layer with a million inputs an image are known well enough by then.
_ENOUGH_IMAGES = 4096


def moving_layers(
    network: Network, plans: tuple[BlockPlan, ...]
) -> list[keras.layers.BatchNormalization]:
    """List the batch norms that a phase trains on batch statistics."""
    return [
        layer
        for block, plan in zip(network.blocks, plans, strict=True)
        if plan.training
        for layer in layers_within(block)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def recompute(
    layers: list[keras.layers.BatchNormalization],
    forward: Callable[[tf.Tensor], tf.Tensor],
    batches: Iterable[Batch],
) -> None:
    """Set moving statistics to plain averages over images.

    Parameters
    ----------
    layers : list of keras.layers.BatchNormalization
        The layers whose statistics to set.
    forward : callable
        Runs a batch through the network with these layers in training mode. It must be
        traced within `capturing`.
    batches : iterable of Batch
        Whole batches of training views, of which the first are read until their images
        suffice. A layer's mean is the average over all of these, each image counting
        once; its variance is that of all of them about that mean.
    """
    total = 0
    sums = [np.zeros(layer.moving_mean.shape) for layer in layers]
    squares = [np.zeros(layer.moving_mean.shape) for layer in layers]
    for batch in batches:
        (share,) = batch.shares
        forward(share.inputs)
        count = batch.size
        total += count
        for i, layer in enumerate(layers):
            mean = layer.moving_mean.numpy().astype(np.float64)
            sums[i] += count * mean
            squares[i] += count * (layer.moving_variance.numpy() + mean**2)
        if total >= _ENOUGH_IMAGES:
            break
    for layer, first, second in zip(layers, sums, squares, strict=True):
        mean = first / total
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(np.maximum(second / total - mean**2, 0.0))


@contextlib.contextmanager
def capturing(layers: list[keras.layers.BatchNormalization]) -> Iterator[None]:
    """Set momentum to 0, so that moving statistics become those of the last batch.

    Momentum is read when a graph is traced.
    """
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
