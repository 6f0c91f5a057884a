"""Models that were saved with a frozen base: trained as a recipe says."""

import dataclasses

import keras
import numpy as np
import pytest
from helpers import miniature

from kerastransfer.backbones import table
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

LAYERS = keras.layers
SIDE = 8


@keras.saving.register_keras_serializable("frozen_inside")
class Frozen(LAYERS.Layer):
    """Holds a layer that its own code freezes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = LAYERS.Conv2D(4, 1, trainable=False)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    """As Keras's guide to transfer learning leaves its first phase."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = LAYERS.Normalization(mean=[1.0, 2, 3], variance=[1.0, 1, 1])(inputs)
    for number in range(7):
        x = LAYERS.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)
        x = LAYERS.BatchNormalization(name=f"bn{number}")(x)
    x = LAYERS.GlobalAveragePooling2D()(Frozen(name="inside")(x))
    base = keras.Model(inputs, x)
    base.trainable = False
    model = keras.Sequential([base, LAYERS.Dropout(0.1), LAYERS.Dense(3)])
    place = tmp_path_factory.mktemp("frozen") / "lab.keras"
    model.save(place)
    return f"keras:{place}"


@pytest.mark.parametrize("recipe", ["FT1-7R8", "F1-7R8+FT1-8", "F1-3FT4-7R8+FT1-8"])
def test_what_a_plan_counts_is_trained(name, recipe):
    backbone = table.get(name)
    summary = DataSummary(records="", weights="", num_images=4, mirror=False)
    named = {"dataset": "noise", "backbone": name, "recipe": recipe, "batch_size": 4}
    setup = dataclasses.replace(
        miniature.setup_of(
            resolve(named, summary), miniature.make_examples(4, 3), backbone=backbone
        ),
        source_weights=store.load(name).mapping,
    )
    network = setup.make_network()
    # by hand: 7 convolutions (the first of 3 channels), their norms, one 1x1, a head
    blocks = 4 * 28 + 6 * 4 * 37 + 7 * 8 + 4 * 5
    assert sum(block.parameters for block in backbone.blocks[:7]) == blocks
    for index, _ in enumerate(setup.config.recipe.phases):
        phase = PhaseSetup(
            setup=setup, index=index, network=network, source=setup.images()
        )
        planned = sum(plan.trained for plan in phase.plans())
        trained = Engine(phase).variables
        assert sum(int(np.prod(v.shape)) for v in trained) == planned
    assert planned == 5 * 3 + blocks
