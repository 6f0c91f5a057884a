"""A mean image in a run: subtracted in training, in evaluation and in the export."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature

from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.errors import WeightsError
from kerastransfer.export import saved_model


def planes(side=20, seed=0):
    return np.random.default_rng(seed).uniform(90, 130, (3, side, side))


def test_a_backbone_takes_one_that_fits():
    image = MeanImage.from_planes(planes(256))
    assert table.get("alexnet", image).preprocessing.mean_image == image
    assert table.get("alexnet").preprocessing.mean_image is None
    with pytest.raises(WeightsError, match="got resize='shorter_side' to 256"):
        table.get("efficientnet_lite0", image)


def test_a_file_gives_back_what_was_written(tmp_path):
    image = MeanImage.from_planes(planes())
    image.write(tmp_path / "mean.npy")
    assert MeanImage.read(tmp_path / "mean.npy") == image
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "code.npy", np.array([{}], object), allow_pickle=True)
    for name in ("bad.npy", "code.npy", "none.npy"):
        with pytest.raises(WeightsError, match="Expected a mean image at"):
            MeanImage.read(tmp_path / name)


@pytest.mark.parametrize("side", [20, 21])
def test_both_signatures_subtract_it(side, tmp_path):
    """A file of the warped size and its centre crop are the same picture."""
    facts = dataclasses.replace(
        miniature.BACKBONE.preprocessing,
        resize="warp",
        resize_to=side,
        channels="BGR",
        mean_image=MeanImage.from_planes(planes(side)),
    )
    network = miniature.build(3, 0)
    saved_model.save(network, facts, miniature.CLASSES, tmp_path / "model")
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    encoded = tf.io.encode_png(pixels)[tf.newaxis]
    start = (side - 16 + 1) // 2
    crop = pixels[start : start + 16, start : start + 16].astype(np.float32)
    whole = loaded.signatures["serving_default"](image=encoded)
    part = loaded.signatures["images"](image=tf.constant(crop[None]))
    np.testing.assert_allclose(whole["features"], part["features"], atol=1e-5)
    # By hand: BGR, less the mean image where the crop is.
    mean = np.moveaxis(planes(side), 0, -1)[start : start + 16, start : start + 16]
    inputs = ((crop[..., ::-1] - mean) / 128).astype(np.float32)
    by_hand = network.forward(inputs[None], last=7)
    np.testing.assert_allclose(whole["features"], by_hand, atol=1e-4)
    plain = dataclasses.replace(facts, mean_image=None)
    other = network.forward(image_ops.normalise(crop[None], plain), last=7)
    assert np.abs(other - by_hand).max() > 1e-2
