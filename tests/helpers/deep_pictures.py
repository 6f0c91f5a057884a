"""Images deeper than 8 bits or with transparency, and their files."""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

from helpers.pictures import png_of


def ramp(height=20, width=30, most=65_535, dtype=np.uint16):
    """Three planes of different slopes, from 0 to nearly `most`."""
    y, x = np.mgrid[:height, :width]
    planes = [x / width, y / height, (x + y) / (width + height)]
    return (np.stack(planes, -1) * most).astype(dtype)


def tiff(values, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, np.ascontiguousarray(values), **options)
    return out.getvalue()


def planar(values, **options):
    """A TIFF with a plane for each band."""
    bands = np.moveaxis(values, -1, 0)
    return tiff(bands, planarconfig="separate", **options)


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png16(values, *chunks):
    """A PNG of 16 bits; `values` of shape (height, width, 1 to 4)."""
    height, width, bands = values.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    data = (b"IDAT", zlib.compress(rows))
    return png_of((b"IHDR", head), *chunks, data, (b"IEND", b""))


def pnm(values, white, *, text=False):
    """A PGM or PPM whose header says what is white."""
    height, width, bands = values.shape
    digit = (2 if text else 5) + (bands == 3)
    head = f"P{digit}\n# drawn\n{width} {height}\n{white}\n".encode()
    if text:
        return head + " ".join(map(str, values.ravel().tolist())).encode() + b"\n"
    return head + values.astype(">u2").tobytes()


def scaled(values, white):
    """Scale to 8 bits as a person would: the nearest of 256 levels."""
    exact = np.clip(np.asarray(values, np.float64) * 255 / white, 0, 255)
    return np.floor(exact + 0.5).astype(np.uint8)


def pixels_of(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
