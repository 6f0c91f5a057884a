"""A user's own Keras model as a backbone: cut, described, and with its weights."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping

import keras
import numpy as np

from kerastransfer.backbones.backbone import Backbone, Block, HeldWeights
from kerastransfer.backbones.keras_models import (
    archive,
    choosing,
    counting,
    cutting,
    graph,
    head,
    hub,
    inside,
    loading,
)
from kerastransfer.backbones.keras_models.head import Head
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.keras_models.layout import SavedLayout, of_network
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.published import WeightPort
from kerastransfer.backbones.spec import FUNCTION, HUB, KERAS, OwnSpec
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
    own_code : bool
        Whether its layers are of the caller's own modules.
    """

    original: keras.Model
    flat: keras.Model
    head: Head
    inside: Inside
    cuts: tuple[str, ...]
    feature: str
    own_code: bool

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


def describe(spec: OwnSpec) -> Backbone:
    """Look a file's model through, and describe it as a backbone.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If the model cannot be cut, takes something else than one image, holds code, or
        does not say what it wants of pixels.
    """
    if spec.kind == KERAS:
        archive.check(spec.file)
    anatomy = _look_through(spec)
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
    layout = of_network(anatomy.flat, anatomy.original, anatomy.head, network)
    return Backbone(
        name=str(spec),
        title=spec.label,
        blocks=blocks,
        num_features=counts[-2]["output"][0],
        outputs=tuple(tuple(count["output"]) for count in counts[:-1]),
        source=f"the source of {spec.label}",
        source_classes=anatomy.head.num_classes or 1,
        preprocessing=loading.preprocessing(spec, anatomy.inside, anatomy.flat),
        build=functools.partial(_build, anatomy),
        port=_port(layout),
        held=functools.partial(_held, spec, anatomy),
    )


def _port(layout: SavedLayout) -> WeightPort:
    return WeightPort(
        shapes=lambda: layout.shapes,
        formats={
            "keras": lambda file: layout.from_named(file.arrays),
            "keras_legacy": lambda file: layout.from_ordered(file.layers),
        },
    )


def _held(spec: OwnSpec, anatomy: Anatomy) -> HeldWeights:
    """Return the weights that the file has, by the network's names."""
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
    return HeldWeights(
        file=spec.file,
        sha256=checksums.digests(spec.file, ["sha256"])["sha256"]
        if spec.kind == KERAS
        else _digest(mapping, _description(anatomy) if spec.kind == FUNCTION else ""),
        mapping=mapping,
        source_classes=anatomy.head.num_classes,
        remarks=_remarks(anatomy),
    )


def _digest(mapping: Mapping[str, np.ndarray], description: str) -> str:
    """Return a SHA-256 of arrays and their names, and of what computes with them."""
    digest = hashlib.sha256(description.encode())
    for name in sorted(mapping):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(mapping[name]).tobytes())
    return digest.hexdigest()


def _description(anatomy: Anatomy) -> str:
    """Describe a function's layers: another program gets the same, for the same code.

    No file stands for them, and a cache goes by the hash.
    """
    config = anatomy.flat.get_config()
    del config["name"]  # counted on from model to model
    return json.dumps(
        config, sort_keys=True, default=lambda value: type(value).__name__
    )


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


def _look_through(spec: OwnSpec) -> Anatomy:
    original = loading.load(spec)
    flat = graph.unfolded(original, loading.size(spec, original))
    if spec.kind == FUNCTION:
        graph.number_from_zero(flat)  # a file keeps its names, a program does not
    feature = spec.feature or ("class" if spec.kind == HUB else "")
    places = graph.bottlenecks(flat)
    end, beginning = head.recognise(flat), inside.find(places)
    last = cutting.last_tensor(end, feature)
    tensors = [place.tensor for place in places]
    stop = next((i for i, t in enumerate(tensors) if t is last), len(places) - 1)
    between = graph.by_last_use(places[beginning.place + 1 : stop])
    if len(between) < _CUTS:
        raise InputError(
            f"{quoted(spec.place)} cannot be cut into {NUM_BLOCKS} blocks: between its "
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
        shares = choosing.costs(beginning.tensor, ends, last)
        cuts = tuple(ends[i].layer for i in choosing.choose(shares, _CUTS))
    return Anatomy(
        original=original,
        flat=flat,
        head=end,
        inside=beginning,
        cuts=cuts,
        feature=feature,
        own_code=spec.kind == FUNCTION,
    )


def _build(anatomy: Anatomy, num_classes: int, seed: int) -> Network:
    """Make the same network with weights drawn anew."""
    with graph.seeded(seed):
        fresh = graph.made_again(anatomy.original, own_code=anatomy.own_code)
    hub.number_positions(fresh)
    flat = graph.unfolded(fresh, int(anatomy.flat.inputs[0].shape[1]))
    return anatomy.cut(flat, num_classes, seed)
