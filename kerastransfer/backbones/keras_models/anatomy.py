"""A user's own Keras model, looked through: where it begins, is cut, and ends."""

import dataclasses

import keras

from kerastransfer.backbones.keras_models import (
    choosing,
    cutting,
    graph,
    head,
    inside,
)
from kerastransfer.backbones.keras_models.head import Head
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.keras_models.origins import loading
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.spec import FUNCTION, HUB, OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_CUTS = NUM_BLOCKS - 2  # block 7 ends in the feature


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
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
    precisions : tuple of str
        In what its layers computed, float32 left aside.
    """

    original: keras.Model
    flat: keras.Model
    head: Head
    inside: Inside
    cuts: tuple[str, ...]
    feature: str
    own_code: bool
    precisions: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say how the model was taken."""
        cuts = ", ".join(self.cuts)
        said = [f"blocks 1 to {_CUTS} end at {cuts} (--cuts chooses others)"]
        if self.inside.layers:
            layers = ", ".join(self.inside.layers)
            said.append(f"the preprocessing that it begins with is kept ({layers})")
        if self.precisions:
            said.append(
                f"its layers, saved as {', '.join(self.precisions)}, compute in "
                "float32 (--precision chooses otherwise for training)"
            )
        classifier = self.head.classifier
        if classifier is None:
            said.append("it ends in features: recipes have to re-draw block 8 (R8)")
        else:
            said.append(
                f"its classifier is {classifier.name}, of {self.head.num_classes:,} "
                "classes"
            )
        return tuple(said)

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


def look_through(spec: OwnSpec) -> Anatomy:
    """Load a model, and see where it begins, can be cut, and ends.

    Raises
    ------
    MissingError
        If it is not here.
    InputError
        If it cannot be cut, takes something else than one image, or does not load.
    """
    original, precisions = loading.load(spec)
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
        precisions=precisions,
    )
