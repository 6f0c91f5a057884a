"""A user's own Keras model: looked through, cut, and with its weights."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerastransfer.backbones.backbone import Block
from kerastransfer.backbones.keras_models import (
    archive,
    choosing,
    counting,
    cutting,
    graph,
    head,
    inside,
    loading,
)
from kerastransfer.backbones.keras_models.described import Description
from kerastransfer.backbones.keras_models.head import Head
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.keras_models.layout import of_network
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.spec import HUB, KERAS, OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_CUTS = NUM_BLOCKS - 2  # block 7 ends in the feature


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """A model that was looked through.

    Parameters
    ----------
    original : keras.Model
        As it is in the file.
    flat : keras.Model
        Its graph of single layers.
    head : Head
        Its end.
    inside : Inside
        Its beginning.
    cuts : tuple of str
        Layers that end blocks 1 to 6.
    feature : str
        What tokens become.
    """

    original: keras.Model
    flat: keras.Model
    head: Head
    inside: Inside
    cuts: tuple[str, ...]
    feature: str

    def network(self, num_classes: int, seed: int) -> Network:
        """Cut the model's own layers into blocks."""
        return self.cut(self.flat, num_classes, seed)

    def cut(self, flat: keras.Model, num_classes: int, seed: int) -> Network:
        """Cut the same graph, of the model's own layers or of others, into blocks."""
        places = graph.bottlenecks(flat)
        by_name = {place.layer: place.tensor for place in places}
        starts = [
            places[self.inside.place].tensor,
            *(by_name[cut] for cut in self.cuts),
        ]
        end = head.recognise(flat)
        return cutting.cut(starts, end, num_classes, seed, self.feature)


def described(name: str, *, download: bool) -> dict[str, Any]:
    """Look a model through, and describe it as JSON can hold it.

    Parameters
    ----------
    name : str
        As on the command line, such as ``keras:FILE.keras``.
    download : bool
        Whether a preset may be fetched; what is said where it is not here follows.

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
    anatomy = _look_through(spec, download=download)
    network = anatomy.network(anatomy.head.num_classes or 1, 0)
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
    return Description(
        blocks=blocks,
        outputs=tuple(tuple(count["output"]) for count in counts[:-1]),
        preprocessing=loading.preprocessing(spec, anatomy.inside, anatomy.flat),
        num_classes=anatomy.head.num_classes,
        layout=of_network(anatomy.flat, anatomy.original, anatomy.head, network),
        sha256=_sha256(spec, anatomy),
        remarks=_remarks(anatomy),
        transformer_layers=counting.transformer_layers(network.blocks[:-1]),
    ).as_dict()


@functools.lru_cache(maxsize=2)
def _looked_through(spec: OwnSpec, sha256: str) -> Anatomy:
    """Look through the model of a description, which has to be the same still."""
    anatomy = _look_through(spec)
    if _sha256(spec, anatomy) != sha256:
        raise InputError(
            f"{quoted(spec.file)} was changed since it was looked at; start again."
        )
    return anatomy


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
    """Return the hash of a file, or that of a preset's arrays."""
    if spec.kind == KERAS:
        return checksums.digests(spec.file, ["sha256"])["sha256"]
    return _digest(_weights(anatomy))


def _digest(mapping: Mapping[str, np.ndarray]) -> str:
    """Return a SHA-256 of arrays and their names."""
    digest = hashlib.sha256()
    for name in sorted(mapping):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(mapping[name]).tobytes())
    return digest.hexdigest()


def _remarks(anatomy: Anatomy) -> tuple[str, ...]:
    """Say how the model was taken."""
    cuts = ", ".join(anatomy.cuts)
    remarks = [f"blocks 1 to {_CUTS} end at {cuts} (--cuts chooses others)"]
    if anatomy.inside.layers:
        layers = ", ".join(anatomy.inside.layers)
        remarks.append(f"the preprocessing that it begins with is kept ({layers})")
    classifier = anatomy.head.classifier
    if classifier is None:
        remarks.append("it ends in features: recipes have to re-draw block 8 (R8)")
    else:
        remarks.append(
            f"its classifier is {classifier.name}, of {anatomy.head.num_classes:,} "
            "classes"
        )
    return tuple(remarks)


def _look_through(spec: OwnSpec, *, download: bool = True) -> Anatomy:
    original = loading.load(spec, download=download)
    flat = graph.unfolded(original, loading.size(spec, original))
    places = graph.bottlenecks(flat)
    end, beginning = head.recognise(flat), inside.find(places)
    tensors = [place.tensor for place in places]
    stop = next((i for i, t in enumerate(tensors) if t is end.feature), len(places) - 1)
    between = places[beginning.place + 1 : stop]
    if len(between) < _CUTS:
        raise InputError(
            f"{quoted(spec.file)} cannot be cut into {NUM_BLOCKS} blocks: between its "
            f"images and its classifier a single tensor carries all at {len(between)} "
            f"places, and {_CUTS} are needed (a sum or a concatenation after each "
            "stage, without a connection past it)."
        )
    names = [place.layer for place in between]
    if spec.cuts:
        loading.check_cuts(spec, names, _CUTS)
        cuts = spec.cuts
    else:
        ends = choosing.at_ends(between)
        ends = ends if len(ends) >= _CUTS else between
        shares = choosing.costs(beginning.tensor, ends, end.feature)
        cuts = tuple(ends[i].layer for i in choosing.choose(shares, _CUTS))
    return Anatomy(
        original=original,
        flat=flat,
        head=end,
        inside=beginning,
        cuts=cuts,
        feature=spec.feature or ("class" if spec.kind == HUB else ""),
    )


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
    original = anatomy.original
    with graph.seeded(seed):
        fresh = original.__class__.from_config(_without_seeds(original.get_config()))
    flat = graph.unfolded(fresh, int(anatomy.flat.inputs[0].shape[1]))
    return anatomy.cut(flat, num_classes, seed)


def _without_seeds(value: Any) -> Any:
    """Let every initialiser and random layer of a description take a new seed."""
    if isinstance(value, dict):
        return {
            key: None if key == "seed" else _without_seeds(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(_without_seeds(inner) for inner in value)
    return value
