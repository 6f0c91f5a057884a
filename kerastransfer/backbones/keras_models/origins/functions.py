"""A function of the caller's own that makes a Keras model. Imports no TensorFlow.

Python callers may name one, for their code is running already. The command line may
not: there an argument, or a run's file, would decide what is imported.
"""

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer.backbones.spec import FUNCTION, OwnSpec
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    import keras

# How far a copy may be from its model, of the largest answer: the same steps in
# float32, and in half precision and float32.
_EXACT, _ROUNDED = 1e-3, 0.2
# Whether this process runs a command, and whose it is; see `refused`.
_COMMANDS: list[None] = []


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Refuse functions within a block, in every thread: the command line's."""
    _COMMANDS.append(None)
    try:
        yield
    finally:
        _COMMANDS.pop()


def check(spec: OwnSpec) -> None:
    """Refuse a function where the command line asks.

    Raises
    ------
    InputError
    """
    if spec.kind == FUNCTION and _COMMANDS:
        raise InputError(
            f"Expected backbone={FUNCTION}{spec.place} of Python alone "
            "(kt.train(..., backbone=...)), for the command line imports no module "
            "because a name says so; there, save the model and take --backbone "
            "keras:FILE.keras."
        )


def find(spec: OwnSpec) -> Callable[[], Any]:
    """Import a module and return the function that a name says.

    Raises
    ------
    InputError
        If the command line asks, or what is there cannot be called without arguments.
    MissingError
        If there is no such module, or no such name in it.
    """
    check(spec)
    name = f"{FUNCTION}{spec.place}"
    module, _, path = spec.place.partition(":")
    if module == "__main__":
        raise InputError(
            f"Expected a module that another program can import too, got {quoted(name)}"
            "; put the function into a file of its own."
        )
    value = _imported(module, name)
    for word in path.split("."):
        if not hasattr(value, word):
            raise MissingError(
                f"Expected {quoted(word)} in the module {quoted(module)} for "
                f"backbone={name}, and there is none."
            )
        value = getattr(value, word)
    _check_call(value, name)
    function: Callable[[], Any] = value
    return function


def _imported(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module != missing and not module.startswith(f"{missing}."):
            raise MissingError(
                f"The module {quoted(module)} of backbone={name} needs the module "
                f"{quoted(missing)}, which is not installed."
            ) from error
        raise MissingError(
            f"Expected a module {quoted(missing)} for backbone={name}, and Python "
            "finds none; add its folder to sys.path."
        ) from None
    except Exception as error:
        raise InputError(_raised(f"The module {quoted(module)}", error)) from error


def _check_call(value: Any, name: str) -> None:
    if not callable(value):
        raise InputError(
            f"Expected a function, and {name} is of the type "
            f"{quoted(type(value).__name__)}."
        )
    try:
        inspect.signature(value).bind()
    except TypeError as error:
        raise InputError(
            f"Expected a function without arguments, and {name} needs some "
            f"({error}); write one that calls it."
        ) from None
    except ValueError:  # it does not say what it takes
        pass


def model_of(spec: OwnSpec) -> "keras.Model":
    """Call a function that makes a model.

    Raises
    ------
    InputError
        If it fails, or returns something else than a model that is built.
    """
    import keras

    name = f"{FUNCTION}{spec.place}"
    function = find(spec)
    if isinstance(function, keras.Model):
        raise InputError(
            f"Expected a function that returns a model, and {name} is the model itself."
        )
    try:
        model = function()
    except Exception as error:
        raise InputError(_raised(name, error)) from error
    if not isinstance(model, keras.Model):
        raise InputError(
            f"Expected a keras.Model of {name}, got an object of the type "
            f"{quoted(type(model).__name__)}."
        )
    if not model.built:
        raise InputError(
            f"Expected {name} to return a model that is built, which has its weights; "
            "begin it with keras.Input(shape)."
        )
    return model


def copy_of(spec: OwnSpec, model: "keras.Model") -> "keras.Model":
    """Copy a model, for its layers will be renamed, and its function may keep it.

    Raises
    ------
    InputError
        If a layer of it cannot be made again.
    """
    import keras

    from kerastransfer.backbones.keras_models import graph, remade

    for layer in graph.layers_within(model):
        if isinstance(layer, keras.layers.Lambda):
            raise InputError(
                f"Expected {FUNCTION}{spec.place} to have layers that can be made "
                f"again, and {quoted(layer.name)} is a Lambda; write it as a layer of "
                "your own (a subclass of keras.layers.Layer)."
            )
    plain = keras.Model(model.inputs, model.outputs)
    try:
        return remade.copied(plain, own_code=True)
    except (NotImplementedError, TypeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"Expected {FUNCTION}{spec.place} to have layers that can be made again "
            f"from their get_config, and Keras says: {quoted(reason)}; let a layer's "
            "get_config return what its __init__ takes."
        ) from error


def check_copy(
    spec: OwnSpec, model: "keras.Model", copy: "keras.Model", side: int, *, exact: bool
) -> None:
    """Refuse a copy that computes something else than its model, of images of noise.

    Parameters
    ----------
    side : int
        Of the images, in pixels.
    exact : bool
        Whether both compute in float32; if not, rounding is allowed for.

    Raises
    ------
    InputError
    """
    rng = np.random.default_rng(0)
    taken = model.inputs[0]
    width = taken.shape[2] or side
    for brightest in (255, 1):  # one of them is within what it was made for
        images = rng.uniform(0, brightest, (taken.shape[0] or 1, side, width, 3))
        given, again = (_answer(each, images) for each in (model, copy))
        fine = np.isfinite(given)  # half precision overflows
        far = np.abs(again - given)[fine].max(initial=0)
        near = (_EXACT if exact else _ROUNDED) * np.abs(given[fine]).max(initial=0)
        if not far <= near:
            raise InputError(
                f"Expected {FUNCTION}{spec.place} to make a model that can be made "
                f"again, and its copy answers up to {far:.2g} otherwise; let a layer "
                "of your own return from get_config all that its __init__ takes, under "
                "a class name used once, and keep what it draws from a seed as a "
                "weight."
            )


def _answer(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    import keras

    tensor = keras.ops.cast(images.astype(np.float32), model.inputs[0].dtype)
    (answer,) = keras.tree.flatten(model(tensor, training=False))
    return np.asarray(keras.ops.convert_to_numpy(answer), np.float64)


def _raised(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"{what} raised {type(error).__name__}: {quoted(reason)}."
