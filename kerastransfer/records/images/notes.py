"""What is said of images that are not plain 8-bit pictures: noted for each, counted."""

from collections.abc import Mapping
from typing import Any, Final

DEEP = "deep"
TRANSPARENT = "transparent"
BLANK = "blank"
FRAMES = "frames"
BANDS = "bands"
UNNAMED = "unnamed"
CLIPPED = "clipped"
CMYK = "cmyk"
PROFILE = "profile"

# In the order in which they are listed.
_WORDS: Final = {
    DEEP: "images deeper than 8 bits{white}",
    CLIPPED: "images with values above the white level, which are white now",
    TRANSPARENT: "images with transparency{ground}",
    BLANK: "of these wholly transparent: nothing but background",
    FRAMES: "files of several frames or pages, of which the first was taken",
    BANDS: "images with bands beyond red, green and blue, which were left out",
    UNNAMED: "images of three unnamed bands, taken for red, green and blue",
    CMYK: "images in CMYK, turned to RGB without a colour profile",
    PROFILE: "images with another colour profile than sRGB, which was not applied",
}


def lines(metadata: Mapping[str, Any]) -> list[str]:
    """Return what records say of their images, in lines of text.

    Parameters
    ----------
    metadata : mapping
        Of records; those of earlier versions say nothing.

    Examples
    --------
    >>> lines({"images": {"frames": 2}, "white_level": "auto", "white": {},
    ...        "background": "#ffffff"})
    ['images       2 files of several frames or pages, of which the first was taken']
    """
    counts = metadata["images"]
    if counts is None:
        return []
    blanks = {
        "white": _white(metadata),
        "ground": f", set on {metadata['background']}",
    }
    return [
        f"images       {counts[note]:,} {words.format(**blanks)}"
        for note, words in _WORDS.items()
        if counts.get(note)
    ]


def _white(metadata: Mapping[str, Any]) -> str:
    if not isinstance(metadata["white_level"], str):
        return f": {metadata['white_level']:,} is white"
    words = {
        "integer": "{:,} is white",
        "floating": "{:,} is white in floating-point ones",
    }
    levels = metadata["white"].items()
    known = [words[kind].format(level) for kind, level in levels if level is not None]
    return f": {'; '.join(known)}" if known else ": white is what their files say"
