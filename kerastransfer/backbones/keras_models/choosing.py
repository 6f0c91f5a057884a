"""Choose where to cut a model into blocks of about equal weights and computation."""

from collections.abc import Sequence

import keras
import numpy as np

from kerastransfer.backbones.keras_models import counting
from kerastransfer.backbones.keras_models.graph import Bottleneck

# What belongs to the layer before it.
_CONTINUING = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)


def costs(start: object, places: Sequence[Bottleneck], end: object) -> list[float]:
    """Return what lies before each place, as a fraction of what lies before the end.

    Weights and multiplications count for one half each.

    Parameters
    ----------
    start, end : keras.KerasTensor
        The normalised images and the feature.
    """
    whole = _amounts(start, end)
    return [
        float(
            np.mean(
                [
                    part / max(total, 1)
                    for part, total in zip(amounts, whole, strict=True)
                ]
            )
        )
        for amounts in (_amounts(start, place.tensor) for place in places)
    ]


def at_ends(places: Sequence[Bottleneck]) -> list[Bottleneck]:
    """Leave out places between a convolution, its normalisation and its activation."""
    return [
        place
        for place in places
        if not any(isinstance(taker, _CONTINUING) for taker in place.takers)
    ]


def _amounts(start: object, end: object) -> tuple[int, int]:
    part = keras.Model(start, end)
    return part.count_params(), counting.multiply_adds(part)


def choose(costs: Sequence[float], count: int) -> list[int]:
    """Choose places so that the parts between them are as equal as can be.

    Parameters
    ----------
    costs : sequence of float
        What lies before each place, as a fraction; not falling.
    count : int
        How many to choose; no more than there are.

    Returns
    -------
    list of int
        Indices, rising. Of places with the same before them the last is taken.

    Examples
    --------
    >>> choose([0.1, 0.3, 0.34, 0.5, 0.9], 2)
    [2, 3]
    """
    ends = [
        i for i, cost in enumerate(costs) if i + 1 == len(costs) or cost < costs[i + 1]
    ]
    usable = ends if len(ends) >= count else [*range(len(costs))]
    part = 1 / (count + 1)
    # best[k][j]: the least sum of squared differences with the k-th cut at usable[j].
    values = np.array([costs[i] for i in usable])
    best = [(values - part) ** 2]
    back: list[np.ndarray] = []
    for _ in range(1, count):
        step = (values[np.newaxis] - values[:, np.newaxis] - part) ** 2
        step[np.tril_indices(len(values))] = np.inf  # the next lies after this one
        total = best[-1][:, np.newaxis] + step
        back.append(total.argmin(axis=0))
        best.append(total.min(axis=0))
    last = best[-1] + (1 - values - part) ** 2
    chosen = [int(last.argmin())]
    for pointers in reversed(back):
        chosen.append(int(pointers[chosen[-1]]))
    return [usable[j] for j in reversed(chosen)]
