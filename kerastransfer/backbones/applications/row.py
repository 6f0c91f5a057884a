"""What is written down of a network of ``keras.applications``: one row."""

import dataclasses
from typing import Literal

Input = Literal["caffe", "halves", "imagenet", "eighths"]
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
APACHE, BSD, MIT = "Apache-2.0", "BSD-3-Clause", "MIT"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRow:
    """One network.

    Parameters
    ----------
    name : str
        On the command line.
    constructor : str
        In ``keras.applications``.
    size : int
        Side of the input in pixels.
    resize_to : int
        Shorter side of the image of which the input is the centre.
    smallest : int
        Side of the smallest input that it takes; `size` where it takes no other.
    interpolation : {'bicubic', 'bilinear'}
    pixels : {'caffe', 'halves', 'imagenet', 'eighths'}
        What becomes of pixels of 0 to 255: BGR minus a mean; -1 to 1; minus ImageNet's
        mean, divided by its deviation; -1 to 1 in steps of 1/128. Some constructors
        have layers for it; these are left out, so that every network gets its input
        from one place.
    cuts : tuple of str, of length 6
        The layers that end blocks 1 to 6. Block 7 ends in the feature that the
        classifier takes.
    url : str
        Of the weights; Keras keeps them under the last part of it.
    hash : str
        Of that file: MD5, or SHA-256; empty where none is published.
    licence : str
        Of the weights.
    top1, top5 : float, optional
        Published accuracy on ImageNet's validation set. Fractions.
    """

    name: str
    constructor: str
    size: int = 224
    resize_to: int = 256
    smallest: int = 32
    interpolation: Literal["bicubic", "bilinear"] = "bilinear"
    pixels: Input
    cuts: tuple[str, str, str, str, str, str]
    url: str
    hash: str = ""
    licence: str = APACHE
    top1: float
    top5: float | None = None


def kernels(folder: str, name: str) -> str:
    """Return where weights are whose names say the order of their axes."""
    return f"{KERAS}/{folder}/{name}_weights_tf_dim_ordering_tf_kernels.h5"
