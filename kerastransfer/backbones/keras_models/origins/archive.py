"""What a ``.keras`` file says of its model, before anything in it is built.

Imports no TensorFlow. The description is text; code that it refers to is named, and
never run.
"""

import importlib.util
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation.quoting import quoted

_DESCRIPTION = "config.json"
_MOST_BYTES = 1 << 26
_DEEPEST = 200
NO_HUB = (
    "Expected KerasHub, which has the layers of this network; run "
    "pip install 'kerastransfer[hub]'."
)


def check(path: Path) -> None:
    """Refuse a file that is no model of Keras's own layers.

    Raises
    ------
    MissingError
        If there is no such file.
    WeightsError
        If it is no ``.keras`` archive.
    InputError
        If it holds a Lambda layer, or a layer whose class is not known; the message
        names it and says what would do.
    """
    for layer in described(_description(path)):
        kind, name = layer["class_name"], _name(layer)
        if kind in ("Lambda", "__lambda__"):
            raise InputError(
                f"{quoted(path)}: layer {quoted(name)} is a Lambda, whose code is in "
                "the file and is not run; put a layer of Keras in its place (Rescaling "
                "for preprocessing) and save the model again."
            )
        module = layer.get("module")
        known = isinstance(module, str) and module.split(".")[0] == "keras"
        known = known or kind.startswith("__")  # tensors and tuples of a description
        if not known and not _is_registered(layer):
            raise InputError(
                f"{quoted(path)}: layer {quoted(name)} is of the class "
                f"{quoted(layer.get('registered_name') or kind)}, whose code is not in "
                "the file; call kerastransfer from a Python program that imports the "
                "module which registers it (keras.saving.register_keras_serializable), "
                "or that names a function of it which makes the model "
                "(kt.train(..., backbone='function:MODULE:NAME'))."
            )


def import_hub() -> Any:
    """Import KerasHub.

    Raises
    ------
    MissingError
        If it is not installed.
    """
    try:
        import keras_hub
    except ImportError:
        raise MissingError(NO_HUB) from None
    return keras_hub


def _description(path: Path) -> Any:
    if not path.is_file():
        raise MissingError(f"Expected a Keras model at {quoted(path)}: no such file.")
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(_DESCRIPTION).file_size
            if size > _MOST_BYTES:
                raise ValueError(f"its description claims {size:,} bytes")
            return json.loads(archive.read(_DESCRIPTION))
    except (KeyError, ValueError, OSError, RecursionError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"Expected a model that Keras 3 saved (model.save('NAME.keras')), but "
            f"{quoted(path)} is none: {quoted(str(error))}."
        ) from None


def described(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the description of every object that is built, the outer ones first."""
    if depth > _DEEPEST:
        raise InputError(f"Expected a model nested less than {_DEEPEST} deep.")
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and "config" in value:
            yield value
        for inner in value.values():
            yield from described(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from described(inner, depth + 1)


def _name(layer: dict[str, Any]) -> str:
    config = layer["config"]
    name = config.get("name") if isinstance(config, dict) else None
    return str(name or layer["class_name"])


def _is_registered(layer: dict[str, Any]) -> bool:
    """Whether the program has made the class known to Keras."""
    if layer.get("module") == "builtins":  # numbers and tuples in a description
        return True
    name = str(layer.get("registered_name") or layer["class_name"])
    of_hub = name.startswith("keras_hub>")
    if "keras" not in sys.modules:  # then no program can have registered any
        if of_hub and importlib.util.find_spec("keras_hub") is None:
            raise MissingError(NO_HUB)
        return of_hub
    import keras

    if of_hub:
        import_hub()
    return keras.saving.get_registered_object(name) is not None
