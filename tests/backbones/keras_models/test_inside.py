import keras
import numpy as np
import pytest

from kerastransfer.backbones.keras_models import graph, inside

LAYERS = keras.layers


def find(*layers):
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), *layers, LAYERS.Conv2D(2, 3, name="first")]
    )
    flat = graph.unfolded(model)
    return inside.find(graph.bottlenecks(flat)), flat


@pytest.mark.parametrize(
    "layers",
    [
        [LAYERS.Rescaling(1 / 127.5, -1)],
        [LAYERS.Normalization(mean=[100.0, 90, 80], variance=[4.0, 9, 16])],
        [
            LAYERS.Rescaling(1 / 255),
            LAYERS.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.09, 0.16]),
            LAYERS.Rescaling(2.0, 0.5),
        ],
        [keras.Sequential([LAYERS.Rescaling([1.0, 2.0, 3.0], [-1.0, 0.0, 4.0])])],
    ],
)
def test_mean_and_scale_compute_what_the_layers_do(layers):
    found, flat = find(*layers)
    assert found.layers and "first" not in found.layers
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 12, 12, 3)).astype(np.float32)
    expected = keras.Model(flat.input, found.tensor)(pixels)
    ours = (pixels - found.mean) / found.scale
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-4)


def test_augmentation_and_sizes_are_left_out():
    found, _ = find(
        LAYERS.RandomFlip(), LAYERS.Resizing(10, 10), LAYERS.Rescaling(1 / 255)
    )
    assert len(found.layers) == 3
    assert found.size == 10
    np.testing.assert_allclose(found.scale, 255)
    np.testing.assert_allclose(found.mean, 0, atol=1e-9)


def test_a_model_that_takes_normalised_images():
    found, flat = find()
    assert found.layers == () and found.tensor is flat.input
    np.testing.assert_array_equal(found.mean, 0)
    np.testing.assert_array_equal(found.scale, 1)
