"""Which variable of a network each array of a file that Keras saved belongs to.

Imports no TensorFlow: a layout is text and numbers, which can be kept.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kerastransfer.backbones.porting import Ported, Shape, check_shape, some
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

if TYPE_CHECKING:
    import keras

    from kerastransfer.backbones.keras_models.head import Head
    from kerastransfer.backbones.network import Network

CLASSIFIER = "classifier"
_NUMBERED = re.compile(r"(.+?)(?:_([0-9]+))?")
_HEAD = tuple(f"{CLASSIFIER}/{name}" for name in ("kernel", "bias"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedLayout:
    """How Keras orders the weights of a model, and what a network calls them.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        Of the network's variables ``<layer>/<variable>``, the classifier's last.
    leaves : dict of str to tuple of str
        By layer that holds no others, its variables in Keras's order; empty texts for
        what is no part of the network, such as a normalisation of pixels.
    ordered : tuple of str
        All of them in the order of a file of Keras 2.
    """

    shapes: dict[str, Shape]
    leaves: dict[str, tuple[str, ...]]
    ordered: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Return what `as_dict` gave, perhaps through JSON.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If it is something else.
        """
        layout = cls(
            shapes={name: _shape(each) for name, each in value["shapes"].items()},
            leaves={name: _texts(each) for name, each in value["leaves"].items()},
            ordered=_texts(value["ordered"]),
        )
        if [*layout.shapes][-2:] != [*_HEAD] or layout.leaves[CLASSIFIER] != _HEAD:
            raise ValueError("it ends in no classifier")
        return layout

    def from_named(self, arrays: Mapping[str, np.ndarray]) -> Ported:
        """Port arrays ``<layer>/<place or name>``, each layer's in Keras's order."""
        layers: dict[str, list[np.ndarray]] = {}
        for name, array in arrays.items():
            layers.setdefault(name.rpartition("/")[0], []).append(array)
        ours = _counterparts(layers, self.leaves)
        weights: dict[str, np.ndarray] = {}
        skipped = []
        for theirs, values in layers.items():
            layer = ours.get(theirs)
            if layer is None:
                skipped.append(theirs)
                continue
            names = self.leaves[layer]
            if len(names) != len(values):
                raise WeightsError(
                    f"The weights do not fit: layer {quoted(theirs)} has {len(values)} "
                    f"arrays, and the network's {len(names)}."
                )
            weights.update(zip(names, values, strict=True))
        weights.pop("", None)
        return Ported(weights=self._with_head(weights), skipped=tuple(skipped))

    def from_ordered(self, layers: Mapping[str, Sequence[np.ndarray]]) -> Ported:
        """Port the layers of a file of Keras 2, which go by their order."""
        arrays = [array for values in layers.values() for array in values]
        without_head = tuple(name for name in self.ordered if name not in _HEAD)
        for names in (self.ordered, without_head):
            if len(names) == len(arrays):
                weights = dict(zip(names, arrays, strict=True))
                weights.pop("", None)
                return Ported(weights=self._with_head(weights))
        raise WeightsError(
            f"The weights do not fit: the file has {len(arrays)} arrays in layers "
            f"{some([*layers])}, and the network {len(self.ordered)} "
            f"({len(without_head)} without its classifier)."
        )

    def _with_head(self, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Bring a classifier that is a convolution into the form of a dense layer."""
        kernel, bias = _HEAD
        if kernel not in weights:
            return weights
        array = weights[kernel]
        if array.ndim == 4 and array.shape[:2] == (1, 1):
            weights[kernel] = array = array.reshape(array.shape[2:])
        features = self.shapes[kernel][0]
        check_shape(kernel, array.shape, (features, *array.shape[1:]))
        weights.setdefault(bias, np.zeros(array.shape[-1], np.float32))
        return weights


def _shape(value: Any) -> Shape:
    if not all(type(size) is int and size >= 0 for size in value):
        raise ValueError("a shape that is none")
    return tuple(value)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise TypeError("names that are none")
    return tuple(value)


def unnumbered(name: str) -> tuple[str, int]:
    """Take the number off a layer's name.

    >>> unnumbered("conv2d_12"), unnumbered("conv2d")
    (('conv2d', 12), ('conv2d', 0))
    """
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2] or 0)) if match else (name, 0)


def _counterparts(theirs: Iterable[str], ours: Iterable[str]) -> dict[str, str]:
    """Say which layer of ours each of a file's is.

    Layers without a name of their own have numbers that depend on what the program had
    made before; of each kind they are matched in their order.
    """
    own, rest = {*ours}, [name for name in theirs]
    same = {name: name for name in rest if name in own}
    for kind, mine in _by_kind(own).items():
        others = _by_kind(rest).get(kind, [])
        if len(mine) == len(others) > 0:
            same.update(zip(others, mine, strict=True))
    return same


def _by_kind(names: Iterable[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        kind, number = unnumbered(name)
        kinds.setdefault(kind, []).append((number, name))
    return {
        kind: [name for _, name in sorted(numbered)]
        for kind, numbered in kinds.items()
        if kind in _KINDS
    }


# What Keras calls layers with weights that have no name of their own.
_KINDS = frozenset(
    (
        "batch_normalization",
        "conv2d",
        "dense",
        "depthwise_conv2d",
        "layer_normalization",
        "normalization",
        "separable_conv2d",
    )
)


def of_network(
    model: "keras.Model", original: "keras.Model", head: "Head", network: "Network"
) -> SavedLayout:
    """Describe how Keras saves a model that was cut into a network.

    Parameters
    ----------
    model : keras.Model
        The graph of single layers that was cut.
    original : keras.Model
        The model as it was made, perhaps with models inside.
    head : Head
        Of `model`.
    """
    names: dict[int, str] = {}
    shapes: dict[str, Shape] = {}
    for number in range(1, NUM_BLOCKS + 1):
        for name, variable in network.variables(number).items():
            names[id(variable)] = name
            shapes[name] = tuple(variable.shape)
    if head.classifier is not None:
        names.update(
            (id(variable), f"{CLASSIFIER}/{variable.name}")
            for variable in head.classifier.weights
        )
    leaves = {
        layer.name: tuple(names.get(id(weight), "") for weight in layer.weights)
        for layer in model.layers
        if layer.weights
    }
    leaves[CLASSIFIER] = _HEAD
    ordered = [names.get(id(weight), "") for weight in _in_order(original)]
    return SavedLayout(shapes=shapes, leaves=leaves, ordered=tuple(ordered))


def _in_order(model: "keras.Model") -> "Iterator[keras.Variable]":
    for layer in model.layers:
        yield from layer.trainable_weights
        yield from layer.non_trainable_weights
