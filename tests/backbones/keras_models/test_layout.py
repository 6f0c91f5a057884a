"""Files that Keras writes, old and new, against what Keras reads of them."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from kerastransfer.backbones import table
from kerastransfer.backbones.applications import network
from kerastransfer.backbones.applications.rows import ROWS
from kerastransfer.errors import WeightsError
from kerastransfer.weights import port_file

BY_NAME = {row.name: row for row in ROWS}
# Of layers without names; with a classifier that is a convolution; with models inside;
# with a normalisation of pixels that has weights.
NAMES = ["mobilenetv3small", "convnexttiny", "efficientnetb0"]


def made(name, **options):
    """A network of Keras, every weight of it drawn, as a published file has them."""
    row = BY_NAME[name]
    model = getattr(keras.applications, row.constructor)(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None, **options
    )
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if "float" in weight.dtype:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape).astype(np.float32) / 8)
    return model


def write_old(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def write_whole_old(model, path):
    model.save(path)
    return path


def write_new(model, path):
    path = path.with_suffix(".weights.h5")
    model.save_weights(path)
    return path


def write_archive(model, path):
    path = path.with_suffix(".keras")
    model.save(path)
    return path


WRITERS = [write_old, write_whole_old, write_new, write_archive]


def logits(name, weights, images):
    """What our blocks answer to normalised images."""
    backbone = table.get(f"{name}@64")
    ours = backbone.build(backbone.source_classes, 0)
    for number in range(1, 9):
        ours.assign(number, weights)
    return ours.forward(images).numpy()


def after_pixels(name, model, images):
    """What Keras's own network answers to them, past its normalisation of pixels."""
    row = BY_NAME[name]
    flat = network._flat(model)
    start = network.inside.find(network.graph.bottlenecks(flat)).tensor
    assert row.constructor
    return np.asarray(keras.Model(start, flat.outputs[0])(images))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_the_network_that_keras_saved(name, write, tmp_path):
    if write is write_whole_old and name == "convnexttiny":
        pytest.skip("Keras does not write its own layers in that format")
    keras.applications.MobileNetV2(weights=None)  # so that numbers are others
    model = made(name)
    ported = port_file.read(name, write(model, tmp_path / "file.h5"))
    assert ported.source_classes == 1000
    images = np.random.default_rng(0).normal(0, 1, (2, 64, 64, 3)).astype(np.float32)
    expected = after_pixels(name, model, images)
    ours = logits(name, ported.weights, images)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4 * expected.std())
    assert expected.std() > 0


@pytest.mark.parametrize("write", WRITERS[:1] + WRITERS[2:3])
def test_a_file_without_a_classifier(write, tmp_path):
    model = made("mobilenetv2", include_top=False)
    ported = port_file.read("mobilenetv2", write(model, tmp_path / "file.h5"))
    assert ported.source_classes is None
    assert "R8" in " ".join(ported.remarks)
    assert len(ported.weights) == len(model.weights)


@pytest.mark.parametrize("write", WRITERS[:1] + WRITERS[2:3])
def test_a_file_of_another_network(write, tmp_path):
    path = write(made("mobilenetv2"), tmp_path / "file.h5")
    with pytest.raises(WeightsError, match="as 'mobilenetv3small': The weights do not"):
        port_file.read("mobilenetv3small", path)


def test_our_own_names(tmp_path):
    backbone = table.get("mobilenetv3small")
    built = backbone.build(1000, 5)
    weights = {k: v for n in range(1, 9) for k, v in built.snapshot(n).items()}
    port_file.save_npz(weights, tmp_path / "own.npz", {})
    ported = port_file.read("mobilenetv3small", tmp_path / "own.npz").weights
    assert all(np.array_equal(ported[name], value) for name, value in weights.items())
