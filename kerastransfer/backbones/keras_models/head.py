"""Recognise the classifier at a Keras model's end, and the feature that it takes."""

import dataclasses
from typing import Any

import keras

from kerastransfer.backbones.keras_models.graph import made_by

# What may stand after a classifier without changing which class is the best.
_AFTER = (
    keras.layers.Activation,
    keras.layers.Softmax,
    keras.layers.Flatten,
    keras.layers.Reshape,
)
# Of KerasHub: one query that attends to all tokens.
_ATTENTION_POOLS = ("SigLIPMultiHeadAttentionPooling",)


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """A model's end.

    Parameters
    ----------
    feature : keras.KerasTensor
        What the classifier takes, before dropout; a model's output where it has none.
    classifier : keras.layers.Layer, optional
        A dense layer, or a convolution of 1 x 1 on one place; None where the model
        ends in features.
    dropout : float
        Rate of the dropout between both; 0 for none.
    tokens : keras.KerasTensor, optional
        Where the feature is an attention pool's, the tokens that it pools, none of
        which stands for the class.
    """

    feature: Any
    classifier: Any = None
    dropout: float = 0.0
    tokens: Any = None

    @property
    def num_classes(self) -> int | None:
        """Number of the classifier's classes; None without one."""
        return None if self.classifier is None else self.classifier.kernel.shape[-1]


def recognise(model: keras.Model) -> Head:
    """Find a model's classifier.

    Parameters
    ----------
    model : keras.Model
        A graph of single layers with one output.

    Examples
    --------
    >>> inputs = keras.Input((8, 8, 3))
    >>> pooled = keras.layers.GlobalAveragePooling2D(name="pool")(inputs)
    >>> outputs = keras.layers.Dense(5, "softmax", name="answers")(pooled)
    >>> head = recognise(keras.Model(inputs, outputs))
    >>> head.classifier.name, head.num_classes, head.feature.shape
    ('answers', 5, (None, 3))
    """
    tensor = model.outputs[0]
    layer, entry = _made_by(tensor)
    while isinstance(layer, _AFTER):
        layer, entry = _made_by(entry)
    if not _classifies(layer, entry):
        tokens = entry if is_attention_pool(layer) else None
        return Head(model.outputs[0], tokens=tokens)
    classifier, dropout = layer, 0.0
    below, before = _made_by(entry)
    while isinstance(below, keras.layers.Dropout | keras.layers.Flatten):
        if isinstance(below, keras.layers.Dropout):
            dropout = below.rate
        elif not _one_place(before):
            break  # the flattening is part of the feature
        entry = before
        below, before = _made_by(entry)
    return Head(entry, classifier, dropout)


def is_attention_pool(layer: object) -> bool:
    """Whether a layer makes one vector of tokens by attending to them."""
    kind = type(layer)
    of_hub = kind.__module__.split(".")[0] == "keras_hub"
    return of_hub and kind.__name__ in _ATTENTION_POOLS


def _made_by(tensor: Any) -> tuple[Any, Any]:
    """Return the operation that made a tensor, and its only input, else None."""
    operation, entries = made_by(tensor)
    return operation, entries[0] if len(entries) == 1 else None


def _classifies(layer: Any, entry: Any) -> bool:
    if isinstance(layer, keras.layers.Dense):
        return len(entry.shape) == 2
    one_by_one = isinstance(layer, keras.layers.Conv2D) and layer.groups == 1
    return one_by_one and layer.kernel_size == (1, 1) and _one_place(entry)


def _one_place(tensor: Any) -> bool:
    return len(tensor.shape) == 4 and tuple(tensor.shape[1:3]) == (1, 1)
