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


CORNERS = {
    0.0: lambda room: 0,
    0.5: lambda room: (room + 1) // 2,
    1.0: lambda room: room,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("where", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
@pytest.mark.parametrize(
    ("resize", "size"), [("shorter_side", (96, 144)), ("warp", (96, 96))]
)
def test_a_view_agrees_with_pillow_s_resizing(method, where, resize, size):
    photo = sklearn.datasets.load_sample_image("china.jpg")[:400, :600]
    wanted = facts(resize=resize, resize_to=96, crop=90, interpolation=method)
    ours = image_ops.take_view(photo, wanted, view(*where)).numpy()
    top, left = (CORNERS[at](side - 90) for at, side in zip(where, size, strict=True))
    expected = pillow(photo, size, METHODS[method])[top : top + 90, left : left + 90]
    # Levels of 0 to 255; without antialias they would differ by dozens.
    assert np.abs(ours - expected).max() < 0.02
    coarse = tf.image.resize(photo, size, method=method).numpy()
    coarse = coarse[top : top + 90, left : left + 90]
    assert np.abs(ours - coarse).max() > 20


@pytest.mark.parametrize("method", METHODS)
def test_enlarging_agrees_with_pillow(method):
    small = np.random.default_rng(0).integers(0, 256, (10, 7, 3), np.uint8)
    wanted = facts(resize_to=21, crop=21, interpolation=method)
    ours = image_ops.take_view(small, wanted, view(0.5, 0.5)).numpy()
    expected = pillow(small, (30, 21), METHODS[method])[5:26]
    assert np.abs(ours - expected).max() < 0.02
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
    placement = image_ops.place(tf.constant(shape), facts(), view(1, 1))
    assert tuple(placement.size.numpy()) == expected
    assert tuple(placement.corner.numpy()) == (expected[0] - 5, expected[1] - 5)


@pytest.mark.parametrize("shape", [(8, 8), (8, 13), (21, 8)])
def test_an_image_of_the_right_size_keeps_its_pixels(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    ours = image_ops.take_view(image, facts(), view(0, 0))
    np.testing.assert_array_equal(ours, image[:5, :5])


def test_a_sliver_costs_no_more_than_its_crop():
    """One pixel by 200,000 would be resized to 256 by 51 million."""
    sliver = np.zeros((1, 200_000, 3), np.uint8)
    sliver[:, 100_000:] = 200
    wanted = facts(resize_to=256, crop=224)
    ours = image_ops.take_view(sliver, wanted, view(0.5, 1.0)).numpy()
    np.testing.assert_allclose(ours, np.full((224, 224, 3), 200), atol=1e-3)
    upright = image_ops.take_view(sliver.swapaxes(0, 1), wanted, view(0.0, 0.5))
    np.testing.assert_allclose(upright, 0, atol=1e-3)


@pytest.mark.parametrize("fit", ["pad", "squash"])
@pytest.mark.parametrize("resize", ["shorter_side", "warp"])
def test_the_whole_image_lies_in_the_centre(fit, resize):
    """By Pillow: the longer side, or both, brought to the crop; the mean about it."""
    photo = sklearn.datasets.load_sample_image("flower.jpg")[:300, :600]
    wanted = facts(fit=fit, resize=resize, resize_to=120, crop=101)
    ours = image_ops.take_view(photo, wanted, view(0.5, 0.5)).numpy()
    # 300 x 600 to 50 x 101 (50.5 goes to even), below (101 - 50) // 2 rows of mean
    size, top = ((50, 101), 25) if fit == "pad" else ((101, 101), 0)
    expected = np.broadcast_to(np.float32((1, 2, 3)), (101, 101, 3)).copy()
    expected[top : top + size[0]] = pillow(photo, size, METHODS["bilinear"])
    assert np.abs(ours - expected).max() < 0.02


def test_other_views_of_a_whole_image_are_shifted():
    image = np.full((10, 10, 3), 9, np.uint8)
    wanted = facts(fit="pad", resize_to=14, crop=10)
    ours = image_ops.take_view(image, wanted, view(0.0, 1.0)).numpy()
    expected = np.broadcast_to(np.float32((1, 2, 3)), (10, 10, 3)).copy()
    expected[2:, :-2] = 9
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_view_in_a_graph_equals_eager():
    graph = tf.function(
        lambda x: image_ops.take_view(x, facts(), view(0.5, 0.5)),
        input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
    )
    image = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    np.testing.assert_allclose(
        graph(image), image_ops.take_view(image, facts(), view(0.5, 0.5)), atol=1e-4
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
    wanted = facts(resize_to=min(shape))
    cut = image_ops.take_view(places(*shape), wanted, view(*where)).numpy()
    assert cut.shape == (5, 5, 3)
    assert tuple(cut[0, 0, :2]) == corner
    assert tuple(cut[-1, -1, :2]) == (corner[0] + 4, corner[1] + 4)


def test_mirror_turns_the_crop_and_not_the_image():
    straight = image_ops.take_view(places(8, 12), facts(), view(0, 0)).numpy()
    mirrored = image_ops.take_view(places(8, 12), facts(), view(0, 0, 1)).numpy()
    np.testing.assert_array_equal(mirrored, straight[:, ::-1])
    assert mirrored[0, :, 1].tolist() == [4, 3, 2, 1, 0]


def test_five_views_of_an_image():
    corners = [
        image_ops.take_view(places(8, 8), facts(), tf.constant(v)).numpy()[0, 0, :2]
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
    cut = image_ops.take_view(image, wanted, view(1.0, 0.0, mirror))
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
        image_ops.take_view(image, same, view(0.5, 1.0)),
        image_ops.take_view(image, wanted, view(0.5, 1.0)),
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
        ({"resize": "warp", "fit": "pad"}, "--fit crop beside a mean image, got 'pad'"),
    ],
)
def test_a_mean_image_of_another_geometry_is_refused(changes, message):
    with pytest.raises(WeightsError, match=message):
        facts(**changes, mean_image=MeanImage.from_planes(planes()))
