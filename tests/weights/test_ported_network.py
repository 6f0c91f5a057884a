"""The published weights in the network itself: real photographs, right labels."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from kerastransfer.backbones.efficientnet_lite import network as efficientnet_lite
from kerastransfer.weights import store


@pytest.fixture(scope="module")
def network():
    return efficientnet_lite.build(1000, 0)


@pytest.fixture(scope="module")
def weights():
    return store.load("efficientnet_lite0").mapping


def test_the_network_s_names_and_shapes_are_the_port_s(network, weights):
    variables = {}
    for number in range(1, 9):
        variables |= network.variables(number)
    ours = {name: tuple(variable.shape) for name, variable in variables.items()}
    assert ours == {name: array.shape for name, array in weights.items()}


def centre(name):
    """Crop 224 pixels out of a shorter side of 256, normalised as the authors do."""
    photo = Image.fromarray(load_sample_image(name))
    scale = 256 / min(photo.size)
    photo = photo.resize(
        [round(n * scale) for n in photo.size], Image.Resampling.BICUBIC
    )
    left, top = ((n - 224) // 2 for n in photo.size)
    crop = photo.crop((left, top, left + 224, top + 224))
    return (np.asarray(crop, np.float32) - 127) / 128


def test_real_photographs_get_their_labels(network, weights):
    for number in range(1, 9):
        network.assign(number, weights)
    photos = np.stack([centre("china.jpg"), centre("flower.jpg")])
    logits = network.whole()(photos, training=False)
    likely = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    assert likely.argmax(1).tolist() == [698, 985]  # palace, daisy
    assert likely.max(1) == pytest.approx([0.31, 0.36], abs=0.05)
