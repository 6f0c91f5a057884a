"""What an exported model sees of a file, against what records hold of it."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from kerastransfer.export import jpeg_header, record_ops
from kerastransfer.records.images.rendering import ALONE, Rendering
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.write.stored_image import encode

ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def graph():
    """The function of an exported model, traced once."""
    return tf.function(
        lambda data: record_ops.record_pixels(data, ImageRules(rendering=ALONE)),
        [tf.TensorSpec((), tf.string)],
        autograph=False,
    )


def photograph(width, height, name="china.jpg"):
    image = Image.fromarray(load_sample_image(name))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def file_of(image, kind="JPEG", turn=None, **options):
    out = io.BytesIO()
    if turn:
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        exif[0x010F] = "a maker, before it"
        options["exif"] = exif
    image.save(out, kind, **options)
    return out.getvalue()


def in_records(data):
    """What records hold, decoded by Pillow."""
    with Image.open(io.BytesIO(encode(data).data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def difference(graph, data):
    ours = graph(data).numpy().astype(int)
    expected = in_records(data)
    assert ours.shape == expected.shape
    return np.abs(ours - expected)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(300, 256), (321, 320), (320, 400), (30, 20)])
def test_a_jpeg_that_records_keep_is_the_same_to_the_bit(graph, size, subsampling):
    data = file_of(photograph(*size), quality=80, subsampling=subsampling)
    assert encode(data).data == data
    assert difference(graph, data).max() == 0


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_jpeg_is_set_upright(graph, turn):
    data = file_of(photograph(300, 200), turn=turn)
    # The same pixels, encoded again by the same library.
    assert difference(graph, data).max() == 0


@pytest.mark.parametrize("turn", [None, 6])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((640, 427), {}),
        ((1301, 901), {"quality": 90, "subsampling": 2}),
        ((902, 2400), {"progressive": True}),
        ((2100, 3000), {"subsampling": 0}),
        ((4000, 330), {}),
        ((280, 256), {"progressive": True}),
    ],
)
def test_a_jpeg_that_records_shrink_is_the_same_to_the_bit(graph, size, options, turn):
    data = file_of(photograph(*size), turn=turn, **options)
    apart = difference(graph, data)
    assert apart.max() == 0


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("size", [(40, 63), (200, 100), (700, 500)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_other_formats_are_the_same_to_the_bit(graph, kind, size, mode):
    if kind == "WEBP":
        options, image = {"lossless": True}, photograph(*size)
    else:
        options, image = {}, photograph(*size).convert(mode)
    apart = difference(graph, file_of(image, kind, **options))
    assert apart.max() == 0


def with_alpha(size):
    """A photograph that fades out from left to right."""
    image = photograph(*size).convert("RGBA")
    fade = np.linspace(0, 255, size[0]).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(fade, (size[1], 1))))
    return image


@pytest.mark.parametrize("size", [(40, 63), (200, 100), (700, 500)])
@pytest.mark.parametrize("background", ["#ffffff", "#2080c0", None])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_transparent_image_lies_on_the_records_background(size, background, kind):
    rules = ImageRules(rendering=Rendering(background=background))
    data = file_of(with_alpha(size), kind)
    ours = record_ops.record_pixels(tf.constant(data), rules).numpy().astype(int)
    held = encode(data, rendering=rules.rendering).data
    with Image.open(io.BytesIO(held)) as image:
        apart = np.abs(ours - np.asarray(image))
    # Pillow blends whole numbers: a level here and there, then encoded with its block.
    assert apart.mean() < 0.2 and (apart > 2).mean() < 0.01
    other = ImageRules(rendering=Rendering(background="#000000"))
    black = record_ops.record_pixels(tf.constant(data), other).numpy()
    assert np.abs(ours - black).mean() > 20


@pytest.mark.parametrize(
    ("rendering", "white"),
    [
        (Rendering(integer=4_095), 4_095),
        (Rendering(given=1_000, integer=4_095), 1_000),
        (ALONE, 65_535),
    ],
)
def test_a_deep_png_has_the_records_white(rendering, white):
    values = np.tile(np.linspace(0, 4_095, 50), (40, 1)).astype(np.uint16)
    data = file_of(Image.fromarray(values), "PNG")
    rules = ImageRules(rendering=rendering)
    ours = record_ops.record_pixels(tf.constant(data), rules).numpy().astype(int)
    expected = np.clip(np.rint(values / white * 255), 0, 255)
    assert np.abs(ours - expected[..., np.newaxis]).max() <= 1
    held = encode(data, rendering=rendering).data
    with Image.open(io.BytesIO(held)) as image:
        assert np.abs(ours - np.asarray(image)).max() <= 1


def test_a_gray_jpeg_and_one_of_inks(graph):
    gray = file_of(photograph(700, 500).convert("L"))
    assert difference(graph, gray).max() == 0
    inks = file_of(photograph(700, 500).convert("CMYK"))
    assert difference(graph, inks).mean() < 0.5  # the libraries round inks otherwise


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 90}])
def test_an_animated_webp_shows_its_first_frame_or_is_an_error(graph, options):
    options |= {"save_all": True, "append_images": [with_alpha((60, 40)).rotate(180)]}
    faded = difference(graph, file_of(with_alpha((60, 40)), "WEBP", **options))
    assert faded.mean() < 0.2
    options["append_images"] = [photograph(60, 40, "flower.jpg")]
    with pytest.raises(tf.errors.InvalidArgumentError, match="4 channel RGBA"):
        graph(file_of(photograph(60, 40), "WEBP", **options))


def test_a_webp_cut_before_its_flags_is_an_error(graph):
    data = file_of(with_alpha((60, 40)), "WEBP")
    for length in (12, 16, 20, 22, 24, 30, len(data) - 9):
        with pytest.raises(tf.errors.InvalidArgumentError):
            graph(data[:length])


def test_a_cut_jpeg_is_an_error_in_both(graph):
    data = file_of(photograph(400, 300))[:-2000]
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(data)


def orientations(data):
    return int(jpeg_header.read(tf.constant(data)).orientation)


def with_exif(body):
    data = file_of(photograph(20, 10))
    segment = b"Exif\0\0" + body
    length = (len(segment) + 2).to_bytes(2, "big")
    return data[:2] + b"\xff\xe1" + length + segment + data[2:]


@pytest.mark.parametrize("order", ["little", "big"])
def test_either_byte_order_is_read(order):
    mark = b"II" if order == "little" else b"MM"

    def number(value, length):
        return value.to_bytes(length, order)

    entries = [(0x010F, 2, 3, 0), (ORIENTATION, 3, 1, 8 if order == "little" else None)]
    table = number(len(entries), 2)
    for tag, kind, count, value in entries:
        short = number(8, 2) + b"\0\0"  # a short stands in the first two bytes
        filled = short if value is None else number(value, 4)
        table += number(tag, 2) + number(kind, 2) + number(count, 4) + filled
    body = mark + number(42, 2) + number(8, 4) + table
    assert orientations(with_exif(body)) == 8


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\x7f\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",  # orientation 99
        b"nonsense" * 40,
    ],
)
def test_damaged_exif_is_an_upright_image(graph, body):
    data = with_exif(body)
    assert orientations(data) == 1
    assert graph(data).shape == (10, 20, 3)
