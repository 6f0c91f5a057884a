"""Image files through an exported model: its own signature, and ``predict``."""

import functools
from pathlib import Path
from typing import Any

from fuzzing import bombs, image_targets
from fuzzing.target import Target

_MODEL = "model"
_CLASSES = ("one", "two", "three")
_SERVED = (".jpg", ".png", ".gif", ".bmp", ".webp")  # what TensorFlow decodes


def _prepare(folder: Path) -> list[Path]:
    """Write sound images of all kinds, and a model beside them."""
    _save_model(folder / _MODEL)
    kinds = [target for target in image_targets.TARGETS if target.name != "tiff"]
    return [path for target in kinds for path in target.prepare(folder)]


def _prepare_served(folder: Path) -> list[Path]:
    return [path for path in _prepare(folder) if path.suffix in _SERVED]


def _save_model(folder: Path) -> None:
    """Save a model that is whole but for its network, which is small."""
    import keras

    from kerastransfer.backbones import table
    from kerastransfer.backbones.network import Network
    from kerastransfer.export import saved_model

    preprocessing = table.get("efficientnet_lite0").preprocessing
    side = preprocessing.crop
    keras.utils.set_random_seed(0)
    image = keras.Input((side, side, 3))
    pooled = keras.layers.AveragePooling2D(side // 2)(image)
    blocks = [keras.Model(image, keras.layers.Flatten()(pooled))]
    for number in range(2, 9):
        given = keras.Input(blocks[-1].output_shape[1:])
        units = len(_CLASSES) if number == 8 else 12
        blocks.append(keras.Model(given, keras.layers.Dense(units)(given)))
    saved_model.save(Network(tuple(blocks)), preprocessing, _CLASSES, folder)


@functools.cache
def _predictor(folder: Path) -> Any:
    from kerastransfer.foundation.tensorflow_import import import_quietly

    import_quietly()
    from kerastransfer.export.predictor import Predictor

    return Predictor.load(folder)


@functools.cache
def _sound() -> bytes:
    from fuzzing import samples

    return samples.image(50, "PNG")


@functools.cache
def _alone(folder: Path) -> list[float]:
    """Return the answer to a sound image that has no company."""
    signature = _predictor(folder).model.signatures["serving_default"]
    return _rows(signature, [_sound()])["probabilities"][0].tolist()  # type: ignore[no-any-return]


def _rows(signature: Any, encoded: list[bytes]) -> dict[str, Any]:
    import tensorflow as tf

    return {k: v.numpy() for k, v in signature(image=tf.constant(encoded)).items()}


def _serve(path: Path) -> object:
    """Answer a file between two sound ones, whose answers must not change."""
    import numpy as np

    from kerastransfer.errors import DataError

    folder = path.parent / _MODEL
    signature = _predictor(folder).model.signatures["serving_default"]
    expected = np.array(_alone(folder))
    rows = _rows(signature, [_sound(), path.read_bytes(), _sound()])
    sound = rows["probabilities"][[0, 2]]
    if not rows["readable"][[0, 2]].all() or np.abs(sound - expected).max() > 1e-4:
        raise RuntimeError("a neighbour is answered otherwise")
    answer = rows["probabilities"][1]
    if not rows["readable"][1]:
        if np.isfinite(answer).any() or rows["label"][1]:
            raise RuntimeError("an answer to what is not readable")
        raise DataError("not readable")
    if not np.isfinite(answer).all() or abs(answer.sum() - 1) > 1e-3:
        raise RuntimeError("no probabilities of what is readable")
    return answer.round(3)


def _predict(path: Path) -> object:
    """Classify a file as ``predict`` does; its error is its own."""
    from kerastransfer.errors import DataError

    (prediction,) = _predictor(path.parent / _MODEL).predict([path])
    if prediction.probabilities is None:
        if not prediction.error:
            raise RuntimeError("no answer and no error")
        raise DataError(prediction.error)
    return prediction.probabilities.round(3)


_MUTATORS = (bombs.NOISE, bombs.DECLARED, bombs.LARGE)
_MODULES = ("fuzzing.large_bombs",)
TARGETS = (
    Target(
        name="served",
        prepare=_prepare_served,
        read=_serve,
        mutators=_MUTATORS,
        modules=_MODULES,
    ),
    Target(
        name="predicted",
        prepare=_prepare,
        read=_predict,
        mutators=_MUTATORS,
        modules=_MODULES,
    ),
)
