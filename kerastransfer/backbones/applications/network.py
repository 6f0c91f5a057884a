"""Build the networks of ``keras.applications``, cut into eight blocks."""

from typing import Any

import keras

from kerastransfer.backbones.applications.row import ApplicationRow
from kerastransfer.backbones.applications.rows import ROWS
from kerastransfer.backbones.keras_models import (
    counting,
    cutting,
    graph,
    head,
    inside,
)
from kerastransfer.backbones.keras_models.layout import of_network
from kerastransfer.backbones.network import Network

SOURCE_CLASSES = 1000  # ImageNet's
_DROPOUT = keras.layers.Dropout


def made(row: ApplicationRow, seed: int, size: int) -> keras.Model:
    """Make the network as Keras has it, without its softmax, drawn at random.

    Parameters
    ----------
    row : ApplicationRow
        Which.
    seed : int
        Every weight follows from it.
    size : int
        Side of its input in pixels.
    """
    constructor = getattr(keras.applications, row.constructor)
    with graph.seeded(seed):
        return constructor(
            weights=None, input_shape=(size, size, 3), classifier_activation=None
        )


def build(row: ApplicationRow, num_classes: int, seed: int, size: int) -> Network:
    """Make the network in eight blocks, drawn at random.

    Parameters
    ----------
    row, seed, size
        As for `made`.
    num_classes : int
        Size of the classifier.

    Returns
    -------
    Network
        From (n, size, size, 3) normalised images to (n, num_classes) logits. Layers
        without a name of their own are called as in a new program.
    """
    flat = _flat(made(row, seed, size))
    return _in_blocks(flat, row, num_classes, seed)


def figures(row: ApplicationRow, size: int) -> dict[str, Any]:
    """Count what ``figures.json`` says of each row, in the built network.

    Returns
    -------
    dict
        ``dropout``, the rate before the classifier; and ``blocks``, with the counts of
        each and its output's shape for one image.
    """
    return _figures(build(row, SOURCE_CLASSES, 0, size))


def described(name: str, size: int) -> dict[str, Any]:
    """Say all that is not written down of a row, as JSON can hold it.

    Returns
    -------
    dict
        ``figures`` as above, and ``layout``: how Keras saves its weights.
    """
    (row,) = (row for row in ROWS if row.name == name)
    original = made(row, 0, size)
    flat = _flat(original)
    network = _in_blocks(flat, row, SOURCE_CLASSES, 0)
    layout = of_network(flat, original, head.recognise(flat), network)
    return {"figures": _figures(network), "layout": layout.as_dict()}


def _figures(network: Network) -> dict[str, Any]:
    rates = [x.rate for x in network.blocks[-1].layers if isinstance(x, _DROPOUT)]
    return {
        "dropout": rates[0] if rates else 0.0,
        "blocks": [counting.counts(block) for block in network.blocks],
    }


def _flat(model: keras.Model) -> keras.Model:
    flat = graph.unfolded(model)
    graph.number_from_zero(flat)
    return flat


def _in_blocks(
    flat: keras.Model, row: ApplicationRow, num_classes: int, seed: int
) -> Network:
    places = graph.bottlenecks(flat)
    by_name = {place.layer: place.tensor for place in places}
    starts = [inside.find(places).tensor, *(by_name[cut] for cut in row.cuts)]
    return cutting.cut(starts, head.recognise(flat), num_classes, seed)
