"""Images that are small as files and large, or endless, once they are decoded."""

import functools
import io
import random
import struct
import zlib

from PIL import Image

from fuzzing.mutations import NUMBERS
from fuzzing.target import Mutator

_SIDES = (0, 1, 300, 20_000, 46_341, 65_535, 100_000, 1 << 24, (1 << 31) - 1)
_LARGE_SHARE = 0.03  # they take a second each; what declares a size is refused at once
_WAIT = b"\x21\xf9\x04\x00\x00\x00\x00\x00"  # a GIF's control block


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(width: int, height: int, body: bytes, bits: int = 8, colour: int = 2) -> bytes:
    """Write a PNG that declares a size, whatever its compressed pixels are."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@functools.cache
def full_png(width: int, height: int, bits: int, colour: int) -> bytes:
    """Write a PNG of zeros that holds as many as it declares."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * bits * channels + 7) // 8)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, body, bits, colour)


@functools.cache
def gif(side: int, frames: int) -> bytes:
    """Write a GIF whose every frame is the first again."""
    out = io.BytesIO()
    Image.new("P", (side, side)).save(out, "GIF")
    data = out.getvalue()
    table = 13 + 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 128 else 13
    return data[:table] + (_WAIT + data[table:-1]) * frames + b";"


@functools.cache
def webp(side: int, frames: int, mode: str = "RGBA") -> bytes:
    """Write a WebP of one colour a frame."""
    several = [Image.new(mode, (side, side), (n, 0, 0, 9)[: len(mode)]) for n in (1, 2)]
    out = io.BytesIO()
    more = {"append_images": several * (frames // 2)} if frames > 1 else {}
    several[0].save(out, "WEBP", lossless=True, method=0, save_all=frames > 1, **more)
    return out.getvalue()


@functools.cache
def jpeg(width: int, height: int) -> bytes:
    """Write a gray JPEG of one shade."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "JPEG", quality=5)
    return out.getvalue()


def _declared_jpeg(rng: random.Random) -> bytes:
    data = bytearray(jpeg(64, 64))
    at = data.index(b"\xff\xc0") + 5
    sides = [min(rng.choice(_SIDES), 65_535) for _ in range(2)]
    data[at : at + 4] = struct.pack(">HH", *sides)
    return bytes(data)


def _declared_png(rng: random.Random) -> bytes:
    bits, colour = rng.choice(((1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 6)))
    sides = rng.choice(_SIDES), rng.choice(_SIDES)
    return png(*sides, zlib.compress(bytes(rng.randrange(5_000))), bits, colour)


def _declared_gif(rng: random.Random) -> bytes:
    data = bytearray(gif(16, rng.choice((1, 3))))
    places = [6, 8, *(data.index(b",") + at for at in (1, 3, 5, 7))]
    for at in rng.sample(places, rng.randrange(1, 5)):
        data[at : at + 2] = struct.pack("<H", min(rng.choice(_SIDES), 65_535))
    return bytes(data)


def _declared_bmp(rng: random.Random) -> bytes:
    out = io.BytesIO()
    Image.new(rng.choice(("RGB", "P", "L")), (16, 12)).save(out, "BMP")
    data = bytearray(out.getvalue())
    for at in rng.sample((10, 14, 18, 22, 26, 28, 34, 46), rng.randrange(1, 4)):
        value = rng.choice((*NUMBERS, *_SIDES)) & 0xFFFFFFFF
        data[at : at + 4] = struct.pack("<I", value)
    return bytes(data)


def _declared_webp(rng: random.Random) -> bytes:
    data = bytearray(webp(16, rng.choice((1, 4)), rng.choice(("RGB", "RGBA"))))
    for at in rng.sample(range(4, min(60, len(data))), 4):
        data[at] = rng.choice((0, 1, 127, 128, 255))
    return bytes(data)


def _noise(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Nothing, random bytes, or a sound beginning before random bytes."""
    length = rng.choice((0, 0, 1, 2, 11, 64, 1_000, 50_000))
    return data[: rng.choice((0, 2, 8, 16, 32))] * bool(length) + rng.randbytes(length)


def _declare(data: bytes, other: bytes, rng: random.Random) -> bytes:
    makers = (_declared_jpeg, _declared_png, _declared_gif, _declared_bmp)
    return rng.choice((*makers, _declared_webp))(rng)


def _decompress(data: bytes, other: bytes, rng: random.Random) -> bytes:
    if rng.random() > _LARGE_SHARE:
        return _declare(data, other, rng)
    from fuzzing import large_bombs  # made before memory is bounded

    return rng.choice(large_bombs.FILES)


NOISE = Mutator("noise", _noise)
DECLARED = Mutator("declared size", _declare)
LARGE = Mutator("decompression bomb", _decompress)
