import dataclasses
import json

import numpy as np
import PIL.Image
import pytest
import sklearn.datasets
import tensorflow as tf

from kerastransfer import views
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.errors import WeightsError


def facts(**changes):
    default = Preprocessing(
        resize="shorter_side",
        resize_to=8,
        crop=5,
        interpolation="bilinear",
        channels="RGB",
        mean=(1.0, 2.0, 3.0),
        scale=(1.0, 2.0, 4.0),
    )
    return dataclasses.replace(default, **changes)


def view(top, left, mirror=0.0):
    return tf.constant([top, left, mirror], tf.float32)


def places(height, width):
    """An image whose pixels say where they are: (row, column, 0)."""
    rows, columns = np.indices((height, width))
    return np.stack([rows, columns, np.zeros_like(rows)], -1).astype(np.float32)


def pillow(image, size, method):
    """Pillow's resizing in floating point: with antialias, without rounding."""
    planes = [
        PIL.Image.fromarray(plane.astype(np.float32)).resize(size[::-1], method)
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], -1).clip(0, 255)


METHODS = {
    "bilinear": PIL.Image.Resampling.BILINEAR,
    "bicubic": PIL.Image.Resampling.BICUBIC,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("resize", "size"), [("shorter_side", (96, 144)), ("warp", (96, 96))]
)
def test_resize_agrees_with_pillow(method, resize, size):
    photo = sklearn.datasets.load_sample_image("china.jpg")[:400, :600]
    wanted = facts(resize=resize, resize_to=96, crop=96, interpolation=method)
    ours = image_ops.resize(photo, wanted).numpy()
    assert ours.shape == (*size, 3)
    # Levels of 0 to 255; without antialias they would differ by dozens.
    assert np.abs(ours - pillow(photo, size, METHODS[method])).max() < 0.02
    coarse = tf.image.resize(photo, size, method=method).numpy()
    assert np.abs(ours - coarse).max() > 20


@pytest.mark.parametrize("method", METHODS)
def test_enlarging_agrees_with_pillow(method):
    small = np.random.default_rng(0).integers(0, 256, (10, 7, 3), np.uint8)
    wanted = facts(resize_to=21, interpolation=method)
    ours = image_ops.resize(small, wanted).numpy()
    assert np.abs(ours - pillow(small, (30, 21), METHODS[method])).max() < 0.02
    assert ours.min() >= 0 and ours.max() <= 255


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), (8, 8)),
        ((16, 8), (16, 8)),
        ((100, 50), (16, 8)),
        ((50, 101), (8, 16)),  # 16.16
        ((3, 1000), (8, 2667)),  # 2666.67
        ((1, 1), (8, 8)),
    ],
)
def test_the_shorter_side_is_brought_to_size(shape, expected):
    resized = image_ops.resize(np.zeros((*shape, 3), np.uint8), facts())
    assert tuple(resized.shape) == (*expected, 3)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(8, 8), (8, 13), (21, 8)])
def test_an_image_of_the_right_size_is_what_tensorflow_filters_it_to(method, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    wanted = tf.image.resize(
        tf.cast(image, tf.float32), shape, method=method, antialias=True
    )
    ours = image_ops.resize(image, facts(interpolation=method))
    np.testing.assert_array_equal(ours, wanted)
    np.testing.assert_array_equal(ours, image)


def test_resize_in_a_graph_equals_eager():
    graph = tf.function(
        lambda x: image_ops.resize(x, facts()),
        input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
    )
    image = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    np.testing.assert_allclose(
        graph(image), image_ops.resize(image, facts()), atol=1e-4
    )


# Room is the size less 5. A half rounds up: room 3 puts the centre at 2.
@pytest.mark.parametrize(
    ("shape", "where", "corner"),
    [
        ((5, 5), (0.5, 0.5), (0, 0)),
        ((8, 9), (0.0, 0.0), (0, 0)),
        ((8, 9), (1.0, 1.0), (3, 4)),
        ((8, 9), (0.0, 1.0), (0, 4)),
        ((8, 9), (0.5, 0.5), (2, 2)),
        ((10, 6), (0.5, 0.5), (3, 1)),
        ((12, 15), (0.25, 0.33), (2, 3)),  # 1.75, 3.3
    ],
)
def test_crop_places(shape, where, corner):
    cut = image_ops.crop(places(*shape), facts(), view(*where)).numpy()
    assert cut.shape == (5, 5, 3)
    assert tuple(cut[0, 0, :2]) == corner
    assert tuple(cut[-1, -1, :2]) == (corner[0] + 4, corner[1] + 4)


def test_mirror_turns_the_crop_and_not_the_image():
    straight = image_ops.crop(places(8, 12), facts(), view(0, 0)).numpy()
    mirrored = image_ops.crop(places(8, 12), facts(), view(0, 0, 1)).numpy()
    np.testing.assert_array_equal(mirrored, straight[:, ::-1])
    assert mirrored[0, :, 1].tolist() == [4, 3, 2, 1, 0]


def test_five_views_of_an_image():
    corners = [
        image_ops.crop(places(8, 8), facts(), tf.constant(v)).numpy()[0, 0, :2]
        for v in views.fixed(5)
    ]
    assert [tuple(c) for c in corners] == [(2, 2), (0, 0), (0, 3), (3, 0), (3, 3)]


def test_normalise_by_hand():
    image = np.array([10, 20, 30], np.uint8).reshape(1, 1, 1, 3)
    rgb = image_ops.normalise(image, facts())
    assert rgb.numpy().ravel().tolist() == [9, 9, 6.75]
    bgr = image_ops.normalise(image, facts(channels="BGR"))
    assert bgr.numpy().ravel().tolist() == [29, 9, 1.75]


# An orange pixel, through each backbone's own facts: the networks' papers' arithmetic.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("efficientnet_lite0", (1.0, 0.0, -127 / 128)),
        ("alexnet", (-104.00698793, 10.33123238, 132.32108566)),
        ("caffenet", (-104.00698793, 10.33123238, 132.32108566)),
        (
            "alexnet_owt",
            ((1 - 0.485) / 0.229, (127 / 255 - 0.456) / 0.224, -0.406 / 0.225),
        ),
    ],
)
def test_each_backbone_normalises_as_it_was_trained(name, expected):
    orange = np.array([255, 127, 0], np.float32).reshape(1, 1, 1, 3)
    ours = image_ops.normalise(orange, BACKBONES[name].preprocessing)
    np.testing.assert_allclose(ours.numpy().ravel(), expected, rtol=1e-5, atol=1e-6)


def test_facts_are_json():
    before = facts().as_dict()
    assert json.loads(json.dumps(before))["mean_image"] is None
    assert {field.name for field in dataclasses.fields(Preprocessing)} == set(before)


def planes(side=8, seed=0):
    return np.random.default_rng(seed).uniform(90, 130, (3, side, side))


def with_mean_image(**changes):
    image = MeanImage.from_planes(planes())
    return facts(resize="warp", channels="BGR", mean_image=image, **changes)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_a_mean_image_is_subtracted_where_the_crop_is(channels, mirror):
    """As Caffe does: crop image and mean alike, subtract, then mirror."""
    image = np.random.default_rng(1).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    wanted = dataclasses.replace(with_mean_image(), channels=channels)
    cut = image_ops.crop(image, wanted, view(1.0, 0.0, mirror))
    ours = image_ops.normalise(cut[None], wanted).numpy()[0]
    order = [0, 1, 2] if channels == "RGB" else [2, 1, 0]
    difference = image[..., order] - np.moveaxis(planes(), 0, -1)
    expected = difference[3:8, 0:5] / (1.0, 2.0, 4.0)
    expected = expected[:, ::-1] if mirror else expected
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_a_flat_mean_image_is_the_mean():
    flat = np.ones((3, 8, 8)) * np.reshape((1, 2, 3), (3, 1, 1))
    wanted = facts(resize="warp", channels="BGR")
    image = places(8, 8)
    same = dataclasses.replace(wanted, mean_image=MeanImage.from_planes(flat))
    np.testing.assert_array_equal(
        image_ops.crop(image, same, view(0.5, 1.0)),
        image_ops.crop(image, wanted, view(0.5, 1.0)),
    )


def test_mean_images_are_addressed_by_content():
    one, twin, other = (MeanImage.from_planes(planes(seed=s)) for s in (0, 0, 1))
    assert one == twin and hash(one) == hash(twin) and one != other
    assert with_mean_image().as_dict()["mean_image"] == one.sha256 != other.sha256
    json.dumps(with_mean_image().as_dict())
    np.testing.assert_array_equal(one.pixels[2, 3], planes()[:, 2, 3].astype("f4"))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((8, 8, 3)), r"shape \(3, side, side\), got \(8, 8, 3\)"),
        (np.zeros((3, 8, 9)), r"got \(3, 8, 9\)"),
        (np.zeros((8, 8)), r"got \(8, 8\)"),
        (np.full((3, 8, 8), 300.0), "within 0 to 255, got values from 300.0 to 300.0"),
        (np.full((3, 8, 8), np.nan), "within 0 to 255"),
    ],
)
def test_what_is_no_mean_image_is_refused(array, message):
    with pytest.raises(WeightsError, match=message):
        MeanImage.from_planes(array)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resize": "shorter_side"}, "got resize='shorter_side' to 8"),
        ({"resize": "warp", "resize_to": 9}, "mean image's 8 pixels, .* to 9"),
    ],
)
def test_a_mean_image_of_another_geometry_is_refused(changes, message):
    with pytest.raises(WeightsError, match=message):
        facts(**changes, mean_image=MeanImage.from_planes(planes()))
