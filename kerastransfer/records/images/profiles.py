"""Whether a colour profile is that which pixels are taken to have: sRGB."""

from typing import Final

_NAMES: Final = ("sRGB", "IEC61966", "IEC 61966")
_CODINGS: Final = ("ascii", "utf-16-be")
_LONGEST = 1 << 20  # bytes that are looked at


def is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile calls itself sRGB, or is empty.

    Examples
    --------
    >>> is_srgb(b"...desc...sRGB IEC61966-2.1..."), is_srgb(b"...Display P3...")
    (True, False)
    """
    head = profile[:_LONGEST]
    spellings = (name.encode(coding) for name in _NAMES for coding in _CODINGS)
    return not head or any(spelling in head for spelling in spellings)
