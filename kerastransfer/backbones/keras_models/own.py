"""A user's own Keras model: described, with its weights, and drawn anew."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from kerastransfer.backbones.backbone import Block
from kerastransfer.backbones.keras_models import counting, graph, remade
from kerastransfer.backbones.keras_models.anatomy import Anatomy, look_through
from kerastransfer.backbones.keras_models.described import Description
from kerastransfer.backbones.keras_models.layout import of_network
from kerastransfer.backbones.keras_models.origins import archive, hub, loading
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.spec import FUNCTION, HUB, KERAS, OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_MOST_REMEMBERED = 2
_REMEMBERED: dict[tuple[OwnSpec, str], Anatomy] = {}
# What a function made has no file to be read from again: its backbones hold it.
_ALIVE: WeakValueDictionary[tuple[OwnSpec, str], Anatomy] = WeakValueDictionary()


def described(name: str) -> dict[str, Any]:
    """Look a model through, and describe it as JSON can hold it.

    Parameters
    ----------
    name : str
        As on the command line, such as ``keras:FILE.keras``.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If the model cannot be cut, takes something else than one image, holds code, or
        does not say what it wants of pixels.
    """
    spec = OwnSpec.parse(name)
    if spec.kind == KERAS:
        archive.check(spec.file)
    anatomy = look_through(spec)
    network = anatomy.network(anatomy.head.num_classes or 1, 0)
    # Keras saves the weights of frozen layers in another order.
    layout = of_network(anatomy.flat, anatomy.original, anatomy.head, network)
    remade.thaw(anatomy.original)
    counts = [counting.counts(block) for block in network.blocks]
    ends = [f"to {cut}" for cut in anatomy.cuts]
    none = "" if anatomy.head.classifier else " (the file has none)"
    names = (*ends, "to the feature", f"classifier{none}")
    blocks = tuple(
        Block(
            layers=layers,
            parameters=count["parameters"],
            batch_norms=count["batch_norms"],
            random_layers=count["random_layers"],
            multiply_adds=count["multiply_adds"],
            dropout=anatomy.head.dropout if number == NUM_BLOCKS else 0.0,
        )
        for number, (layers, count) in enumerate(
            zip(names, counts, strict=True), start=1
        )
    )
    sha256 = _sha256(spec, anatomy)
    if spec.kind == FUNCTION:  # called again, it might draw other weights
        _remember(spec, sha256, anatomy)
    return Description(
        blocks=blocks,
        outputs=tuple(tuple(count["output"]) for count in counts[:-1]),
        preprocessing=loading.preprocessing(spec, anatomy.inside, anatomy.flat),
        num_classes=anatomy.head.num_classes,
        layout=layout,
        sha256=sha256,
        remarks=anatomy.remarks,
        transformer_layers=counting.transformer_layers(network.blocks[:-1]),
    ).as_dict()


def alive(spec: OwnSpec, sha256: str) -> Anatomy:
    """Return a model that was just looked through; while it is held it is the one.

    Parameters
    ----------
    sha256 : str
        As it was described.
    """
    return _ALIVE[spec, sha256]


def _remember(spec: OwnSpec, sha256: str, anatomy: Anatomy) -> None:
    """Keep the two models that were looked through last."""
    _REMEMBERED[spec, sha256] = _ALIVE.setdefault((spec, sha256), anatomy)
    for oldest in [*_REMEMBERED][:-_MOST_REMEMBERED]:
        del _REMEMBERED[oldest]


def _looked_through(spec: OwnSpec, sha256: str) -> Anatomy:
    """Look through the model of a description, which has to be the same still."""
    held = _ALIVE.get((spec, sha256))
    if held is not None:
        return held
    anatomy = look_through(spec)
    if _sha256(spec, anatomy) != sha256:
        raise InputError(_changed(spec))
    _remember(spec, sha256, anatomy)
    return anatomy


def _changed(spec: OwnSpec) -> str:
    if spec.kind == FUNCTION:
        return (
            f"Expected {FUNCTION}{spec.place} to make the same model when it is called "
            "again, and its weights or layers are others; let it set a seed first "
            "(keras.utils.set_random_seed)."
        )
    return f"{quoted(spec.place)} was changed since it was looked at; start again."


def weights(spec: OwnSpec, sha256: str) -> dict[str, np.ndarray]:
    """Return the weights that a model has, by the network's names.

    Parameters
    ----------
    sha256 : str
        As it was described.

    Raises
    ------
    InputError
        If the model was changed since.
    """
    return _weights(_looked_through(spec, sha256))


def _weights(anatomy: Anatomy) -> dict[str, np.ndarray]:
    classifier = anatomy.head.classifier
    network = anatomy.network(anatomy.head.num_classes or 1, 0)
    mapping = {
        name: value
        for number in range(1, NUM_BLOCKS)
        for name, value in network.snapshot(number).items()
    }
    if classifier is not None:
        for name, value in network.snapshot(NUM_BLOCKS).items():
            given = getattr(classifier, name.rpartition("/")[2], None)
            mapping[name] = (
                0 * value if given is None else given.numpy().reshape(value.shape)
            )
    return mapping


def _sha256(spec: OwnSpec, anatomy: Anatomy) -> str:
    """Return the hash of a file, or of a preset's or a function's arrays and layers.

    A cache goes by it.
    """
    if spec.kind == KERAS:
        return checksums.digests(spec.file, ["sha256"])["sha256"]
    return _digest(_weights(anatomy), _layers(spec, anatomy))


def _layers(spec: OwnSpec, anatomy: Anatomy) -> str:
    """Describe layers: another program gets the same, for the same code or preset."""
    # A preset's layers follow from its own settings, and not all have some themselves.
    model = anatomy.original if spec.kind == HUB else anatomy.flat
    config = model.get_config()
    del config["name"]  # counted on from model to model
    return json.dumps(
        config, sort_keys=True, default=lambda value: type(value).__name__
    )


def _digest(mapping: Mapping[str, np.ndarray], layers: str) -> str:
    """Return a SHA-256 of arrays and their names, and of what computes with them."""
    digest = hashlib.sha256(layers.encode())
    for name in sorted(mapping):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(mapping[name]).tobytes())
    return digest.hexdigest()


def build(spec: OwnSpec, sha256: str, num_classes: int, seed: int) -> Network:
    """Make a model's network with weights drawn anew.

    Parameters
    ----------
    sha256 : str
        As it was described.

    Raises
    ------
    InputError
        If the model was changed since.
    """
    anatomy = _looked_through(spec, sha256)
    with graph.seeded(seed):
        fresh = remade.drawn(anatomy.original, own_code=anatomy.own_code)
    hub.number_positions(fresh)
    flat = graph.unfolded(fresh, int(anatomy.flat.inputs[0].shape[1]))
    return anatomy.cut(flat, num_classes, seed)
