"""How deep and transparent images become 8-bit RGB: white levels and a background."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Self

from PIL import ImageColor

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

WhiteLevel = int | float | str
AUTO = "auto"
WHITE = "#ffffff"
_FULL = 65_535  # of 16 bits
_MOST = 2**32
_COLOURS = {"white": WHITE, "black": "#000000"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What decides the 8-bit pixels of images that have more than those.

    Parameters
    ----------
    given : int, float or None
        The white level of all deep images, where a user gave one.
    integer, floating : int, float or None
        Those of whole numbers and of floating-point numbers; None where they are not
        known, so that such an image cannot be rendered yet.
    background : str or None
        What transparent pixels are set on, ``#rrggbb``; None where transparency is
        dropped, as in records of earlier versions.
    """

    given: int | float | None = None
    integer: int | float | None = None
    floating: int | float | None = None
    background: str | None = WHITE

    @classmethod
    def of_options(cls, white_level: WhiteLevel, background: str) -> Self:
        """Return what a conversion's options say; with ``auto``, levels are unknown."""
        given = None if isinstance(white_level, str) else white_level
        return cls(given=given, background=background)

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any]) -> "Rendering":
        """Return how the images of records were rendered."""
        if metadata["white_level"] is None:  # of an earlier version
            return LEGACY
        asked = cls.of_options(metadata["white_level"], metadata["background"])
        return dataclasses.replace(asked, **metadata["white"])

    @property
    def levels(self) -> dict[str, int | float | None]:
        """The white levels that were found in a dataset, by field."""
        return {"integer": self.integer, "floating": self.floating}

    @property
    def ground(self) -> tuple[int, int, int]:
        """The background's red, green and blue."""
        return ImageColor.getrgb(self.background or WHITE)[:3]


# Of one image that stands for itself: 16 bits are as deep as they can be.
ALONE = Rendering(integer=_FULL)
LEGACY = Rendering(integer=_FULL, background=None)


def read_white_level(value: WhiteLevel | None) -> WhiteLevel:
    """Check a white level: ``auto``, or the value that is white.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> read_white_level("4095"), read_white_level("auto"), read_white_level(1.0)
    (4095, 'auto', 1)
    """
    if value is None or value == AUTO:
        return AUTO
    try:
        level = float(value)
    except (TypeError, ValueError, OverflowError):
        level = 0.0
    if isinstance(value, bool) or not 0 < level <= _MOST:
        raise InputError(
            f"Expected --white-level to be auto or a number from above 0 to {_MOST:,}, "
            f"got {quoted(value)}."
        )
    return int(level) if level.is_integer() else level


def read_background(value: str | None) -> str:
    """Check a background: ``white``, ``black`` or ``#rrggbb``.

    Raises
    ------
    InputError
        If it is none of them.

    Examples
    --------
    >>> read_background("black"), read_background("#C0FFEE")
    ('#000000', '#c0ffee')
    """
    text = WHITE if value is None else str(value).lower()
    text = _COLOURS.get(text, text)
    if not re.fullmatch(r"#[0-9a-f]{6}", text):
        raise InputError(
            f"Expected --background to be white, black or #rrggbb, got {quoted(value)}."
        )
    return text
