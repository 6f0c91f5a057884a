"""Load a model that is in no table, and see that it can be taken."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.keras_models import archive, graph
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.preprocessing import PIXELS, Preprocessing
from kerastransfer.backbones.spec import HUB, OwnSpec
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted

_USUAL_SIZE = 224
_SHOWN = 40


def load(spec: OwnSpec, *, download: bool = True) -> keras.Model:
    """Load a file in Keras's safe mode, or a preset.

    Parameters
    ----------
    download : bool
        Whether a preset that is not here could have been fetched.
    """
    try:
        if spec.kind == HUB:
            model = _preset(spec)
        else:
            model = keras.models.load_model(spec.file, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        if not download:
            raise MissingError(
                f"{quoted(spec.place)} is not on this machine, and a dry run downloads "
                f"nothing ({reason}); begin without --dry-run, or name a preset's "
                "folder with hub:DIR."
            ) from None
        if spec.kind == HUB:
            reason += "; without a network, name a preset's folder with hub:DIR"
        raise InputError(
            f"Keras does not load {quoted(spec.place)}: {reason}"
        ) from None
    check_graph(spec, model)
    return model


def _preset(spec: OwnSpec) -> keras.Model:
    """Load a preset of KerasHub, from its cache, a folder, or the network."""
    hub = archive.import_hub()
    shape = {} if spec.size is None else {"image_shape": (spec.size, spec.size, 3)}
    return hub.models.Backbone.from_preset(spec.place, **shape)


def check_graph(spec: OwnSpec, model: Any) -> None:
    """Refuse what is no graph from one image to one output."""
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


def check_cuts(spec: OwnSpec, names: list[str], count: int) -> None:
    """Refuse cuts that are not so many of the layers that may be, in their order."""
    order = [names.index(cut) for cut in spec.cuts if cut in names]
    if len(order) == len(spec.cuts) == count and order == sorted({*order}):
        return
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raise InputError(
        f"Expected --cuts with {count} layers in their order, got "
        f"{quoted(','.join(spec.cuts))}; {spec.file.name} can be cut after {shown}."
    )


def size(spec: OwnSpec, model: keras.Model) -> int:
    """Return the side of the images that a model is to take, in pixels."""
    height, width = model.inputs[0].shape[1:3]
    if spec.size is None and height != width:
        raise InputError(
            f"Expected a model of square images, and {quoted(spec.file)} takes "
            f"{height} x {width}; say --image-size N where it takes others too."
        )
    return spec.size or height or _USUAL_SIZE


def preprocessing(spec: OwnSpec, beginning: Inside, flat: keras.Model) -> Preprocessing:
    """Return what the model, or the user, says becomes of pixels."""
    side = int(flat.inputs[0].shape[1])
    if beginning.layers and spec.preprocessing:
        raise InputError(
            f"{quoted(spec.file)} begins with its preprocessing "
            f"({', '.join(beginning.layers)}); leave --preprocessing out."
        )
    converted = _converter(spec) if spec.kind == HUB else None
    if not (beginning.layers or converted) and spec.preprocessing not in PIXELS:
        raise InputError(
            f"{quoted(spec.file)} does not say what it makes of pixels; say "
            f"--preprocessing {'|'.join(PIXELS)} (as they are; 0 to 1; -1 to 1; ...), "
            f"got {quoted(spec.preprocessing)}."
        )
    pixels = PIXELS.get(spec.preprocessing) or converted
    pixels = pixels or _as_pixels(beginning.mean, beginning.scale)
    return Preprocessing(
        resize="shorter_side",
        resize_to=math.ceil(side * 8 / 7),  # 256 for 224
        crop=side,
        interpolation="bilinear",
        **pixels,
    )


def _as_pixels(mean: NDArray[Any], scale: NDArray[Any]) -> dict[str, Any]:
    return {
        "channels": "RGB",
        "mean": tuple(mean.tolist()),
        "scale": tuple(scale.tolist()),
    }


def _converter(spec: OwnSpec) -> dict[str, Any] | None:
    """Return what a preset's own converter makes of pixels; None where it has none."""
    hub = archive.import_hub()
    try:
        converter = hub.layers.ImageConverter.from_preset(spec.place)
    except (ValueError, FileNotFoundError):
        return None
    factor = np.broadcast_to(np.asarray(converter.scale or 1.0, np.float64), 3)
    offset = np.broadcast_to(np.asarray(converter.offset or 0.0, np.float64), 3)
    return _as_pixels(-offset / factor, 1 / factor)
