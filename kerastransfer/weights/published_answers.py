"""A published answer to a published photograph, asked of weights that were ported.

It is the one test of a port that no machine without the real files can make: that the
numbers which the original framework printed come out again.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerastransfer.backbones import image_ops
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.foundation.home import home
from kerastransfer.recipe import NUM_BLOCKS
from kerastransfer.weights import table
from kerastransfer.weights.table import PublishedAnswer

_MOST_BYTES = 1 << 24


@dataclasses.dataclass(frozen=True, slots=True)
class Answers:
    """The likeliest classes that a network names.

    Parameters
    ----------
    numbers : tuple of int
        Of classes, from 0 in the order of WordNet's identifiers.
    probabilities : tuple of float
        Theirs, the highest first.
    """

    numbers: tuple[int, ...]
    probabilities: tuple[float, ...]


def of_weights(name: str) -> PublishedAnswer | None:
    """Return what is published of weights' answers, or None where nothing is."""
    return next((row for row in table.PREDICTIONS if row.weights == name), None)


def photograph(expected: PublishedAnswer, path: Path | None = None) -> bytes | None:
    """Read the published photograph.

    Parameters
    ----------
    expected : PublishedAnswer
    path : Path, optional
        By default the file in ``$KERASTRANSFER_HOME/weights``.

    Returns
    -------
    bytes or None
        None where no path was given and the usual place is empty.

    Raises
    ------
    MissingError
        If there is no file at `path`.
    InputError
        If it is another photograph.
    """
    file = path or home() / "weights" / expected.image_url.rpartition("/")[2]
    if not file.is_file():
        if path is None:
            return None
        raise MissingError(f"Photograph {str(path)!r} is not there.")
    with file.open("rb") as opened:
        data = opened.read(_MOST_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(expected.image_sha256):
        raise InputError(
            f"Expected the photograph that the answers were published for (a sha256 of "
            f"{expected.image_sha256}...), got {str(file)!r} with {digest[:8]}...; it "
            f"is at {expected.image_url}."
        )
    return data


def ask(
    mapping: Mapping[str, np.ndarray], expected: PublishedAnswer, image: bytes
) -> Answers:
    """Classify the photograph as the original framework did.

    Parameters
    ----------
    mapping : mapping of str to array
        Ported weights.
    expected : PublishedAnswer
        Says which network, and how the photograph is prepared: warped to the network's
        input by bilinear interpolation without antialias, less the mean pixel.
    image : bytes
        The photograph's file.

    Returns
    -------
    Answers
    """
    import tensorflow as tf

    backbone = backbones.get(table.get(expected.weights).backbone)
    network = backbone.build(backbone.source_classes, 0)
    for number in range(1, NUM_BLOCKS + 1):
        network.assign(number, mapping)
    preprocessing: Preprocessing = dataclasses.replace(
        backbone.preprocessing, mean=expected.mean
    )
    pixels = tf.io.decode_image(image, channels=3, expand_animations=False)
    warped = tf.image.resize(pixels, (preprocessing.crop, preprocessing.crop))
    logits = network.forward(image_ops.normalise(warped[tf.newaxis], preprocessing))
    probabilities = tf.nn.softmax(logits)[0].numpy().astype(float)
    best = np.argsort(-probabilities, kind="stable")[: len(expected.top5)]
    return Answers(tuple(best.tolist()), tuple(probabilities[best].tolist()))


def compare(expected: PublishedAnswer, found: Answers) -> list[str]:
    """Hold a network's answers against the published ones.

    Parameters
    ----------
    expected : PublishedAnswer
    found : Answers

    Returns
    -------
    list of str
        A line for each published class.

    Raises
    ------
    WeightsError
        If the likeliest class is another one, or a probability is off by more than the
        tolerance.
    """
    lines = []
    for (number, name, published), got_number, got in zip(
        expected.top5, found.numbers, found.probabilities, strict=True
    ):
        lines.append(f"{name}: {got:.4f}, published {published:.4f}")
        other = number is not None and number != got_number
        if other or abs(got - published) > expected.tolerance:
            raise WeightsError(
                f"Expected the published answer {name!r} with {published:.4f} from "
                f"{expected.weights!r} (within {expected.tolerance:g}), got class "
                f"{got_number} with {got:.4f}; the weights or their port are wrong."
            )
    return lines
