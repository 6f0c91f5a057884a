"""Pixels deeper than 8 bits, before it is known which value is white."""

import dataclasses
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.records.images.rendering import Rendering

_BLOCK = 1 << 20  # samples that are scaled at once, which bounds memory


class ValueRange(NamedTuple):
    """The values of an image whose white level is not known.

    Parameters
    ----------
    kind : {'integer', 'floating'}
    greatest : float
    """

    kind: Literal["integer", "floating"]
    greatest: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """An image as its file holds it.

    Parameters
    ----------
    colours : array of shape (height, width, 1 or 3)
        Gray, or RGB.
    alpha : array of shape (height, width), optional
        Transparency, of the same type.
    white : int, optional
        The value that the file says is white; None where it only says how many bytes
        there are.
    inverted : bool
        Whether 0 is white.
    premultiplied : bool
        Whether colours are multiplied by alpha already.
    notes : frozenset of str
        See `kerastransfer.records.images.notes`.
    """

    colours: NDArray[Any]
    alpha: NDArray[Any] | None = None
    white: int | None = None
    inverted: bool = False
    premultiplied: bool = False
    notes: frozenset[str] = frozenset()

    @property
    def kind(self) -> Literal["integer", "floating"]:
        """Whether the values are whole numbers by their type."""
        return "floating" if self.colours.dtype.kind == "f" else "integer"

    def check(self) -> ValueRange:
        """Return the range of values.

        Raises
        ------
        DataError
            If some are below zero or no numbers, which no white level makes right.
        """
        if self.colours.dtype.kind not in "uif":
            raise DataError(f"expected numbers, got samples of {self.colours.dtype}")
        least, greatest = float(self.colours.min()), float(self.colours.max())
        if not (np.isfinite(least) and np.isfinite(greatest)):
            raise DataError("some of its values are no finite numbers; mend them first")
        if least < 0:
            raise DataError(
                f"its values begin at {least:g}, below black; shift them to begin at 0"
            )
        return ValueRange(self.kind, greatest)


def white_level(samples: Samples, rendering: Rendering) -> int | float | None:
    """Return which value of an image is white; None where that is not known."""
    if rendering.given is not None:
        return rendering.given
    if samples.white is not None:
        return samples.white
    return rendering.floating if samples.kind == "floating" else rendering.integer


def to_8_bits(
    samples: Samples, white: int | float, ground: tuple[int, int, int] | None
) -> NDArray[np.uint8]:
    """Scale an image so that `white` becomes 255, and set it on its background.

    Parameters
    ----------
    samples : Samples
        Checked.
    ground : (int, int, int) or None
        Red, green and blue of the background; None to drop transparency.

    Returns
    -------
    array of shape (height, width, 3)
        RGB. Values above white are white.
    """
    height, width, _ = samples.colours.shape
    pixels = np.empty((height, width, 3), np.uint8)
    opaque = _opaque(samples, white)
    step = max(1, _BLOCK // max(1, width))
    for top in range(0, height, step):
        rows = slice(top, top + step)
        colours = np.minimum(samples.colours[rows].astype(np.float64) / white, 1)
        if samples.inverted:
            colours = 1 - colours
        if samples.alpha is not None and ground is not None:
            alpha = np.minimum(samples.alpha[rows, :, None] / opaque, 1)
            rest = (1 - alpha) * np.array(ground) / 255
            colours = (colours if samples.premultiplied else colours * alpha) + rest
        pixels[rows] = np.rint(np.clip(255 * colours, 0, 255))
    return pixels


def is_transparent(samples: Samples, white: int | float) -> bool:
    """Whether an image lets some of its background through."""
    if samples.alpha is None:
        return False
    return bool(samples.alpha.min() < _opaque(samples, white))


def is_blank(samples: Samples) -> bool:
    """Whether an image is all background."""
    return samples.alpha is not None and bool(samples.alpha.max() == 0)


def _opaque(samples: Samples, white: int | float) -> int | float:
    """Return the alpha that hides the background: white's level, or the type's most."""
    if samples.alpha is None or float(samples.alpha.max()) <= white:
        return white
    if samples.alpha.dtype.kind == "f":
        return float(samples.alpha.max())
    return int(np.iinfo(samples.alpha.dtype).max)
