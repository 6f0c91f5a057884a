"""Models that were saved in another precision, taken in float32."""

import keras
import numpy as np
import pytest
from helpers import miniature

from kerastransfer.backbones import table
from kerastransfer.backbones.keras_models import remade
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

POLICIES = ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64"]
SIDE = 16


def layered(policy):
    """A network with its preprocessing inside, made under this policy."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((SIDE, SIDE, 3))
        x = keras.layers.Rescaling(1 / 255)(inputs)
        for _ in range(7):
            x = keras.layers.Conv2D(6, 3, padding="same")(x)
            x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.GlobalAveragePooling2D()(x)
        # as Keras's guide to mixed precision has it
        x = keras.layers.Dense(5, dtype="float32")(x)
        return keras.Model(inputs, x)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_weights_compute_in_float32(policy):
    model = layered(policy)
    assert remade.precisions(model) == (policy,)
    copy = remade.copied(model)
    assert remade.precisions(copy) == ()
    assert {weight.dtype for weight in copy.weights} == {"float32"}
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(
            ours.numpy(), np.asarray(theirs.value).astype("float32")
        )
    images = np.random.default_rng(0).uniform(0, 255, (4, SIDE, SIDE, 3))
    images *= np.linspace(0, 1, 4)[:, None, None, None]  # dark to light
    ours, theirs = (
        np.asarray(keras.ops.cast(x(images), "float32")) for x in (copy, model)
    )
    assert 0 < np.abs(ours - theirs).max() <= 0.05 * np.ptp(ours, axis=0).max()


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_a_file_of_another_precision_is_trained(policy, tmp_path):
    model, place = layered(policy), tmp_path / "lab.keras"
    model.save(place)
    name = f"keras:{place}"
    backbone = table.get(name)
    held = backbone.held()
    assert f"saved as {policy}, compute in float32" in " ".join(held.remarks)
    named = {"dataset": "noise", "backbone": name, "recipe": "F1-5FT6-7R8"}
    summary = DataSummary(records="", weights="", num_images=12, mirror=False)
    config = resolve({**named, "batch_size": 4, "epochs": [2]}, summary)
    weights = store.load(name).mapping
    assert {value.dtype for value in weights.values()} == {np.dtype("float32")}
    setup = miniature.setup_of(
        config, miniature.make_examples(12, 3), backbone=backbone
    )
    network = backbone.build(3, 0)
    for block in range(1, 8):
        network.assign(block, weights)
    source = setup.images()
    phase = PhaseSetup(setup=setup, index=0, network=network, source=source)
    result = miniature.train_phase(phase)
    assert np.isfinite(result.val["nll"])
    for block in range(1, 6):
        for key, value in network.snapshot(block).items():
            np.testing.assert_array_equal(value, weights[key])


def test_quantized_weights_are_refused_in_a_line(tmp_path):
    model, place = layered("float32"), tmp_path / "small.keras"
    model.quantize("int8")
    model.save(place)
    with pytest.raises(InputError, match="quantized to whole numbers; save it before"):
        table.get(f"keras:{place}")
