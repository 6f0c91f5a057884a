"""A user's own Keras model as a backbone: cut, described, and with its weights."""

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import keras

from kerastransfer.backbones.backbone import Backbone, Block, HeldWeights
from kerastransfer.backbones.keras_models import (
    archive,
    choosing,
    counting,
    cutting,
    graph,
    head,
    inside,
)
from kerastransfer.backbones.keras_models.head import Head
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.keras_models.layout import SavedLayout, of_network
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import PIXELS, Preprocessing
from kerastransfer.backbones.published import WeightPort
from kerastransfer.backbones.spec import OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_CUTS = NUM_BLOCKS - 2  # block 7 ends in the feature
_USUAL_SIZE = 224
_SHOWN = 40


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
    """

    original: keras.Model
    flat: keras.Model
    head: Head
    inside: Inside
    cuts: tuple[str, ...]

    def network(self, num_classes: int, seed: int) -> Network:
        """Cut the model's own layers into blocks."""
        return _cut(self.flat, self.inside.place, self.cuts, num_classes, seed)


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
        title=spec.file.name,
        blocks=blocks,
        num_features=counts[-2]["output"][0],
        outputs=tuple(tuple(count["output"]) for count in counts[:-1]),
        source=f"the source of {spec.file.name}",
        source_classes=anatomy.head.num_classes or 1,
        preprocessing=_preprocessing(spec, anatomy),
        build=functools.partial(_build, anatomy),
        port=_port(layout),
        held=functools.partial(_held, spec.file, anatomy),
    )


def _port(layout: SavedLayout) -> WeightPort:
    return WeightPort(
        shapes=lambda: layout.shapes,
        formats={
            "keras": lambda file: layout.from_named(file.arrays),
            "keras_legacy": lambda file: layout.from_ordered(file.layers),
        },
    )


def _held(file: Path, anatomy: Anatomy) -> HeldWeights:
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
        file=file,
        mapping=mapping,
        source_classes=anatomy.head.num_classes,
        remarks=_remarks(anatomy),
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
            f"{classifier.name} is its classifier, of {anatomy.head.num_classes:,} "
            "classes"
        )
    return tuple(remarks)


def _look_through(spec: OwnSpec) -> Anatomy:
    try:
        original = keras.models.load_model(spec.file, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"Keras does not load {quoted(spec.file)}: {reason}") from None
    _check_graph(spec, original)
    flat = graph.unfolded(original, _size(spec, original))
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
        _check_cuts(spec, names)
        cuts = spec.cuts
    else:
        ends = choosing.at_ends(between)
        ends = ends if len(ends) >= _CUTS else between
        shares = choosing.costs(beginning.tensor, ends, end.feature)
        cuts = tuple(ends[i].layer for i in choosing.choose(shares, _CUTS))
    return Anatomy(original=original, flat=flat, head=end, inside=beginning, cuts=cuts)


def _check_graph(spec: OwnSpec, model: Any) -> None:
    if not graph.is_graph(model):
        raise InputError(
            f"{quoted(spec.file)} is of the class {quoted(type(model).__name__)}, "
            "whose layers have no graph to be cut; make it a functional or a "
            "sequential model."
        )
    inputs, outputs = len(model.inputs), len(model.outputs)
    if inputs != 1 or outputs != 1:
        raise InputError(
            f"Expected a model of one input and one output, and {quoted(spec.file)} "
            f"has {inputs} and {outputs}; save the part that goes from images to "
            "classes or features."
        )
    shape = model.inputs[0].shape
    if len(shape) != 4 or shape[-1] != 3:
        raise InputError(
            f"Expected a model of images (height, width, 3), and {quoted(spec.file)} "
            f"takes {shape[1:]}."
        )


def _check_cuts(spec: OwnSpec, names: list[str]) -> None:
    order = [names.index(cut) for cut in spec.cuts if cut in names]
    if len(order) == len(spec.cuts) == _CUTS and order == sorted({*order}):
        return
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raise InputError(
        f"Expected --cuts with {_CUTS} layers in their order, got "
        f"{quoted(','.join(spec.cuts))}; {spec.file.name} can be cut after {shown}."
    )


def _size(spec: OwnSpec, model: keras.Model) -> int:
    height, width = model.inputs[0].shape[1:3]
    if spec.size is None and height != width:
        raise InputError(
            f"Expected a model of square images, and {quoted(spec.file)} takes "
            f"{height} x {width}; say --image-size N where it takes others too."
        )
    return spec.size or height or _USUAL_SIZE


def _preprocessing(spec: OwnSpec, anatomy: Anatomy) -> Preprocessing:
    """Return what the model, or the user, says becomes of pixels."""
    side, beginning = int(anatomy.flat.inputs[0].shape[1]), anatomy.inside
    if beginning.layers and spec.preprocessing:
        raise InputError(
            f"{quoted(spec.file)} begins with its preprocessing "
            f"({', '.join(beginning.layers)}); leave --preprocessing out."
        )
    if not beginning.layers and spec.preprocessing not in PIXELS:
        raise InputError(
            f"{quoted(spec.file)} does not say what it makes of pixels; say "
            f"--preprocessing {'|'.join(PIXELS)} (as they are; 0 to 1; -1 to 1; ...), "
            f"got {quoted(spec.preprocessing)}."
        )
    pixels: dict[str, Any] = (
        PIXELS[spec.preprocessing]
        if spec.preprocessing
        else {
            "channels": "RGB",
            "mean": tuple(beginning.mean.tolist()),
            "scale": tuple(beginning.scale.tolist()),
        }
    )
    return Preprocessing(
        resize="shorter_side",
        resize_to=math.ceil(side * 8 / 7),  # 256 for 224
        crop=side,
        interpolation="bilinear",
        **pixels,
    )


def _build(anatomy: Anatomy, num_classes: int, seed: int) -> Network:
    """Make the same network with weights drawn anew."""
    original = anatomy.original
    with graph.seeded(seed):
        fresh = original.__class__.from_config(_without_seeds(original.get_config()))
    flat = graph.unfolded(fresh, int(anatomy.flat.inputs[0].shape[1]))
    return _cut(flat, anatomy.inside.place, anatomy.cuts, num_classes, seed)


def _cut(
    flat: keras.Model, first: int, cuts: tuple[str, ...], num_classes: int, seed: int
) -> Network:
    places = graph.bottlenecks(flat)
    by_name = {place.layer: place.tensor for place in places}
    starts = [places[first].tensor, *(by_name[cut] for cut in cuts)]
    return cutting.cut(starts, head.recognise(flat), num_classes, seed)


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
