"""Pillow's resizing as a graph, against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from kerastransfer.export import lanczos

SIZES = [
    ((427, 640), (256, 384)),
    ((640, 427), (300, 256)),
    ((300, 257), (299, 256)),
    ((1024, 1536), (256, 384)),
    ((257, 900), (73, 256)),
    ((40, 31), (80, 93)),
    ((17, 3), (5, 2)),
    ((50, 60), (50, 60)),
    ((50, 60), (25, 60)),
    ((9, 4000), (1, 256)),
]


@pytest.fixture(scope="module")
def graph():
    return tf.function(
        lanczos.resize,
        [tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((2,), tf.int32)],
        autograph=False,
    )


@pytest.mark.parametrize("kind", ["photograph", "noise"])
@pytest.mark.parametrize(("shape", "target"), SIZES)
def test_every_pixel_is_pillows(graph, kind, shape, target):
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    else:
        photograph = Image.fromarray(load_sample_image("china.jpg"))
        pixels = np.asarray(photograph.resize(shape[::-1], Image.Resampling.NEAREST))
    image = Image.fromarray(pixels)
    for size in ((target[1], shape[0]), (target[1], target[0])):
        image = image.resize(size, Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(graph(pixels, target).numpy(), np.asarray(image))
