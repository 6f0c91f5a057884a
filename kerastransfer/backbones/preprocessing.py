"""Geometry and normalisation of a backbone's input. Imports no TensorFlow.

Training, evaluation and the exported model share one such object, so they cannot
differ; `kerastransfer.backbones.image_ops` builds the TensorFlow graph from it.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted

Fit = Literal["crop", "pad", "squash"]
FITS: tuple[Fit, ...] = ("crop", "pad", "squash")

# What networks of Keras want of pixels in 0 to 255: channel order, mean and scale. The
# first three are modes of keras/src/applications/imagenet_utils.py (caffe, tf, torch).
PIXELS: Mapping[str, dict[str, Any]] = {
    "caffe": {
        "channels": "BGR",
        "mean": (103.939, 116.779, 123.68),
        "scale": (1.0, 1.0, 1.0),
    },
    "halves": {"channels": "RGB", "mean": (127.5,) * 3, "scale": (127.5,) * 3},
    "imagenet": {
        "channels": "RGB",
        "mean": (255 * 0.485, 255 * 0.456, 255 * 0.406),
        "scale": (255 * 0.229, 255 * 0.224, 255 * 0.225),
    },
    "eighths": {"channels": "RGB", "mean": (128.0,) * 3, "scale": (128.0,) * 3},
    "unit": {"channels": "RGB", "mean": (0.0,) * 3, "scale": (255.0,) * 3},
    "none": {"channels": "RGB", "mean": (0.0,) * 3, "scale": (1.0,) * 3},
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Geometry and normalisation of a backbone's input.

    Parameters
    ----------
    resize : {'shorter_side', 'warp'}
        Scale the shorter side to `resize_to` pixels and keep the aspect ratio, or warp
        to a square of that size.
    resize_to, crop : int
        Sizes in pixels, before and after the crop; the crop is the network's input.
    interpolation : {'bicubic', 'bilinear'}
        Always with antialiasing.
    channels : {'RGB', 'BGR'}
        Channel order of the network's input. Images are given as RGB.
    mean, scale : tuple of 3 floats
        In the network's channel order: the input is (pixel - mean) / scale, pixels in
        0 to 255.
    mean_image : MeanImage, optional
        Subtracted instead of `mean`, at each crop's own position. Its side is
        `resize_to` pixels, and images are warped to that size.
    fit : {'crop', 'pad', 'squash'}
        'crop' cuts off what lies beyond the crop. Of the others the centre crop holds
        the whole image: 'pad' scales its longer side to `crop` pixels and fills the
        rest with the mean pixel, 'squash' warps it to a square; there `resize` has no
        part, and other crops are shifted by up to half of `resize_to` - `crop`.
    """

    resize: Literal["shorter_side", "warp"]
    resize_to: int
    crop: int
    interpolation: Literal["bicubic", "bilinear"]
    channels: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    mean_image: MeanImage | None = None
    fit: Fit = "crop"

    def __post_init__(self) -> None:
        if self.mean_image is None:
            return
        if self.resize != "warp" or self.mean_image.side != self.resize_to:
            raise WeightsError(
                f"Expected images warped to the mean image's {self.mean_image.side} "
                f"pixels, got resize={quoted(self.resize)} to {self.resize_to}."
            )
        if self.fit != "crop":
            raise WeightsError(
                f"Expected --fit crop beside a mean image, got {quoted(self.fit)}: it "
                "is subtracted where each crop lies; leave --mean-image out."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON; part of a cache's key."""
        fields = dataclasses.asdict(dataclasses.replace(self, mean_image=None))
        return {**fields, "mean_image": self.mean_image and self.mean_image.sha256}


def kept_part(preprocessing: Preprocessing, width: int, height: int) -> float:
    """Return the fraction of an image's area that the centre crop keeps.

    Parameters
    ----------
    width, height : int
        Of the image, in pixels.

    Examples
    --------
    >>> from kerastransfer.backbones import table
    >>> lite0 = table.get("efficientnet_lite0").preprocessing  # 224 of 256 pixels
    >>> kept_part(lite0, width=640, height=320)
    0.3828125
    """
    if preprocessing.fit != "crop":
        return 1.0
    shorter, longer = sorted((width, height))
    aspect = 1.0 if preprocessing.resize == "warp" else longer / shorter
    return (preprocessing.crop / preprocessing.resize_to) ** 2 / aspect
