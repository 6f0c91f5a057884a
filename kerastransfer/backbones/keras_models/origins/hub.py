"""Presets of KerasHub: loaded, their image tower taken, brought to another size."""

from typing import Any

import keras
import numpy as np

from kerastransfer.backbones.keras_models.origins import archive, hub_presets
from kerastransfer.backbones.keras_models.origins.hub_presets import HubPreset
from kerastransfer.backbones.spec import OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

# Networks of images and texts. CLIP's image tower ends before the projection, which is
# where its authors probe it (Radford et al., 2021, appendix A.3); SigLIP's ends in an
# attention pool, which it compares with texts as it is.
_TWO_TOWERS = ("CLIPBackbone", "SigLIPBackbone")
# Layers that hold a table with one position a row, the class token's first if any.
_EMBEDDINGS = (
    "CLIPVisionEmbedding",
    "SigLIPVisionEmbedding",
    "ViTPatchingAndEmbedding",
)


def load(spec: OwnSpec) -> keras.Model:
    """Load a preset from a folder, KerasHub's cache, or the network; say which.

    Returns
    -------
    keras.Model
        The whole backbone, or the image tower of a network of images and texts.

    Raises
    ------
    MissingError
        If KerasHub is not installed.
    InputError
        If there is no such preset, or it cannot be had or built.
    """
    preset = hub_presets.find(spec.place)
    if not preset.at_hand:
        report.say(f"{str(preset)[0].upper()}{str(preset)[1:]}.")
    hub = archive.import_hub()
    try:
        model = _tower(hub.models.Backbone.from_preset(spec.place))
        if spec.size is None or _takes(model, spec.size):
            return model
        if _embedding(model) is None:  # KerasHub interpolates, or nothing need be
            shape = (spec.size, spec.size, 3)
            return hub.models.Backbone.from_preset(spec.place, image_shape=shape)
        return at_size(model, spec.size)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(_not_loaded(preset, error)) from None


def _not_loaded(preset: HubPreset, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    reason = reason.rstrip(".")
    message = f"KerasHub does not load the preset {quoted(preset.name)}: {reason}"
    if preset.at_hand:
        return f"{message}."
    return (
        f"{message}; it is looked for in {quoted(preset.folder)}, and a folder with "
        "config.json and model.weights.h5 may be given: --backbone hub:./FOLDER."
    )


def _tower(model: Any) -> Any:
    if type(model).__name__ in _TWO_TOWERS:
        return model.vision_encoder
    return model


def _takes(model: keras.Model, size: int) -> bool:
    height, width = model.inputs[0].shape[1:3]
    return (height, width) in ((None, None), (size, size))


def _embedding(model: keras.Model) -> Any:
    """Return the layer with a table of positions; None where there is none."""
    for layer in model.layers:
        kind = type(layer)
        if kind.__name__ in _EMBEDDINGS and kind.__module__.startswith("keras_hub."):
            return layer
    return None


def at_size(model: Any, size: int) -> Any:
    """Build a tower of transformers for images of another size, with its weights.

    Parameters
    ----------
    model : keras_hub.models.Backbone
        With one of `_EMBEDDINGS`, whose table of positions is interpolated.
    size : int
        Side of the images in pixels.
    """
    config = {**model.get_config(), "image_shape": (size, size, 3)}
    other = type(model).from_config(config)
    table = _embedding(model).position_embedding.embeddings
    new = _embedding(other).position_embedding.embeddings
    for given, ours in zip(model.weights, other.weights, strict=True):
        if given is table:
            new.assign(interpolated(table.numpy(), new.shape[0]))
        elif given.shape == ours.shape:
            ours.assign(given)
    number_positions(other)
    return other


def number_positions(model: keras.Model) -> None:
    """Give each position its own row of the table.

    Some layers keep the rows' numbers as weights, which begin as zeros: of a network
    that is drawn anew they would make one without positions.
    """
    ids = getattr(_embedding(model), "position_ids", None)
    if isinstance(ids, keras.Variable):
        ids.assign(np.arange(ids.shape[-1])[np.newaxis])


def interpolated(table: np.ndarray, rows: int) -> np.ndarray:
    """Stretch a table of positions to another number of patches.

    Parameters
    ----------
    table : array of shape (n, d)
        Of a square of patches row by row; before them a class token where n is one
        more than a square.
    rows : int
        How many are wanted: a square, and one more where `table` has.

    Returns
    -------
    array of shape (rows, d), float32
        Bicubic with antialiasing, as in timm's ``resample_abs_pos_embed``; the class
        token's row as it was.

    Examples
    --------
    >>> table = np.repeat(np.arange(5.0)[:, np.newaxis], 2, axis=1)
    >>> interpolated(table, 10)[:, 0].round(2).tolist()[:4]
    [0.0, 0.8, 1.4, 2.0]
    """
    side = int(len(table) ** 0.5)
    tokens = len(table) - side**2
    new_side = int((rows - tokens) ** 0.5)
    square = table[tokens:].reshape(1, side, side, -1).astype(np.float32)
    stretched = keras.ops.image.resize(
        square, (new_side, new_side), interpolation="bicubic", antialias=True
    )
    patches = keras.ops.convert_to_numpy(stretched).reshape(new_side**2, -1)
    return np.concatenate([table[:tokens].astype(np.float32), patches])


def converter(spec: OwnSpec) -> Any:
    """Return a preset's own converter of images; None where it has none."""
    hub = archive.import_hub()
    try:
        return hub.layers.ImageConverter.from_preset(spec.place)
    except (ValueError, FileNotFoundError):
        return None
