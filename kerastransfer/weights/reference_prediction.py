"""Check ported weights against the prediction that their authors published.

A network with the ported weights classifies the published photograph. Where the
original framework's classes and probabilities come out again, the file, its port and
the architecture are right together; hashes and shapes cannot show that.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones import image_ops
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.published import ReferencePrediction
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation.home import home
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

_MOST_BYTES = 1 << 24


@dataclasses.dataclass(frozen=True, slots=True)
class TopClasses:
    """A network's most probable classes, the most probable first.

    Parameters
    ----------
    indices : tuple of int
        Class indices from 0, in the order of the source's classes.
    """

    indices: tuple[int, ...]
    probabilities: tuple[float, ...]


def read_photograph(
    reference: ReferencePrediction, path: Path | None = None
) -> bytes | None:
    """Read the published photograph and check its hash.

    Parameters
    ----------
    path : Path, optional
        By default the file in ``$KERASTRANSFER_HOME/weights``.

    Returns
    -------
    bytes or None
        None where no path was given and there is no file at the default place.

    Raises
    ------
    MissingError
        If there is no file at `path`.
    InputError
        If it is another photograph.
    """
    file = path or home() / "weights" / reference.image_url.rpartition("/")[2]
    if not file.is_file():
        if path is None:
            return None
        raise MissingError(f"Photograph {quoted(path)} is not there.")
    with file.open("rb") as opened:
        data = opened.read(_MOST_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(reference.image_sha256):
        raise InputError(
            "Expected the photograph that the answers were published for (a sha256 of "
            f"{reference.image_sha256}...), got {quoted(file)} with {digest[:8]}...; "
            f"it is at {reference.image_url}."
        )
    return data


def predict(
    backbone: Backbone,
    mapping: Mapping[str, np.ndarray],
    reference: ReferencePrediction,
    image: bytes,
) -> TopClasses:
    """Classify the photograph as the original framework did.

    It is warped to the network's input by bilinear interpolation without antialias,
    and the published mean pixel is subtracted.

    Parameters
    ----------
    mapping : mapping of str to array
        Ported weights of that backbone.
    image : bytes
        The photograph's file.
    """
    import tensorflow as tf

    from kerastransfer import decoding

    network = backbone.build(backbone.source_classes, 0)
    for block in range(1, NUM_BLOCKS + 1):
        network.assign(block, mapping)
    preprocessing = dataclasses.replace(backbone.preprocessing, mean=reference.mean)
    pixels = decoding.decode(image)
    warped = tf.image.resize(pixels, (preprocessing.crop, preprocessing.crop))
    logits = network.forward(image_ops.normalise(warped[tf.newaxis], preprocessing))
    probabilities = tf.nn.softmax(logits)[0].numpy().astype(float)
    best = np.argsort(-probabilities, kind="stable")[: len(reference.top5)]
    return TopClasses(tuple(best.tolist()), tuple(probabilities[best].tolist()))


def compare(reference: ReferencePrediction, predicted: TopClasses) -> list[str]:
    """Compare a network's prediction with the published one.

    Returns
    -------
    list of str
        A line for each published class.

    Raises
    ------
    WeightsError
        If the most probable class is another one, or a probability is off by more than
        the tolerance.
    """
    lines = []
    for (index, name, published), got_index, got in zip(
        reference.top5, predicted.indices, predicted.probabilities, strict=True
    ):
        lines.append(f"{name}: {got:.4f}, published {published:.4f}")
        other = index is not None and index != got_index
        if other or abs(got - published) > reference.tolerance:
            raise WeightsError(
                f"Expected the published answer {quoted(name)} with {published:.4f} "
                f"(within {reference.tolerance:g}), got class {got_index} with "
                f"{got:.4f}; the weights or their port are wrong."
            )
    return lines
