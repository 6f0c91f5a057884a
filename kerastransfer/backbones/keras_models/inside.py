"""The preprocessing that a Keras model begins with: where it ends, what it computes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.keras_models.graph import Bottleneck

_ARITHMETIC = (keras.layers.Rescaling, keras.layers.Normalization)
# They change nothing once the model is used; views and flips are chosen elsewhere.
_AUGMENTING = (
    keras.layers.RandomBrightness,
    keras.layers.RandomContrast,
    keras.layers.RandomCrop,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
)
_SIZING = (keras.layers.Resizing, keras.layers.CenterCrop)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a model does to its images before its first trained layer.

    Parameters
    ----------
    tensor : keras.KerasTensor
        The normalised images.
    layers : tuple of str
        Names of the layers that come before; empty for none.
    mean, scale : array of shape (3,), float64
        They compute (pixel - mean) / scale.
    size : int, optional
        Side in pixels to which a layer among them resizes or crops.
    place : int
        How many bottlenecks lie before `tensor`.
    """

    tensor: Any
    layers: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    size: int | None
    place: int


def find(places: Sequence[Bottleneck]) -> Inside:
    """Find the preprocessing that a model begins with.

    Parameters
    ----------
    places : sequence of Bottleneck
        The model's, its input first.
    """
    factor, offset = np.ones(3), np.zeros(3)
    names: list[str] = []
    size = None
    for place in places[1:]:
        layer = place.tensor._keras_history.operation
        if isinstance(layer, _SIZING):
            size = int(layer.height)
        elif isinstance(layer, _ARITHMETIC):
            times, plus = _as_line(layer)
            factor, offset = factor * times, offset * times + plus
        elif not isinstance(layer, _AUGMENTING):
            break
        names.append(place.layer)
    return Inside(
        tensor=places[len(names)].tensor,
        layers=tuple(names),
        mean=-offset / factor,
        scale=1 / factor,
        size=size,
        place=len(names),
    )


def _as_line(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a layer multiplies each channel by, and what it adds.

    They are asked of the layer, by two images of one colour.
    """
    black, white = (
        keras.ops.convert_to_numpy(layer(np.full((1, 1, 1, 3), level, np.float32)))
        for level in (0.0, 255.0)
    )
    plus = black.reshape(3).astype(np.float64)
    return (white.reshape(3).astype(np.float64) - plus) / 255.0, plus
