r"""The mean response to the source's images, from the weights alone.

A batch norm leaves channel i with mean :math:`\beta_i` and standard deviation
:math:`|\gamma_i|` over the images and places it was trained on. Where a ReLU or ReLU6
follows and nothing but a mean over places after it, and the channel is about normal,
the mean response is that of a clipped normal variable.

It fails where the channel is far from normal (sparse channels have a long upper tail,
which the ceiling of ReLU6 cuts), where the moving statistics are not those of the
source's images (weights averaged over training, augmentation that the features do not
see), and it says nothing of spread: what it gives is a point, without an interval.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.special

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.errors import InputError
from kerastransfer.features.source_statistics import SourceStatistics
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.network import Network

_FEATURES = 7  # the block whose output the features are


def available(backbone: Backbone) -> bool:
    """Return whether block 7 holds a batch norm at all; looks at facts only."""
    return backbone.blocks[_FEATURES - 1].batch_norms > 0


def check_available(backbone: Backbone) -> None:
    """Refuse a backbone whose weights do not tell its mean response.

    Raises
    ------
    InputError
        The message says how to come by source statistics otherwise.
    """
    if not available(backbone):
        raise InputError(_otherwise(backbone.name, "block 7 has no batch norm"))


def clipped_normal_mean(
    mean: npt.ArrayLike, deviation: npt.ArrayLike, ceiling: float = math.inf
) -> npt.NDArray[np.float64]:
    r"""Return E[min(max(X, 0), c)] for X normal.

    Parameters
    ----------
    mean, deviation : array_like of shape (d,)
        Of X; deviations are 0 or more.
    ceiling : float
        c: 6 for ReLU6, infinity for ReLU.

    Returns
    -------
    array of shape (d,), float64
        In the unit of `mean`.

    Notes
    -----
    With :math:`a = -\mu/\sigma`, :math:`t = (c - \mu)/\sigma`:
    :math:`\mu(\Phi(t) - \Phi(a)) + \sigma(\phi(a) - \phi(t)) + c(1 - \Phi(t))`.
    """
    mu, sigma = np.broadcast_arrays(
        np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
    )
    safe = np.where(sigma > 0, sigma, 1.0)
    low = -mu / safe
    high = (ceiling - mu) / safe
    inside = mu * (scipy.special.ndtr(high) - scipy.special.ndtr(low))
    inside += safe * (_density(low) - _density(high))
    if math.isfinite(ceiling):
        inside += ceiling * scipy.special.ndtr(-high)
    return np.where(sigma > 0, inside, np.clip(mu, 0, ceiling))


def from_weights(
    network: "Network", backbone: Backbone, weights: str
) -> SourceStatistics:
    """Return the mean response to the images that a network was trained on.

    Parameters
    ----------
    network : Network
        With the source's weights in block 7.
    backbone : Backbone
        Its facts.
    weights : str
        SHA-256 of the weights' file.

    Returns
    -------
    SourceStatistics
        Without a count, a scatter or a sample.

    Raises
    ------
    InputError
        If block 7 does not end in a batch norm, a ReLU and a mean over places.
    """
    mean = expected_response(network.blocks[_FEATURES - 1], backbone.name)
    return SourceStatistics(
        mean=mean,
        count=None,
        scatter=0.0,
        dataset=backbone.source,
        backbone=backbone.name,
        weights=weights,
    )


def expected_response(block: "keras.Model", name: str) -> npt.NDArray[np.float64]:
    """Return a block's expected output over the images that set its last batch norm.

    Parameters
    ----------
    block : keras.Model
        Ends in a batch norm, a ReLU and, where it is spatial, a mean over places.
    name : str
        Of the backbone, for the message.

    Returns
    -------
    array of shape (d,), float64

    Raises
    ------
    InputError
        If it ends otherwise.
    """
    import keras

    layers = list(block.layers)
    if isinstance(layers[-1], keras.layers.GlobalAveragePooling2D):
        layers.pop()
    ceiling = _ceiling(layers[-1])
    norm = layers[-2] if len(layers) > 1 else None
    if ceiling is None or not isinstance(norm, keras.layers.BatchNormalization):
        reason = "block 7 does not end in a batch norm, a ReLU and a mean"
        raise InputError(_otherwise(name, reason))
    values = {v.name: v.numpy().astype(np.float64) for v in norm.weights}
    variance = values["moving_variance"]
    # What epsilon takes from the deviation shows in channels that hardly vary.
    kept = np.sqrt(variance / (variance + norm.epsilon))
    deviation = np.abs(values.get("gamma", 1.0)) * kept
    beta = values.get("beta", np.zeros_like(deviation))
    return clipped_normal_mean(beta, deviation, ceiling)


def _ceiling(layer: "keras.layers.Layer") -> float | None:
    """Return where a ReLU ends; None for another layer."""
    import keras

    plain = isinstance(layer, keras.layers.ReLU)
    if not plain or layer.negative_slope or layer.threshold:
        return None
    return math.inf if layer.max_value is None else float(layer.max_value)


def _density(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


def _otherwise(name: str, reason: str) -> str:
    return (
        f"The weights of {quoted(name)} do not tell its mean response to the source "
        f"({reason}); name source images with --source DATASET, or a file made by "
        "'kerastransfer features --dataset D --save-statistics FILE' with "
        "--source-features FILE."
    )
