import io
import random
import struct
import zlib

import numpy as np
import pytest
from helpers.pictures import png_of
from PIL import Image

from kerastransfer.errors import DataError
from kerastransfer.records.write.stored_image import encode


def gradient(width=30, height=20, channels=3):
    """A smooth picture, so that JPEG changes it little."""
    y, x = np.mgrid[:height, :width]
    planes = [x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)]
    return np.stack(planes[:channels], -1).astype(np.uint8)


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def as_array(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


RGB = Image.fromarray(gradient())
GRAY = Image.fromarray(gradient()[..., 0])


def rgba():
    # bright pixels that are wholly transparent: they are white
    image = RGB.convert("RGBA")
    image.putalpha(0)
    return image


WHITE = Image.new("RGB", (30, 20), "white")


KINDS = {
    "jpeg progressive": (save(RGB, "JPEG", progressive=True, quality=95), RGB),
    "jpeg cmyk": (save(RGB.convert("CMYK"), "JPEG", quality=95), RGB),
    "png rgb": (save(RGB, "PNG"), RGB),
    "png rgba": (save(rgba(), "PNG"), WHITE),
    "png opaque rgba": (save(RGB.convert("RGBA"), "PNG"), RGB),
    "png gray": (save(GRAY, "PNG"), GRAY),
    "png palette": (save(RGB.quantize(64), "PNG"), RGB.quantize(64)),
    "png 1 bit": (save(GRAY.convert("1"), "PNG"), GRAY.convert("1")),
    "png gray and alpha": (save(GRAY.convert("LA"), "PNG"), GRAY),
    "gif": (save(RGB.quantize(64), "GIF"), RGB.quantize(64)),
    "gif animated": (
        save(GRAY, "GIF", save_all=True, append_images=[GRAY.rotate(180)]),
        GRAY,
    ),
    "bmp rgb": (save(RGB, "BMP"), RGB),
    "bmp palette": (save(RGB.quantize(64), "BMP"), RGB.quantize(64)),
    "bmp gray": (save(GRAY, "BMP"), GRAY),
    "bmp 1 bit": (save(GRAY.convert("1"), "BMP"), GRAY.convert("1")),
    "tiff": (save(RGB, "TIFF"), RGB),
    "tiff lzw": (save(RGB, "TIFF", compression="tiff_lzw"), RGB),
    "webp": (save(RGB, "WEBP", lossless=True), RGB),
    "ppm": (save(RGB, "PPM"), RGB),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_a_png_of_the_same_pixels(kind):
    data, expected = KINDS[kind]
    found = encode(data)
    assert (found.format, found.changed) == ("png", True)
    image = Image.open(io.BytesIO(found.data))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (30, 20))
    difference = np.abs(as_array(found.data) - np.asarray(expected.convert("RGB"), int))
    # only JPEG loses something, by its quality of 95
    assert difference.max() <= (12 if "jpeg" in kind else 0)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(20, 30), (400, 320), (320, 900)])
def test_a_baseline_jpeg_is_kept_as_it_is(mode, size):
    data = save(Image.fromarray(gradient(*size)).convert(mode), "JPEG", quality=70)
    assert encode(data) == (data, "jpeg", False)


def test_a_jpeg_that_tensorflow_would_refuse_is_written_anew():
    import tensorflow as tf

    noise = np.random.default_rng(0).integers(0, 256, (120, 90), np.uint8)
    data = bytearray(save(Image.fromarray(noise), "JPEG"))
    data[3000:3002] = b"\xff\xe0"  # a marker among the pixels; Pillow passes over it
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(bytes(data))
    found = encode(bytes(data))
    assert found.changed and tf.io.decode_image(found.data).shape == (120, 90, 3)


def test_tensorflow_decodes_whatever_is_let_through():
    import tensorflow as tf

    chance = random.Random(2)
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    sources = [save(Image.fromarray(noise), "JPEG"), save(RGB, "JPEG")]
    kept = 0
    for _ in range(1500):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 255, 217, 99])
        try:
            found = encode(bytes(data))
        except DataError:
            continue
        kept += not found.changed
        assert tf.io.decode_image(found.data, channels=3).shape[2] == 3
    assert kept > 500


def test_a_jpeg_is_kept_whatever_is_written_about_it():
    data = save(RGB, "JPEG", comment=b"x" * 60_000, dpi=(72, 72), exif=b"Exif\0\0junk")
    assert encode(data) == (data, "jpeg", False)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((321, 321), (256, 256)),
        ((2000, 1000), (512, 256)),
        ((1000, 3333), (256, 853)),  # 3333 x 256 / 1000 = 853.2
    ],
)
def test_a_large_jpeg_is_shrunk_and_keeps_its_aspect(size, expected):
    source = Image.fromarray(gradient(*size))
    found = encode(save(source, "JPEG", quality=95))
    image = Image.open(io.BytesIO(found.data))
    assert (found.format, found.changed, image.size) == ("jpeg", True, expected)
    reference = source.resize(expected, Image.Resampling.LANCZOS)
    assert np.abs(as_array(found.data) - np.asarray(reference, int)).mean() < 1.5
    layers = [(layer[1], layer[2]) for layer in image.layer]
    assert layers == [(1, 1)] * 3  # 4:4:4
    # luminance's first quantiser at quality 95: (16 x 10 + 50) // 100 = 2
    assert image.quantization[0][0] == 2


def test_the_image_size_decides():
    data = save(Image.fromarray(gradient(100, 80)), "JPEG")
    assert encode(data, 64).data is data  # 80 = 1.25 x 64
    assert Image.open(io.BytesIO(encode(data, 63).data)).size == (79, 63)


def test_nothing_is_enlarged_and_small_ones_lose_nothing():
    for side, expected in [(63, "png"), (64, "jpeg"), (255, "jpeg")]:
        found = encode(save(Image.fromarray(gradient(300, side)), "PNG"))
        assert found.format == expected
        assert Image.open(io.BytesIO(found.data)).size == (300, side)


def test_16_bits_are_scaled_and_not_cut():
    # 257 v is the 16-bit value of v; 200 rounds to 1, 65,535 is white
    values = np.array([[0, 257, 200, 128 * 257, 65_535]], np.uint16)
    for data in (
        save(Image.fromarray(values), "PNG"),
        save(Image.fromarray(values), "TIFF"),
        b"P5 5 1 65535\n" + values.astype(">u2").tobytes(),
    ):
        np.testing.assert_array_equal(
            as_array(encode(data).data)[0, :, 0], [0, 1, 1, 128, 255]
        )


def png16(planes):
    """Write a 16-bit PNG; `planes` has shape (height, width, 3)."""
    height, width, _ = planes.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in planes)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return png_of((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def test_a_16_bit_colour_png_keeps_its_colours():
    found = as_array(encode(png16(gradient().astype(np.uint16) * 257)).data)
    np.testing.assert_array_equal(found, gradient())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_rotation_is_applied(orientation, kind):
    # EXIF 2.32: where row 0 and column 0 of the stored picture are seen
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }[orientation](gradient())
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    data = save(RGB, kind, exif=exif, **options)
    found = encode(data)
    assert found.changed == (kind != "JPEG" or orientation != 1)
    if found.changed:
        assert np.abs(as_array(found.data) - upright).max() <= (
            8 if kind == "JPEG" else 0
        )
        assert not Image.open(io.BytesIO(found.data)).getexif()


def test_no_profile_comment_or_transparency_is_carried_over():
    palette = RGB.quantize(64)
    data = save(palette, "PNG", icc_profile=b"x" * 200, transparency=3)
    image = Image.open(io.BytesIO(encode(data).data))
    assert not image.info


def truncated_jpeg():
    data = save(Image.effect_noise((200, 200), 90), "JPEG")
    return data[: len(data) * 2 // 3]


def bomb():
    # 20,000 x 20,000 gray pixels in a few bytes
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return png_of((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, world", r"expected JPEG, PNG, .* got bytes b'hello, w'"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "expected JPEG, PNG"),  # would start Ghostscript
        (truncated_jpeg(), "the JPEG data cannot be decoded: image file is truncated"),
        (save(RGB, "PNG")[:-40], "the PNG data cannot be decoded"),
        (save(RGB, "TIFF")[:200], "the TIFF data cannot be decoded"),
        (b"\xff\xd8\xff\xe0", "the JPEG data cannot be decoded"),
        (b"BM", "the BMP data cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n", "the PNG data cannot be decoded: no whole header"),
        (b"GIF89a", "the GIF data cannot be decoded"),
        (bomb(), "the PNG data cannot be decoded: .*decompression bomb"),
        (
            save(Image.new("F", (9, 9)), "TIFF"),
            "floating-point numbers .*, up to 0, and which one is white is not known",
        ),
    ],
)
def test_what_cannot_be_decoded_says_why(data, message):
    with pytest.raises(DataError, match=message) as error:
        encode(data)
    assert "\n" not in str(error.value)


def test_encoding_is_deterministic():
    data = save(Image.fromarray(gradient(700, 500)), "PNG")
    assert encode(data) == encode(data)


def test_spoilt_bytes_give_an_image_or_a_reason():
    chance = random.Random(0)
    sources = [data for data, _ in KINDS.values()]
    sources.append(save(Image.effect_noise((90, 90), 60), "JPEG"))
    for _ in range(600):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = encode(
                bytes(data[: chance.choice([None, chance.randrange(len(data))])])
            )
        except DataError as error:
            assert str(error) and "\n" not in str(error)
        else:
            assert as_array(found.data).size
