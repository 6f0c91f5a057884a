r"""The mean response to the source's images, from the weights alone.

A batch norm leaves channel i with mean :math:`\beta_i` and standard deviation
:math:`|\gamma_i|` over the images and places it was trained on. Where an activation
follows and nothing but a mean over places after it, and the channel is about normal,
the mean response is the activation's mean over a normal variable: for ReLU and ReLU6
that of a clipped one, for others (swish, hard swish, GELU) a sum at the nodes of
Gauss and Hermite. Branches that are joined side by side are taken one by one. A sum of
branches is not: what becomes of it depends on how they vary together.

It fails where the channel is far from normal (sparse channels have a long upper tail,
which the ceiling of ReLU6 cuts), where the moving statistics are not those of the
source's images (weights averaged over training, augmentation that the features do not
see), and it says nothing of spread: what it gives is a point, without an interval.
"""

import math
from typing import TYPE_CHECKING, Any

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

_NODES = 64  # of Gauss and Hermite: more change nothing that float32 shows
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
        If block 7 does not end in a batch norm, an activation and a mean over places.
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
        Ends in a batch norm, an activation and, where it is spatial, a mean over
        places; or in several such branches side by side.
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
    mean = _mean_of(block.outputs[0])
    if mean is None:
        reason = "block 7 does not end in a batch norm, an activation and a mean"
        raise InputError(_otherwise(name, reason))
    return mean


def _mean_of(tensor: Any) -> npt.NDArray[np.float64] | None:
    """Return a tensor's expected value in each channel; None where that is unknown."""
    import keras

    from kerastransfer.backbones.keras_models.graph import made_by

    layer, entries = made_by(tensor)
    if isinstance(layer, keras.layers.BatchNormalization):
        return _moments(layer)[0]
    averages = isinstance(
        layer, keras.layers.GlobalAveragePooling2D | keras.layers.Flatten
    )
    if averages and len(entries) == 1:
        places = entries[0].shape[1:-1]
        if isinstance(layer, keras.layers.Flatten) and math.prod(places) != 1:
            return None
        return _mean_of(entries[0])
    if isinstance(layer, keras.layers.Concatenate):
        parts = [_mean_of(entry) for entry in entries]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None
    if not isinstance(layer, keras.layers.ReLU | keras.layers.Activation):
        return None
    norm, _ = made_by(entries[0])
    if not isinstance(norm, keras.layers.BatchNormalization):
        return None
    return _after(layer, *_moments(norm))


def _moments(
    norm: "keras.layers.BatchNormalization",
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean and the deviation that a batch norm leaves each channel with."""
    values = {v.name: v.numpy().astype(np.float64) for v in norm.weights}
    variance = values["moving_variance"]
    # What epsilon takes from the deviation shows in channels that hardly vary.
    kept = np.sqrt(variance / (variance + norm.epsilon))
    deviation = np.abs(values.get("gamma", 1.0)) * kept
    return values.get("beta", np.zeros_like(deviation)), deviation


def _after(
    layer: "keras.layers.Layer",
    mean: npt.NDArray[np.float64],
    deviation: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the mean of an activation of normal channels."""
    ceiling = _ceiling(layer)
    if ceiling is not None:
        return clipped_normal_mean(mean, deviation, ceiling)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    points = mean + deviation * nodes[:, np.newaxis]
    values = np.asarray(layer(points.astype(np.float32)), np.float64)
    return np.asarray(weights @ values / math.sqrt(2 * math.pi))


def _ceiling(layer: "keras.layers.Layer") -> float | None:
    """Return where a ReLU ends; None for another layer."""
    import keras

    if isinstance(layer, keras.layers.Activation):
        names = {keras.activations.relu: math.inf, keras.activations.relu6: 6.0}
        return names.get(layer.activation)
    if layer.negative_slope or layer.threshold:
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
