"""Cut a Keras model into eight blocks and give it a new classifier."""

from collections.abc import Sequence
from typing import Any

import keras

from kerastransfer.backbones.keras_models.head import Head
from kerastransfer.backbones.keras_models.layout import CLASSIFIER
from kerastransfer.backbones.network import Network, seed_of
from kerastransfer.backbones.spec import FEATURES
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS


def cut(
    tensors: Sequence[Any],
    head: Head,
    num_classes: int,
    seed: int,
    feature: str = "",
) -> Network:
    """Make a network of the graph between tensors.

    Parameters
    ----------
    tensors : sequence of keras.KerasTensor, of length 7
        What blocks 1 to 7 take: the normalised images first.
    head : Head
        Block 7 ends in its feature, pooled over places where there are several.
    num_classes : int
        Size of the new classifier.
    seed : int
        Of the new classifier's weights.
    feature : str
        As of `as_vector`.

    Returns
    -------
    Network
        Blocks 1 to 7 have the weights that their layers have.
    """
    ends = [*tensors[1:], as_vector(head, feature)]
    blocks = [
        keras.Model(start, end, name=f"block{number}")
        for number, (start, end) in enumerate(zip(tensors, ends, strict=True), start=1)
    ]
    features = int(ends[-1].shape[-1])
    blocks.append(_classifier(features, head.dropout, num_classes, seed))
    return Network(tuple(blocks))


def as_vector(head: Head, feature: str = "") -> Any:
    """Make a vector of what has places or tokens: a tensor of shape (None, d).

    Parameters
    ----------
    feature : {'', 'class', 'mean', 'both'}
        Of tokens: the first, which stands for the class; the mean of the others; or
        both one behind the other. By default the mean of all. Where an attention pool
        stands for the class, there is no such token, and the mean is that of all.
    """
    tensor = head.feature
    if len(tensor.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="feature_pool")(tensor)
    if len(tensor.shape) == 2 and head.tokens is None:
        return tensor
    if head.tokens is not None:
        for_class, others = tensor, head.tokens
    elif feature:
        for_class, others = tensor[:, 0], tensor[:, 1:]
    else:
        for_class, others, feature = None, tensor, "mean"
    if feature in ("", "class"):
        return for_class
    mean = keras.layers.GlobalAveragePooling1D(name="feature_pool")(others)
    if feature == "mean":
        return mean
    if feature == "both":
        return keras.layers.Concatenate(name="feature_both")([for_class, mean])
    raise ValueError(f"Expected one of {FEATURES}, got {quoted(feature)}.")


def last_tensor(head: Head, feature: str) -> Any:
    """Return the single tensor that all of a feature is computed from."""
    return head.feature if head.tokens is None or feature == "class" else head.tokens


def _classifier(
    features: int, dropout: float, num_classes: int, seed: int
) -> keras.Model:
    inputs = x = keras.Input((features,))
    if dropout:
        x = keras.layers.Dropout(
            dropout, seed=seed_of(seed, "dropout"), name="dropout"
        )(x)
    x = keras.layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.RandomNormal(
            stddev=0.01, seed=seed_of(seed, CLASSIFIER)
        ),
        name=CLASSIFIER,
    )(x)
    return keras.Model(inputs, x, name=f"block{NUM_BLOCKS}")
