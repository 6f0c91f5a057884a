"""How a backbone wants its images: geometry and normalisation. Needs no TensorFlow.

One object drives training, evaluation and the exported model, so that no two of them
can differ; `kerastransfer.backbones.image_ops` is the graph that obeys it.
"""

import dataclasses
from typing import Any, Literal

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.errors import WeightsError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Geometry and normalisation of a backbone's input.

    Parameters
    ----------
    resize : {'shorter_side', 'warp'}
        Keep the aspect and bring the shorter side to `resize_to` pixels, or warp to a
        square of that size.
    resize_to, crop : int
        Sizes in pixels, before and after the crop; the crop is the network's input.
    interpolation : {'bicubic', 'bilinear'}
        Always with antialias.
    channels : {'RGB', 'BGR'}
        Order that the network expects. Images come as RGB.
    mean, scale : tuple of 3 floats
        In the network's channel order: the input is (pixel - mean) / scale, pixels in
        0 to 255.
    mean_image : MeanImage, optional
        Subtracted in place of `mean`, each crop at its own place; of `resize_to` pixels
        a side, for images that are warped to it.
    """

    resize: Literal["shorter_side", "warp"]
    resize_to: int
    crop: int
    interpolation: Literal["bicubic", "bilinear"]
    channels: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    mean_image: MeanImage | None = None

    def __post_init__(self) -> None:
        if self.mean_image is None:
            return
        if self.resize != "warp" or self.mean_image.side != self.resize_to:
            raise WeightsError(
                f"Expected images warped to the mean image's {self.mean_image.side} "
                f"pixels, got resize={self.resize!r} to {self.resize_to}."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them; part of a cache's address."""
        fields = dataclasses.asdict(dataclasses.replace(self, mean_image=None))
        return {**fields, "mean_image": self.mean_image and self.mean_image.sha256}


def kept_part(preprocessing: Preprocessing, width: int, height: int) -> float:
    """Return the part of an image that the centre crop keeps.

    Parameters
    ----------
    preprocessing : Preprocessing
        The backbone's.
    width, height : int
        Of the image, in pixels.

    Returns
    -------
    float
        A fraction of its area.
    """
    shorter, longer = sorted((width, height))
    aspect = 1.0 if preprocessing.resize == "warp" else longer / shorter
    return (preprocessing.crop / preprocessing.resize_to) ** 2 / aspect
