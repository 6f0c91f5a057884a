"""A Keras model as a graph: nested models unfolded, and where one tensor carries all.

Keras's public interface gives the layers of a model but not which tensors a graph's
steps take, so three private parts are used: the nodes by depth, the walk through them,
and the rule by which layers without a name are called.
"""

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras.src.utils.naming import to_snake_case

from kerastransfer.backbones.keras_models.layout import unnumbered

_IMAGES = "images"


@dataclasses.dataclass(frozen=True, slots=True)
class Bottleneck:
    """A place where a single tensor carries all that follows.

    Parameters
    ----------
    layer : str
        Name of the layer whose output it is.
    tensor : keras.KerasTensor
        That output.
    takers : tuple of keras.layers.Layer
        What takes it.
    """

    layer: str
    tensor: Any
    takers: tuple[Any, ...] = ()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let all layers that are made here draw their weights from one seed.

    An initialiser without a seed of its own takes one from Python's ``random``, whose
    state is put back afterwards.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def unfolded(model: keras.Model, size: int | None = None) -> keras.Model:
    """Return a model of the same layers without models inside.

    Parameters
    ----------
    model : keras.Model
        A functional or sequential one, of one input and one output.
    size : int, optional
        Side of its images in pixels; by default as the model has it.

    Returns
    -------
    keras.Model
        A graph of single layers, which share their weights with `model`. A mode that
        was fixed in the graph (``base(x, training=False)``) is left out, for recipes
        decide it. Layers of one name in different models get names of their own, in
        `model` too.
    """
    _tell_apart(model)
    images = model.inputs[0]
    shape = images.shape[1:] if size is None else (size, size, images.shape[-1])
    inputs = keras.Input(shape, dtype=images.dtype, name=_IMAGES)
    return keras.Model(inputs, _through(model, inputs), name=model.name)


def _tell_apart(model: keras.Model) -> None:
    """Rename layers of one name in different models, which one graph cannot hold.

    The outer model's keep theirs. The names follow from the models alone, so what was
    drawn anew of the same layers has the same. They are not numbered as Keras does:
    files whose layers go by these numbers would be taken in another order.
    """
    operations = _single_operations(model)
    taken, clashing = {_IMAGES}, []
    for operation in operations:
        if operation.name in taken:
            clashing.append(operation)
        taken.add(operation.name)
    for operation in clashing:
        plain = name = f"{operation.name}_inner"
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        operation.name = name
        taken.add(operation.name)


def _single_operations(model: keras.Model) -> list[Any]:
    """List what a graph is unfolded into, the outer models' before the inner ones'."""
    level, listed = [model], {}
    while level:
        inner = []
        for outer in level:
            graph = outer._functional if isinstance(outer, keras.Sequential) else outer
            for operation in graph.operations:
                if is_graph(operation):
                    inner.append(operation)
                elif not isinstance(operation, keras.layers.InputLayer):
                    listed[id(operation)] = operation
        level = inner
    return [*listed.values()]


def _through(model: keras.Model, inputs: Any) -> Any:
    """Apply a model's layers one by one."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(inputs, operation_fn=_single)


def _single(operation: Any) -> Callable[..., Any]:
    def apply(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("training", None)
        if is_graph(operation):
            return _through(operation, args[0])
        unfold = _COMPOSED.get(type(operation).__name__)
        if unfold and type(operation).__module__.split(".")[0] == "keras_hub":
            return unfold(operation, args[0])
        return operation(*args, **kwargs)

    return apply


def _vit_encoder(encoder: Any, x: Any) -> Any:
    """Apply the layers of KerasHub's ViTEncoder one by one."""
    x = encoder.dropout(x)
    for layer in encoder.encoder_layers:
        x = layer(x)
    return encoder.layer_norm(x)


def _dinov2_encoder(encoder: Any, x: Any) -> Any:
    """Apply the layers of KerasHub's DINOV2Encoder; return all outputs, as it does."""
    pyramid = {}
    for number, layer in enumerate(encoder.layers, start=1):
        x = pyramid[f"stage{number}"] = layer(x)
    return x, pyramid


def _as_it_calls(layer: Any, x: Any) -> Any:
    """Apply the layers that a layer of KerasHub holds, as its own code does."""
    return layer.call(x)


def _siglip_embedding(layer: Any, x: Any) -> Any:
    """Apply an embedding whose shape KerasHub counts with a class token it has not."""

    def shape(input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], layer.num_positions, layer.hidden_dim)

    layer.compute_output_shape = shape
    return layer(x)


# Layers that a graph shows as one and that hold others, or say a wrong shape.
_COMPOSED = {
    "ViTEncoder": _vit_encoder,
    "DINOV2Encoder": _dinov2_encoder,
    "SigLIPVisionEmbedding": _siglip_embedding,
    # of EfficientNet; batch norms are frozen and counted one by one
    "CBABlock": _as_it_calls,
    "FusedMBConvBlock": _as_it_calls,
    "MBConvBlock": _as_it_calls,
}


def layers_within(model: keras.Model) -> list[keras.layers.Layer]:
    """List a model's layers, and those that they hold in turn."""
    return [
        layer
        for outer in model.layers
        for layer in outer._flatten_layers(include_self=True, recursive=True)
    ]


def is_graph(layer: object) -> bool:
    """Whether a layer is a model whose layers can be walked through."""
    if isinstance(layer, keras.Sequential):
        return layer._functional is not None  # None until its input is known
    return isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")


def number_from_zero(model: keras.Model) -> None:
    """Rename layers without a name of their own as in a program that makes one model.

    Keras calls these ``conv2d``, ``conv2d_1``, ... and counts on from model to model.
    """
    numbered: dict[str, list[tuple[int, Any]]] = {}
    for operation in model.operations:
        kind, number = unnumbered(operation.name)
        if kind == to_snake_case(type(operation).__name__):
            numbered.setdefault(kind, []).append((number, operation))
    for kind, operations in numbered.items():
        for place, (_, operation) in enumerate(sorted(operations, key=lambda x: x[0])):
            operation.name = f"{kind}_{place}" if place else kind


def made_by(tensor: Any) -> tuple[Any, list[Any]]:
    """Return the operation that made a tensor, and the tensors that it took."""
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    return history.operation, node.input_tensors


def bottlenecks(model: keras.Model) -> list[Bottleneck]:
    """Find where one tensor carries all that follows, from the input to the output.

    Parameters
    ----------
    model : keras.Model
        As `unfolded` returns it.

    Examples
    --------
    >>> inputs = keras.Input((4,), name="images")
    >>> branch = keras.layers.Dense(4, name="branch")(inputs)
    >>> joined = keras.layers.Add(name="joined")([inputs, branch])
    >>> [place.layer for place in bottlenecks(keras.Model(inputs, joined))]
    ['images', 'joined']
    """
    depths = model._nodes_by_depth
    nodes = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
    takers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            takers.setdefault(id(tensor), []).append(node.operation)
    last_use = {
        id(tensor): step
        for step, node in enumerate(nodes)
        for tensor in node.input_tensors
    }
    places, live = [], set()
    for step, node in enumerate(nodes):
        live |= {id(tensor) for tensor in node.outputs}
        live = {t for t in live if last_use.get(t, len(nodes)) > step}
        if len(node.outputs) == 1 and live == {id(node.outputs[0])}:
            tensor = node.outputs[0]
            next_layers = tuple(takers.get(id(tensor), ()))
            places.append(Bottleneck(node.operation.name, tensor, next_layers))
    return places


def by_last_use(places: Sequence[Bottleneck]) -> list[Bottleneck]:
    """Leave one place for each layer: where a layer is used again, the last."""
    last = {place.layer: place for place in places}
    return [place for place in places if last[place.layer] is place]
