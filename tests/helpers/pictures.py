"""Image files of every kind that real archives hold, made from a seed."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 40


def pixels(seed, height=SIDE, width=SIDE + 8):
    """Smooth colours that differ from seed to seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(seed, **size):
    return _save(Image.fromarray(pixels(seed, **size)), "JPEG", quality=90)


def gray_jpeg(seed):
    return _save(Image.fromarray(pixels(seed)).convert("L"), "JPEG")


def cmyk_jpeg(seed):
    return _save(Image.fromarray(pixels(seed)).convert("CMYK"), "JPEG")


def turned_jpeg(seed):
    """A JPEG whose EXIF tag asks for a quarter turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(Image.fromarray(pixels(seed)), "JPEG", exif=exif)


def png(seed, mode="RGB", **size):
    return _save(Image.fromarray(pixels(seed, **size)).convert(mode), "PNG")


def interlaced_png(seed):
    """Adam7, which Pillow reads but does not write."""
    image = pixels(seed)
    height, width = image.shape[:2]
    passes = (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    )
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in image[top::down, left::right]
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return png_of((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def png_of(*chunks):
    """Write a PNG by hand, from pairs of a chunk's kind and body."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def gif(seed):
    return _save(Image.fromarray(pixels(seed)), "GIF")


def bmp(seed, mode="RGB"):
    return _save(Image.fromarray(pixels(seed)).convert(mode), "BMP")
