"""Values of others in messages: as repr shows them where short, else cut and clean."""

import collections
import enum
import pathlib
import random
import sys
import time

import numpy as np
import pytest

from kerastransfer import errors
from kerastransfer.foundation.quoting import (
    LONGEST_TEXT,
    printable,
    quoted,
)

pytestmark = pytest.mark.light
LONGEST = LONGEST_TEXT + 2


class Loud:
    """What must not be asked for anything."""

    def __repr__(self):
        raise AssertionError("asked")

    __str__ = __len__ = __iter__ = __format__ = __bool__ = __repr__


class LoudText(str):
    __repr__ = __str__ = __len__ = __getitem__ = __iter__ = Loud.__repr__


class LoudList(list):
    __repr__ = __str__ = __len__ = __getitem__ = __iter__ = Loud.__repr__


class LoudDict(dict):
    __repr__ = __str__ = __len__ = items = __iter__ = Loud.__repr__


class Color(enum.Enum):
    RED = "r"


@pytest.mark.parametrize(
    "value",
    [
        *("", "a", "it's", "both \" and '", "ñ 猫 🐈", "tab\t", "x" * LONGEST_TEXT),
        *(b"", b"PK\x03\x04", 0, -5, 2**64, 0.1, float("nan"), 1j, True, None, ...),
        *((), (1,), (3, 227, 227), [], [1, "b"], {}, {"a": 1, 2: None}, {1}),
        ((1, 2), [3, {"a": (4,)}]),
    ],
)
def test_short_values_are_as_repr_shows_them(value):
    assert quoted(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pathlib.PurePosixPath("/a b/c.npz"), "'/a b/c.npz'"),
        (np.float32(0.1), "0.1"),
        (np.int64(3), "3"),
        (np.str_("a"), "'a'"),
        (np.bool_(True), "True"),
        (np.dtype("<f4"), "float32"),
        (np.dtype("<U5"), "<U5"),
        (np.dtype([("a", "f4"), ("b", "i2")]), "a structure of 2 fields"),
        (np.zeros((2, 3), "f4"), "an array of shape (2, 3) and type float32"),
        (np.zeros((), [("a", "f4")])[()], "<void>"),
        (Color.RED, "Color.RED"),
        (Loud(), "<Loud>"),
        (Loud, "<type>"),
        (LoudText("a"), "'a'"),
        (LoudList([1, 2]), "[1, 2]"),
        (LoudDict({"a": 1}), "{'a': 1}"),
        (collections.OrderedDict(a=1), "{'a': 1}"),
        (bytearray(b"ab"), "b'ab'"),
        (10**60, "an integer of about 60 digits"),
        ("\ud800\x1b[2J\u202e\u2028", r"'\ud800\x1b[2J\u202e\u2028'"),
        ([[[[["deep"]]]]], "[[[[[...]]]]]"),
        ([[[[[]]]]], "[[[[[]]]]]"),
        (type("X\x1b" + "y" * 1_000, (), {})(), None),
    ],
    ids=lambda value: type(value).__name__[:10],  # pytest would ask them
)
def test_other_values(value, text):
    assert text is None or quoted(value) == text
    assert len(quoted(value)) <= LONGEST
    assert quoted(value).isprintable()


def test_a_long_path_loses_its_middle():
    path = pathlib.PurePosixPath("/begin" + "/folder" * 1_000 + "/end.npz")
    text = quoted(path)
    assert text.startswith("'/begin/folder")
    assert text.endswith("/folder/end.npz'")
    assert len(text) == LONGEST_TEXT + 2


def huge():
    cycle = []
    cycle.append(cycle)
    deep = ()
    for _ in range(10_000):
        deep = (deep, deep)
    text = "x" * 10**7
    return {
        "text": text,
        "escaped": "\U000e0001" * 10**6,
        "bytes": b"\xff" * 10**7,
        "memory": memoryview(bytes(10**7)),
        "integer": 1 << 10**7,
        "list": [text] * 10**6,
        "tuple": tuple(range(10**6)),
        "dict": {number: text for number in range(10**5)},
        "keys": {(text, number): 1 for number in range(100)},
        "set": set(range(10**5)),
        "deep": deep,
        "cycle": cycle,
        "dtype": np.dtype([(f"f{n}", "f4", (2,) * 10) for n in range(20_000)]),
        "array": np.zeros((1,) * 60, [("a" * 10**6, "f4")]),
        "path": pathlib.PurePosixPath(text),
    }


HUGE = huge()


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_value_costs_nothing(name):
    begun = time.perf_counter()
    text = quoted(HUGE[name])
    assert time.perf_counter() - begun < 0.2
    assert text.isprintable()
    assert len(text) <= LONGEST


def anything(draw, depth=0):
    """A value of any of the classes, nested; texts of any characters."""
    kind = draw.randrange(11 if depth < 6 else 6)
    size = draw.choice([0, 1, 3, 8, 300])
    text = "".join(chr(draw.randrange(sys.maxunicode + 1)) for _ in range(size))
    if kind < 6:
        number = draw.getrandbits(draw.choice([3, 60, 40_000])) * draw.choice([1, -1])
        controls = "".join(chr(draw.randrange(0x20)) for _ in range(size))
        return [text, controls, text.encode("utf-8", "replace"), number, 0.1, Loud()][
            kind
        ]
    items = [anything(draw, depth + 1) for _ in range(draw.randrange(5))]
    keys = [anything(draw, 6) for _ in items]
    made = (list, tuple, collections.deque, set)
    if kind < 9:
        return made[kind - 6](items)
    return dict(zip(keys, items, strict=True)) if kind == 9 else set(keys)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_is_short_and_printable(seed):
    draw = random.Random(seed)
    for _ in range(100):
        value = anything(draw)
        most = draw.choice([10, 80, LONGEST_TEXT])
        text = quoted(value, most)
        assert text.isprintable(), text
        assert len(text) <= LONGEST
        if isinstance(value, str | bytes):
            assert len(text) <= most + 6
            cut = "..." in text
            assert cut or text == repr(value)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a\tb.png", "a\\tb.png"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J.png", "\\x1b[2J.png"),
        ("a\u2028b", "a\\u2028b"),
        ("gnp.\u202eexe", "gnp.\\u202eexe"),
        ("ñ \udce9'\\", "ñ \\udce9'\\"),
    ],
)
def test_a_name_takes_one_line(name, line):
    assert printable(name) == line


def test_a_text_of_several_lines_keeps_them():
    assert printable("a\n\tb\x1b\r", lines=True) == "a\n\tb\\x1b\\r"


@pytest.mark.parametrize("text", ["x" * 10**6, "\x00" * 10**6, "\x00" * 90])
def test_a_printable_text_is_bounded(text):
    assert len(printable(text, 100)) <= 100


def test_an_unknown_name_is_short_whatever_is_known():
    begun = time.perf_counter()
    name = "\x1b[2J" * 10**5
    error = errors.UnknownNameError("data", name, [f"name{n}" for n in range(2_000)])
    assert time.perf_counter() - begun < 1
    assert str(error).isprintable()
    assert len(str(error)) < 2_000
