"""How a backbone wants its images: the facts, and the graph that obeys them.

One object drives training, evaluation and the exported model, so that no two of them
can differ. TensorFlow is imported inside the functions: the facts are needed by
commands that must answer without it.
"""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.errors import WeightsError

if TYPE_CHECKING:
    import tensorflow as tf


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


def resize(image: "tf.Tensor", facts: Preprocessing) -> "tf.Tensor":
    """Bring one image to the size that crops are taken from.

    Parameters
    ----------
    image : tensor of shape (height, width, 3)
        RGB, 0 to 255, of any number type.
    facts : Preprocessing
        The backbone's.

    Returns
    -------
    tensor of shape (new_height, new_width, 3), float32
        RGB, within 0 to 255 (bicubic overshoot is cut off); no side is shorter than
        the crop.
    """
    import tensorflow as tf

    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    if facts.resize == "warp":
        size = tf.constant([facts.resize_to, facts.resize_to])
    else:
        ratio = facts.resize_to / tf.reduce_min(shape)
        size = tf.maximum(tf.cast(tf.round(shape * ratio), tf.int32), facts.resize_to)
    image = tf.cast(image, tf.float32)

    def resized() -> tf.Tensor:
        new = tf.image.resize(image, size, method=facts.interpolation, antialias=True)
        return tf.clip_by_value(new, 0.0, 255.0)

    # Most records are of that size already; TensorFlow would filter them all the same,
    # to the same values, and take longer than for decoding.
    same = tf.reduce_all(tf.equal(size, tf.shape(image)[:2]))
    return tf.cond(same, lambda: image, resized)


def crop(image: "tf.Tensor", facts: Preprocessing, view: "tf.Tensor") -> "tf.Tensor":
    """Cut one view out of a resized image.

    Parameters
    ----------
    image : tensor of shape (height, width, 3)
        As `resize` returns it.
    facts : Preprocessing
        The backbone's.
    view : tensor of shape (3,), float32
        (top, left, mirror): the place as fractions, 0 to 1, of the room that the crop
        leaves; mirror is 1 for the mirror image.

    Returns
    -------
    tensor of shape (crop, crop, 3), float32
        RGB, 0 to 255; where there is a mean image, less what that differs by from the
        mean, so that `normalise` subtracts the rest.
    """
    import tensorflow as tf

    room = tf.cast(tf.shape(image)[:2] - facts.crop, tf.float32)
    # floor(x + 0.5), for tf.round goes to even: the centre must not depend on parity.
    place = tf.cast(tf.floor(view[:2] * room + 0.5), tf.int32)
    box = place[0], place[1], facts.crop, facts.crop
    cut = tf.image.crop_to_bounding_box(image, *box)
    if facts.mean_image is not None:  # before the mirror, as Caffe does
        cut -= tf.image.crop_to_bounding_box(_deviation(facts.mean_image, facts), *box)
    cut = tf.cond(view[2] > 0.5, lambda: cut[:, ::-1], lambda: cut)
    return tf.ensure_shape(cut, (facts.crop, facts.crop, 3))


def centre_crops(images: "tf.Tensor", facts: Preprocessing) -> "tf.Tensor":
    """Treat images that somebody else has cropped as `crop` treats the centre.

    Parameters
    ----------
    images : tensor of shape (n, crop, crop, 3)
        RGB, 0 to 255.
    facts : Preprocessing
        The backbone's.

    Returns
    -------
    tensor of shape (n, crop, crop, 3), float32
        As `normalise` takes them.
    """
    import tensorflow as tf

    images = tf.cast(images, tf.float32)
    if facts.mean_image is None:
        return images
    corner = (facts.mean_image.side - facts.crop + 1) // 2  # as `crop` rounds it
    box = corner, corner, facts.crop, facts.crop
    deviation = _deviation(facts.mean_image, facts)
    return images - tf.image.crop_to_bounding_box(deviation, *box)


def _deviation(image: MeanImage, facts: Preprocessing) -> "tf.Tensor":
    """Return how a mean image differs from the mean: (side, side, 3), RGB."""
    import tensorflow as tf

    deviation = image.pixels - np.array(facts.mean, np.float32)
    return tf.constant(deviation[..., ::-1] if facts.channels == "BGR" else deviation)


def kept_part(facts: Preprocessing, width: int, height: int) -> float:
    """Return the part of an image that the centre crop keeps.

    Parameters
    ----------
    facts : Preprocessing
        The backbone's.
    width, height : int
        Of the image, in pixels.

    Returns
    -------
    float
        A fraction of its area.
    """
    shorter, longer = sorted((width, height))
    aspect = 1.0 if facts.resize == "warp" else longer / shorter
    return (facts.crop / facts.resize_to) ** 2 / aspect


def normalise(images: "tf.Tensor", facts: Preprocessing) -> "tf.Tensor":
    """Turn crops into the network's input.

    Parameters
    ----------
    images : tensor of shape (n, crop, crop, 3)
        As `crop` returns them.
    facts : Preprocessing
        The backbone's.

    Returns
    -------
    tensor of shape (n, crop, crop, 3), float32
        In the network's channel order; dimensionless.
    """
    import tensorflow as tf

    images = tf.cast(images, tf.float32)
    if facts.channels == "BGR":
        images = images[..., ::-1]
    return (images - tf.constant(facts.mean)) / tf.constant(facts.scale)
