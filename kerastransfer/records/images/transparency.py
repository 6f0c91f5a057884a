"""Transparent images on their background, in 8-bit sRGB."""

from typing import Final, NamedTuple

from PIL import Image

from kerastransfer.records.images import notes
from kerastransfer.records.images.rendering import Rendering

# Whose alpha many writers leave at zero without meaning it; browsers show the colours.
_UNSURE: Final = ("BMP", "ICO")
_OPAQUE = 255


class Flat(NamedTuple):
    """An image in RGB, and what is noted of its transparency."""

    image: Image.Image
    notes: frozenset[str]


def flatten(image: Image.Image, kind: str, rendering: Rendering) -> Flat:
    """Bring an 8-bit image of any mode to RGB, on its background.

    Parameters
    ----------
    kind : str
        Pillow's name of the format.
    """
    if rendering.background is None or not image.has_transparency_data:
        return Flat(image.convert("RGB"), frozenset())
    # Pillow goes no straight way from gray that is multiplied by its alpha
    straight = image.convert("LA") if image.mode == "La" else image
    rgba = straight.convert("RGBA")
    alpha = rgba.getchannel("A")
    least, most = alpha.getextrema()
    if least == _OPAQUE or (most == 0 and kind in _UNSURE):
        return Flat(image.convert("RGB"), frozenset())
    ground = Image.new("RGB", image.size, rendering.ground)
    ground.paste(rgba.convert("RGB"), mask=alpha)
    blank = {notes.BLANK} if most == 0 else set()
    return Flat(ground, frozenset({notes.TRANSPARENT, *blank}))
