"""Images of every format that conversion takes."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fuzzing import samples, structures
from fuzzing.target import Target


def _jpegs(folder: Path) -> list[Path]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return samples.write(
        folder,
        {
            "baseline.jpg": samples.image(1, "JPEG"),
            "progressive.jpg": samples.image(2, "JPEG", progressive=True),
            "gray.jpg": samples.image(3, "JPEG", "L"),
            "cmyk.jpg": samples.image(4, "JPEG", "CMYK"),
            "turned.jpg": samples.image(5, "JPEG", exif=exif),
        },
    )


def _pngs(folder: Path) -> list[Path]:
    import imagecodecs

    deep = samples.pixels(6).astype(np.uint16) * 200
    return samples.write(
        folder,
        {
            "rgb.png": samples.image(1, "PNG"),
            "alpha.png": samples.image(2, "PNG", "RGBA"),
            "palette.png": samples.image(3, "PNG", "P"),
            "bits.png": samples.image(4, "PNG", "1"),
            "deep.png": bytes(imagecodecs.png_encode(deep)),
        },
    )


def _tiffs(folder: Path) -> list[Path]:
    import tifffile

    contents = {
        "lzw.tif": samples.image(1, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": samples.image(2, "TIFF", compression="jpeg"),
        "palette.tif": samples.image(3, "TIFF", "P"),
        "cmyk.tif": samples.image(4, "TIFF", "CMYK"),
    }
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "deep.tif": (samples.pixels(5).astype(np.uint16) * 200, {}),
        "float.tif": (samples.pixels(6).astype(np.float32) / 255, {}),
        "tiles.tif": (samples.pixels(7), {"tile": (16, 16)}),
        "deflate.tif": (samples.pixels(8), {"compression": "zlib"}),
        "planes.tif": (
            samples.pixels(9).transpose(2, 0, 1).astype(np.uint16),
            {"planarconfig": "separate", "photometric": "rgb"},
        ),
    }
    for name, (array, options) in kinds.items():
        out = io.BytesIO()
        tifffile.imwrite(out, array, metadata=None, software="", **options)
        contents[name] = out.getvalue()
    return samples.write(folder, contents)


def _others(folder: Path) -> list[Path]:
    import imagecodecs

    deep = samples.pixels(6).astype(np.uint16) * 200
    frames = [Image.fromarray(samples.pixels(n)) for n in (7, 8)]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    text = " ".join(str(int(n)) for n in deep.ravel())
    return samples.write(
        folder,
        {
            "two.gif": gif.getvalue(),
            "rgb.bmp": samples.image(1, "BMP"),
            "palette.bmp": samples.image(2, "BMP", "P"),
            "lossy.webp": samples.image(3, "WEBP"),
            "lossless.webp": samples.image(4, "WEBP", "RGBA", lossless=True),
            "rgb.ppm": samples.image(5, "PPM"),
            "deep.ppm": b"P6\n16 12\n65535\n" + deep.astype(">u2").tobytes(),
            "text.ppm": f"P3\n# by hand\n16 12\n65535\n{text}\n".encode(),
            "rgb.jp2": samples.image(6, "JPEG2000"),
            "deep.jp2": bytes(imagecodecs.jpeg2k_encode(deep)),
            "rgb.avif": samples.image(8, "AVIF"),
            "rgb.ico": samples.image(9, "ICO", sizes=[(16, 12)]),
            "rgb.qoi": bytes(imagecodecs.qoi_encode(samples.pixels(10))),
        },
    )


def _read(path: Path) -> object:
    from kerastransfer.records.images.rendering import ALONE
    from kerastransfer.records.images.samples import ValueRange
    from kerastransfer.records.write.stored_image import store

    stored = store(path.read_bytes(), 256, rendering=ALONE)
    if isinstance(stored, ValueRange):
        return repr(stored)
    return [stored.image.data, sorted(stored.notes)]


def _read_pixels(path: Path) -> object:
    """Read a PNG's pixels, which its checksums guard; notes may be others."""
    from kerastransfer.records.images.rendering import ALONE
    from kerastransfer.records.write.stored_image import store

    stored = store(path.read_bytes(), 256, rendering=ALONE)
    return getattr(stored, "image", stored)


_MODULES = ("kerastransfer.records.write.stored_image", "imagecodecs", "tifffile")
TARGETS = (
    Target(name="jpeg", prepare=_jpegs, read=_read, modules=_MODULES),
    Target(
        name="png",
        prepare=_pngs,
        read=_read_pixels,
        mutators=(structures.PNG,),
        checked=True,
        modules=_MODULES,
    ),
    Target(name="tiff", prepare=_tiffs, read=_read, modules=_MODULES),
    Target(name="image", prepare=_others, read=_read, modules=_MODULES),
)
