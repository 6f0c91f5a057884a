"""Decoding against Pillow, which uses libjpeg's accurate transform."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from kerastransfer import decoding, pipeline, views
from kerastransfer.backbones import image_ops, table

SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def photograph(width, height):
    image = Image.fromarray(load_sample_image("flower.jpg"))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("size", [(320, 256), (301, 257), (17, 9)])
def test_a_jpeg_has_pillow_s_pixels_to_the_bit(size, subsampling, progressive):
    data = encoded(
        photograph(*size),
        quality=85,
        subsampling=SUBSAMPLINGS[subsampling],
        progressive=progressive,
    )
    np.testing.assert_array_equal(decoding.decode(data), by_pillow(data))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_other_formats_have_pillow_s_pixels_too(kind, mode):
    data = encoded(photograph(64, 48).convert(mode), kind)
    # A lossy WebP's colours are interpolated in another way by TensorFlow's build.
    tolerance = 3 if kind == "WEBP" else 0
    ours = decoding.decode(data).numpy().astype(int)
    assert np.abs(ours - by_pillow(data)).max() <= tolerance


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_a_box_of_a_jpeg_has_the_whole_image_s_pixels(subsampling):
    data = encoded(photograph(301, 257), subsampling=SUBSAMPLINGS[subsampling])
    whole = by_pillow(data)
    corners = np.random.default_rng(0).integers(0, (34, 78), (30, 2)).tolist()
    for top, left in [*corners, (0, 0), (33, 77), (0, 77), (33, 0), (16, 39)]:
        box = decoding.decode_jpeg_box(data, tf.constant([top, left]), 224)
        expected = whole[top : top + 224, left : left + 224]
        np.testing.assert_array_equal(box, expected)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "alexnet"])
@pytest.mark.parametrize("size", [(341, 256), (256, 256), (256, 300), (500, 375)])
def test_a_view_of_a_file_is_that_of_its_pixels(name, size):
    preprocessing = table.get(name).preprocessing
    for data in (
        encoded(photograph(*size), subsampling=2),
        encoded(photograph(*size), "PNG"),
    ):
        for view in views.fixed(10):
            ours = pipeline.view_of_file(data, preprocessing, tf.constant(view))
            whole = image_ops.take_view(
                by_pillow(data), preprocessing, tf.constant(view)
            )
            np.testing.assert_array_equal(ours, whole)
