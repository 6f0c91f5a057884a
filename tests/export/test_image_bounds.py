"""Sizes that files declare, and the first frame of a GIF, as the graph reads them."""

import contextlib
import io
import random
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

from kerastransfer.export import image_bounds
from kerastransfer.export.image_bounds import MOST_OF_OTHERS

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
from fuzzing import bombs  # noqa: E402

sys.path.remove(str(TOOLS))

SIDE = int(MOST_OF_OTHERS**0.5)


@pytest.fixture(scope="module")
def bounded():
    spec = [tf.TensorSpec((), tf.string)]
    return tf.function(image_bounds.refuse_large, spec, autograph=False)


@pytest.fixture(scope="module")
def cut():
    spec = [tf.TensorSpec((), tf.string)]
    graph = tf.function(image_bounds.first_frame, spec, autograph=False)
    return lambda data: graph(data).numpy()


def file_of(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def patched(data, at, form, *numbers):
    packed = struct.pack(form, *numbers)
    return data[:at] + packed + data[at + len(packed) :]


def declaring(kind, width, height):
    """A small file that declares to be large."""
    small = Image.new("RGB", (16, 12))
    if kind == "PNG":
        return bombs.png(width, height, zlib.compress(b"0"))
    if kind == "GIF":
        return patched(file_of(small, "GIF"), 6, "<HH", width, height)
    if kind == "BMP":
        return patched(file_of(small, "BMP"), 18, "<ii", width, height)
    if kind == "VP8":
        return patched(file_of(small, "WEBP"), 26, "<HH", width, height)
    if kind == "VP8L":
        packed = width - 1 | height - 1 << 14
        return patched(file_of(small, "WEBP", lossless=True), 21, "<I", packed)
    other = Image.new("RGB", (16, 12), "red")
    animated = file_of(small, "WEBP", save_all=True, append_images=[other])
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    return animated[:24] + sides + animated[30:]


KINDS = ("PNG", "GIF", "BMP", "VP8", "VP8L", "VP8X")


@pytest.mark.parametrize("kind", KINDS)
def test_what_declares_too_many_pixels_is_refused(bounded, kind):
    frames = 2 if kind == "VP8X" else 1
    for width, height in ((16, 12), (SIDE, SIDE // frames)):
        data = declaring(kind, width, height)
        assert bounded(data).numpy() == data
    for width, height in ((SIDE, SIDE // frames + 2), (16_000, 16_000)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="more pixels"):
            bounded(declaring(kind, width, height))


def test_declared_sides_are_those_that_pillow_reads():
    for kind in ("PNG", "GIF", "VP8", "VP8L"):
        with Image.open(io.BytesIO(declaring(kind, 900, 700))) as image:
            assert image.size == (900, 700)


@pytest.mark.parametrize(
    "sides", [(1 << 31, 1), (1, (1 << 32) - 1), (1 << 31, 1 << 31)]
)
def test_numbers_beyond_31_bits_do_not_slip_through(bounded, sides):
    with pytest.raises(tf.errors.InvalidArgumentError):
        bounded(declaring("PNG", *sides))


def test_an_upside_down_bmp_is_as_large(bounded):
    assert bounded(declaring("BMP", 16, -12)).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError):
        bounded(declaring("BMP", 60_000, -60_000))


def test_all_frames_of_a_webp_count(bounded):
    side = 1_000
    assert bounded(bombs.webp(side, 20)).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="more pixels"):
        bounded(bombs.webp(side, 40))


def test_a_webp_of_too_many_chunks_is_refused(bounded):
    data = bombs.webp(16, 4)
    many = data[:30] + b"XXXX\0\0\0\0" * 5_000 + data[30:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="more pixels"):
        bounded(many)


def gif(frames, **options):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (frames, 40, 50, 3), np.uint8)
    several = [Image.fromarray(each).quantize(64) for each in pixels]
    more = {"append_images": several[1:]} if frames > 1 else {}
    return file_of(several[0], "GIF", save_all=frames > 1, **more, **options)


@pytest.mark.parametrize("options", [{}, {"comment": b"x" * 700, "loop": 0}])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_a_gif_is_cut_behind_its_first_frame(cut, frames, options):
    data = gif(frames, **options)
    short = cut(data)
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(short)) as first:
        assert len([*ImageSequence.Iterator(first)]) == 1
        image.seek(0), first.seek(0)
        np.testing.assert_array_equal(image.convert("RGB"), first.convert("RGB"))
    assert (len(short) < len(data)) == (frames > 1)
    for channels in (0, 3):
        decoded = [
            tf.io.decode_image(d, channels, expand_animations=False)
            for d in (data, short)
        ]
        np.testing.assert_array_equal(*decoded)


def test_other_files_are_not_cut(cut):
    for data in (b"", b"GIF", b"x" * 99, file_of(Image.new("L", (9, 9)), "PNG")):
        assert cut(data) == data


def test_a_gif_that_hides_its_frame_is_refused(cut):
    data = gif(1)
    table = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    comments = data[:table] + b"\x21\xfe\x01x\x00" * 5_000 + data[table:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="no frame"):
        cut(comments)
    at = data.index(b",", table)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more pixels"):
        cut(patched(data, at + 5, "<HH", 65_535, 65_535))


def test_every_cut_of_a_gif_is_cut_or_refused_by_the_graph(cut):
    data = gif(2)
    for length in [*range(4, 40), *range(40, len(data), 97)]:
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            assert len(cut(data[:length])) <= length + 1


def test_chains_of_blocks_end_where_one_walks_to():
    rng = random.Random(0)
    for _ in range(30):
        data = [rng.choice((0, 1, 2, 5, 200)) for _ in range(rng.randrange(1, 400))]
        ends = image_bounds._ends_of_blocks(tf.constant(data)).numpy()
        for start in range(len(data)):
            place = start
            while place < len(data) - 1 and data[place]:
                place = min(place + data[place] + 1, len(data) - 1)
            assert ends[start] == place
