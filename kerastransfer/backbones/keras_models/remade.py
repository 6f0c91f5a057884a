"""A model made again of the same layers, with other weights or the same, in float32.

Caches, validation, the test and exports are float32 for every network, and weights are
kept in it; ``--precision`` says in what steps of training compute. So a model that was
saved in half precision is taken in float32.
"""

import sys
from types import FunctionType
from typing import Any

import keras
import numpy as np

from kerastransfer.backbones.keras_models import graph
from kerastransfer.backbones.keras_models.origins import archive

_FLOAT32 = "float32"
_OTHERS = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
_POLICIES = ("DTypePolicy", "FloatDTypePolicy", "DTypePolicyMap")


def precisions(model: keras.Model) -> tuple[str, ...]:
    """Name the policies of a model's layers, float32 left aside.

    Examples
    --------
    >>> inputs = keras.Input((4,))
    >>> precisions(keras.Model(inputs, keras.layers.Dense(3)(inputs)))
    ()
    """
    names = {layer.dtype_policy.name for layer in graph.layers_within(model)}
    return tuple(sorted(names - {_FLOAT32}))


def quantized(model: keras.Model) -> bool:
    """Whether a layer has weights in whole numbers, of which none can be tuned."""
    policies = [layer.dtype_policy for layer in graph.layers_within(model)]
    return any(policy.quantization_mode is not None for policy in policies)


def drawn(model: keras.Model, *, own_code: bool = False) -> keras.Model:
    """Make a model of the same layers, in float32, with weights drawn anew.

    Parameters
    ----------
    own_code : bool
        Whether its layers may be of any module that this process imported.
    """
    config = _to_draw(model.get_config())
    objects = _objects(model, config) if own_code else {}
    with keras.saving.custom_object_scope(objects):
        made = type(model).from_config(config)
    if not made.built:
        made.build(model.input_shape)
    thaw(made)
    _keep_statistics(made, model)
    return made


def thaw(model: keras.Model) -> None:
    """Let all layers of a model be trained that can: which of them are, recipes say.

    A base that was saved frozen would stay so. What a layer never trains, such as
    moving statistics, it goes on leaving alone.

    Examples
    --------
    >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> base.trainable = False
    >>> model = keras.Sequential([base])
    >>> thaw(model)
    >>> len(model.trainable_variables)
    2
    """
    for layer in graph.layers_within(model):
        layer.trainable = True  # one by one: a model that is so passes nothing on


def copied(model: keras.Model, *, own_code: bool = False) -> keras.Model:
    """Make a model of the same layers and weights, in float32.

    Parameters
    ----------
    own_code : bool
        As for `drawn`.
    """
    copy = drawn(model, own_code=own_code)
    _take_weights(copy, model)
    finalize(copy)
    return copy


def _take_weights(made: Any, model: Any) -> None:
    """Assign the weights of a model or layer to another of the same shapes."""
    for ours, theirs in zip(made.weights, model.weights, strict=True):
        ours.assign(np.asarray(theirs.value).astype(ours.dtype))


def finalize(model: keras.Model) -> None:
    """Let layers go by the statistics that they were assigned.

    Keras's Normalization keeps what it computed of those that it had.
    """
    for layer in _normalizations(model):
        layer.finalize_state()


def _keep_statistics(made: keras.Model, model: keras.Model) -> None:
    """Normalise as before: what was read off data is not drawn, nor trained later."""
    for ours, theirs in zip(_normalizations(made), _normalizations(model), strict=True):
        _take_weights(ours, theirs)
    finalize(made)


def _normalizations(model: keras.Model) -> list[Any]:
    kind = keras.layers.Normalization
    return [layer for layer in graph.layers_within(model) if isinstance(layer, kind)]


def _to_draw(value: Any) -> Any:
    """Let every layer of a description have the policy float32 and take a new seed."""
    if isinstance(value, dict):
        if value.get("class_name") in _POLICIES:
            return _FLOAT32
        return {key: _entry(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_to_draw(inner) for inner in value)
    return value


def _entry(key: str, value: Any) -> Any:
    if key == "seed":
        return None
    return _FLOAT32 if key == "dtype" and value in _OTHERS else _to_draw(value)


def _objects(model: keras.Model, config: Any) -> dict[str, Any]:
    """Return the classes and functions that a model's description refers to by name."""
    own: list[Any] = []
    for layer in graph.layers_within(model):
        # Keras writes functions, such as an activation, down without their module.
        functions = [x for x in vars(layer).values() if isinstance(x, FunctionType)]
        own += [type(layer), *functions]
    for entry in archive.described(config):  # initialisers, regularisers
        module = sys.modules.get(str(entry.get("module")))
        own.append(getattr(module, entry["class_name"], None))
    own = [each for each in own if hasattr(each, "__name__") and not _is_keras(each)]
    return {
        name: each
        for each in own
        for name in (each.__name__, keras.saving.get_registered_name(each))
    }


def _is_keras(value: Any) -> bool:
    return str(value.__module__).split(".")[0] == "keras"
