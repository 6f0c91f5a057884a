r"""Foreign values in messages: short, printable, and cut before they are formatted.

What a file, a command line or the environment holds may be of any length and any
depth, and may speak to the terminal. `quoted` stands in messages where ``!r`` would;
of ordinary values it returns the same. No method of a foreign class is called.
"""

import enum
import re
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

LONGEST_TEXT = 200  # characters of a path or another text, without its quotes
LONGEST_LIST = 100
LONGEST_MESSAGE = 2_000
_LONGEST = LONGEST_TEXT + len("''")
_LONGEST_NAME = 60
_SHORTEST_TEXT = 10
_LONGEST_NUMBER = 128  # bits
_DIGITS_OF_A_BIT = 0.30103
_DEEPEST = 4
_CUT = "..."
# Ends of lines, what terminals obey, what turns the direction of writing, and halves of
# characters, which cannot be encoded.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_UNPRINTABLE_BUT_LINES = re.compile(f"(?![\n\t]){_UNPRINTABLE.pattern}")
_NUMBER_KINDS = "biufcmM"  # NumPy's letters
_BRACKETS: dict[Any, str] = {
    **{dict: "{}", list: "[]", tuple: "()"},
    **{set: "{}", frozenset: "{}"},
}


def quoted(value: object, most: int = LONGEST_TEXT) -> str:
    r"""Return what stands for a value in a message, as ``repr`` would if it is short.

    Parameters
    ----------
    value : object
        Texts and paths lose their middle, containers their end; of integers of many
        digits only their length is given, and of objects of other classes the name of
        the class.
    most : int
        Characters of text, without its quotes; containers have at most about 100.

    Examples
    --------
    >>> quoted("two\nlines"), quoted((3, 227, 227)), quoted(0.5)
    ("'two\\nlines'", '(3, 227, 227)', '0.5')
    >>> quoted("x" * 10_000, 12)
    "'xxxxx...xxxx'"
    >>> quoted(list(range(1_000_000)))[-16:]
    '25, 26, 27, ...]'
    >>> quoted(10**5_000)
    'an integer of about 5,000 digits'
    """
    text = _shown(value, most, 0)
    return text if len(text) <= _LONGEST else _without_middle(text, _LONGEST)


def printable(text: str, most: int | None = None, *, lines: bool = False) -> str:
    r"""Escape what would end a line, or speak to the terminal, and cut what is long.

    Parameters
    ----------
    text : str
        Stands without quotes.
    most : int, optional
        Characters that are kept.
    lines : bool
        Whether ends of lines and tabs are kept as well.

    Examples
    --------
    >>> printable("two\nlines.png")
    'two\\nlines.png'
    """
    pattern = _UNPRINTABLE_BUT_LINES if lines else _UNPRINTABLE
    if most is not None and len(text) > most:
        text = _without_middle(text, most)
    text = pattern.sub(lambda match: repr(match.group())[1:-1], text)
    return text if most is None or len(text) <= most else _without_middle(text, most)


def _shown(value: object, most: int, depth: int) -> str:
    for kinds, show in _WAYS:
        if isinstance(value, kinds):
            return show(value, most, depth)
    return _of_numpy(value) or f"<{_name(type(value))}>"


def _text(text: str, most: int) -> str:
    """Quote a text, of which escapes leave less."""
    room = most
    while True:
        shown = repr(text if len(text) <= room else _without_middle(text, room))
        if len(shown) <= max(most, _SHORTEST_TEXT) + 2:
            return shown
        room = room * 3 // 4


def _without_middle(text: str, most: int) -> str:
    tail = max(most - len(_CUT), 0) // 2
    return text[: max(most - len(_CUT) - tail, 0)] + _CUT + text[len(text) - tail :]


def _bytes(data: bytes | bytearray | memoryview, most: int) -> str:
    start = bytes(data[: max(most - 3, 0) // 4])
    return repr(start) + (_CUT if len(start) < len(data) else "")


def _integer(value: int) -> str:
    bits = int.bit_length(value)
    if bits <= _LONGEST_NUMBER:
        return int.__repr__(value)
    return f"an integer of about {int(bits * _DIGITS_OF_A_BIT):,} digits"


def _container(value: Any, most: int, depth: int) -> str:
    most = min(most, LONGEST_LIST)
    kind = next(each for each in _BRACKETS if isinstance(value, each))
    brackets = _BRACKETS[kind]
    # The class's own methods, whatever a subclass makes of them.
    length, room, texts = kind.__len__(value), most, []
    for item in kind.items(value) if kind is dict else kind.__iter__(value):
        if room <= 0 or depth == _DEEPEST:
            break
        # An item of a dict is a key and a value.
        parts = item if kind is dict else (item,)
        texts.append(": ".join(_shown(part, room, depth + 1) for part in parts))
        room -= len(texts[-1]) + 2
    ending = ", ..." if texts else "..."
    if len(texts) == length:
        ending = "," if kind is tuple and length == 1 else ""
    return f"{brackets[0]}{', '.join(texts)}{ending}{brackets[1]}"


def _of_numpy(value: object) -> str:
    """Describe what NumPy made; empty for anything else."""
    np = sys.modules.get("numpy")  # whose values there are none of without it
    if np is None:
        return ""
    if isinstance(value, np.dtype):
        if value.names is not None:
            return f"a structure of {len(value.names):,} fields"
        # The names of others are of one word.
        return "sub-arrays" if value.subdtype else str(value)
    if isinstance(value, np.ndarray):
        shape = _container(value.shape, LONGEST_LIST, 1)
        return f"an array of shape {shape} and type {_of_numpy(value.dtype)}"
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBER_KINDS:
        return str(value)
    return ""


def _name(kind: type) -> str:
    return printable(type.__dict__["__name__"].__get__(kind), _LONGEST_NAME)


# The first that fits is taken: an enumeration's member and a truth value may be
# integers too. What a subclass makes of its methods is passed by.
_WAYS: tuple[tuple[Any, Callable[[Any, int, int], str]], ...] = (
    (enum.Enum, lambda value, *_: f"{_name(type(value))}.{value.name}"),
    ((bool, type(None), type(...)), lambda value, *_: repr(value)),
    (PurePath, lambda value, most, _: _text(str(value), most)),
    (str, lambda value, most, _: _text(str.__str__(value), most)),
    ((bytes, bytearray, memoryview), lambda value, most, _: _bytes(value, most)),
    (int, lambda value, *_: _integer(value)),
    (float, lambda value, *_: float.__repr__(value)),
    (complex, lambda value, *_: complex.__repr__(value)),
    (tuple(_BRACKETS), _container),
)
