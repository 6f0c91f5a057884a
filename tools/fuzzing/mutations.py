"""Ways to spoil any file, whatever is in it."""

import random
import re
import struct
from collections.abc import Callable

from fuzzing.target import Mutator

_MOST = 1 << 20  # bytes of a mutant
_WHOLE = (0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 4095, 4096, 65_535, 65_536)
NUMBERS = (
    *(*_WHOLE, (1 << 24) - 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32),
    *((1 << 53) + 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -1, -2, -128, -(1 << 31)),
)
TOKENS = (
    *(b"\0", b"\xff\xff\xff\xff", b"\n", b"\r\n", b'"', b"'", b",", b";", b"\t", b"{"),
    *(b"[" * 2_000, b"{" * 300, b"../../etc/passwd", b"/etc/passwd", b"C:\\x", b"~"),
    *(b"\x1b[31m", b"\x1b]0;x\x07", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xff\xfe"),
    *(b"\xef\xbb\xbf", b"%s%n", b"NaN", b"1e999", b"-1", b"9" * 400, b"A" * 5_000),
    *(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x1f\x8b", b"IDAT", b"null"),
    *(b"CON", b"nul.txt", b"a\0b", b"true", b"0x10", b"1_000", "٣".encode(), b"=1+1"),
)
_DIGITS = re.compile(rb"\d+")


def _place(data: bytes, rng: random.Random) -> int:
    """Draw a place, more often near the ends: headers and tables are there."""
    near = min(len(data), 64)
    kind = rng.random()
    if kind < 0.25:
        return rng.randrange(near + 1)
    if kind < 0.5:
        return len(data) - rng.randrange(near + 1)
    return rng.randrange(len(data) + 1)


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = _place(data, rng)
    length = rng.choice((1, 2, 4, 8, 16, 64, 256, max(len(data) // 4, 1)))
    return start, min(start + rng.randint(1, length), len(data))


def flip_bits(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Flip one bit, or some."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if changed:
            at = min(_place(data, rng), len(changed) - 1)
            changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def set_bytes(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put other bytes in the place of some."""
    start, stop = _span(data, rng)
    fill = rng.choice((bytes(1), b"\xff", b" ", rng.randbytes(1)))
    drawn = rng.random() < 0.5
    body = rng.randbytes(stop - start) if drawn else fill * (stop - start)
    return data[:start] + body + data[stop:]


def set_number(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put a number that readers may stumble over where a length may be."""
    width, code = rng.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    at = _place(data, rng)
    order = rng.choice("<>")
    there = data[at : at + width]
    value = rng.choice(NUMBERS)
    if rng.random() < 0.4 and len(there) == width:
        value = struct.unpack(order + code, there)[0] + rng.choice(
            (-1, 1, 16, -16, 256)
        )
    packed = struct.pack(order + code, value & ((1 << 8 * width) - 1))
    return data[:at] + packed + data[at + width :]


def set_digits(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put another number in the place of one in text."""
    runs = list(_DIGITS.finditer(data))
    if not runs:
        return set_number(data, other, rng)
    run = rng.choice(runs)
    words = [str(number).encode() for number in NUMBERS]
    word = rng.choice((*words, b"9" * 5_000, b"1e400", b"-0", b"NaN", b"", b"07"))
    return data[: run.start()] + word + data[run.end() :]


def truncate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Cut the end off, or the front."""
    at = _place(data, rng)
    return data[:at] if rng.random() < 0.8 else data[at:]


def delete(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Take a part out."""
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def repeat(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Let a part stand again, there or elsewhere."""
    start, stop = _span(data, rng)
    at = rng.choice((stop, _place(data, rng), len(data)))
    return data[:at] + data[start:stop] * rng.choice((1, 1, 2, 50)) + data[at:]


def insert_token(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put in, or in the place of something, what means something to a reader."""
    token = rng.choice(TOKENS)
    at = _place(data, rng)
    return data[:at] + token + data[at + rng.choice((0, len(token))) :]


def splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Put a part of another sound file in the place of one of this."""
    start, stop = _span(data, rng)
    first, last = _span(other, rng)
    if rng.random() < 0.3:
        return data[:start] + other[first:]
    return data[:start] + other[first:last] + data[stop:]


def swap(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Let two neighbouring parts change places."""
    a, b = _span(data, rng)
    c = min(b + (b - a), len(data))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


_EDITS: tuple[Callable[[bytes, bytes, random.Random], bytes], ...] = (
    *(flip_bits, flip_bits, set_bytes, set_number, set_number, set_digits, truncate),
    *(delete, repeat, insert_token, splice, swap),
)


def spoil(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Spoil a file in one way, or in a few."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 4))):
        data = rng.choice(_EDITS)(data, other, rng)[:_MOST]
    return data


GENERIC = Mutator("bytes", spoil)
