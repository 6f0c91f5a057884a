"""Load a model that is in no table, and see that it can be taken."""

import math
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.keras_models import graph, remade
from kerastransfer.backbones.keras_models.inside import Inside
from kerastransfer.backbones.keras_models.origins import functions, hub
from kerastransfer.backbones.preprocessing import PIXELS, Preprocessing
from kerastransfer.backbones.spec import FUNCTION, HUB, OwnSpec
from kerastransfer.errors import InputError, first_line
from kerastransfer.foundation.quoting import quoted

_USUAL_SIZE = 224
_SHOWN = 40


def load(spec: OwnSpec) -> tuple[keras.Model, tuple[str, ...]]:
    """Load a file in Keras's safe mode or a preset, or call a function.

    Returns
    -------
    model : keras.Model
        In float32.
    precisions : tuple of str
        In what else its layers computed; empty in float32.
    """
    if spec.kind == HUB:
        model = hub.load(spec)
    elif spec.kind == FUNCTION:
        model = functions.model_of(spec)
    else:
        model = _of_file(spec)
    check_graph(spec, model)
    precisions = remade.precisions(model)
    if spec.kind == FUNCTION:
        copy = functions.copy_of(spec, model)
        side = model.inputs[0].shape[1] or size(spec, model)
        functions.check_copy(spec, model, copy, side, exact=not precisions)
        return copy, precisions
    return (remade.copied(model) if precisions else model), precisions


def _of_file(spec: OwnSpec) -> keras.Model:
    try:
        return keras.models.load_model(spec.file, compile=False, safe_mode=True)
    except Exception as error:  # of Keras or of a layer in the file, of any kind
        raise InputError(
            f"Keras does not load {quoted(spec.place)}: {first_line(error)}"
        ) from error


def check_graph(spec: OwnSpec, model: Any) -> None:
    """Refuse what is no graph from one image to one output."""
    if not graph.is_graph(model):
        raise InputError(
            f"{quoted(spec.place)} is of the class {quoted(type(model).__name__)}, "
            "whose layers have no graph to be cut; make it a functional or a "
            "sequential model."
        )
    if remade.quantized(model):
        raise InputError(
            f"Expected a model with weights to tune, and {quoted(spec.place)} was "
            "quantized to whole numbers; save it before model.quantize()."
        )
    inputs, outputs = len(model.inputs), len(model.outputs)
    if inputs != 1 or outputs != 1:
        raise InputError(
            f"Expected a model of one input and one output, and {quoted(spec.place)} "
            f"has {inputs} and {outputs}; save the part that goes from images to "
            "classes or features."
        )
    shape = model.inputs[0].shape
    if len(shape) != 4 or shape[-1] != 3:
        raise InputError(
            f"Expected a model of images (height, width, 3), and {quoted(spec.place)} "
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
        f"{quoted(','.join(spec.cuts))}; {spec.label} can be cut after {shown}."
    )


def size(spec: OwnSpec, model: keras.Model) -> int:
    """Return the side of the images that a model is to take, in pixels."""
    height, width = model.inputs[0].shape[1:3]
    if spec.size is None and height != width:
        raise InputError(
            f"Expected a model of square images, and {quoted(spec.place)} takes "
            f"{height} x {width}; say --image-size N where it takes others too."
        )
    if spec.size is None and height is None and spec.kind == HUB:
        usual = hub.converter(spec)
        height = usual.image_size[0] if usual and usual.image_size else None
    return spec.size or height or _USUAL_SIZE


def preprocessing(spec: OwnSpec, beginning: Inside, flat: keras.Model) -> Preprocessing:
    """Return what the model, or the user, says becomes of pixels."""
    side = int(flat.inputs[0].shape[1])
    if beginning.layers and spec.preprocessing:
        raise InputError(
            f"{quoted(spec.place)} begins with its preprocessing "
            f"({', '.join(beginning.layers)}); leave --preprocessing out."
        )
    converter = hub.converter(spec) if spec.kind == HUB else None
    if not (beginning.layers or converter) and spec.preprocessing not in PIXELS:
        raise InputError(_not_said(spec))
    pixels = PIXELS.get(spec.preprocessing)
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    if converter:
        pixels = pixels or _converted(converter)
        if converter.interpolation == "bicubic":
            interpolation = "bicubic"
    pixels = pixels or _as_pixels(beginning.mean, beginning.scale)
    return Preprocessing(
        resize="shorter_side",
        resize_to=math.ceil(side * 8 / 7),  # 256 for 224
        crop=side,
        interpolation=interpolation,
        **pixels,
    )


def _as_pixels(mean: NDArray[Any], scale: NDArray[Any]) -> dict[str, Any]:
    return {
        "channels": "RGB",
        "mean": tuple(mean.tolist()),
        "scale": tuple(scale.tolist()),
    }


def _converted(converter: Any) -> dict[str, Any]:
    """Return what a preset's own converter makes of pixels."""
    given = [
        default if value is None else value
        for value, default in ((converter.scale, 1.0), (converter.offset, 0.0))
    ]
    factor, offset = (np.broadcast_to(np.asarray(x, np.float64), 3) for x in given)
    return _as_pixels(-offset / factor, 1 / factor)


def _not_said(spec: OwnSpec) -> str:
    where = "--preprocessing"
    if spec.kind == FUNCTION:
        where = f"it behind the name, {FUNCTION}{spec.place}?preprocessing="
    return (
        f"{quoted(spec.place)} does not say what it makes of pixels; say {where} "
        f"{'|'.join(PIXELS)} (as they are; 0 to 1; -1 to 1; ...), got "
        f"{quoted(spec.preprocessing)}."
    )
