"""The real backbone: what is frozen stays, and what is tuned moves."""

import keras
import numpy as np
import pytest
from helpers.miniature import make_examples

from kerastransfer import surgery
from kerastransfer.backbones import table
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.distribution.replicas import single
from kerastransfer.recipe import Action, Recipe
from kerastransfer.training import phase
from kerastransfer.training.batches import ImageBatches
from kerastransfer.training.engine import PhaseSetup
from kerastransfer.training.phase import PhaseSchedule
from kerastransfer.weights import store

LITE0 = table.get("efficientnet_lite0")


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    ["F1-7R8", "F1-2FT3R4-8", "F1-3FT4-7@0.1R8", "FT1-7R8", "R1-8", "F1-7R8+FT1-8"],
)
def test_exactly_the_frozen_blocks_stay_bit_identical(recipe):
    phases = Recipe.parse(recipe).phases
    chosen = {"dataset": "noise", "backbone": LITE0.name, "recipe": recipe}
    settings = {"epochs": (1,), "batch_size": 4, "weight_decay": 0.1}
    facts = DataSummary(records="", weights="", num_images=8, mirror=False)
    config = resolve(chosen | settings, facts)
    weights = store.load(LITE0.name).mapping
    network = surgery.draw(phases[0], LITE0, 3, config.seed, weights)
    images = ImageBatches(
        examples=make_examples(8, 3),
        train_positions=np.arange(8),
        val_positions=np.arange(3),
        preprocessing=LITE0.preprocessing,
        config=config,
    )
    for step in phases:
        before = [network.snapshot(number) for number in range(1, 9)]
        job = PhaseSetup(
            network=network,
            plans=surgery.plan(step, LITE0, 3),
            source=images,
            preprocessing=LITE0.preprocessing,
            config=config,
            replicas=single(),
        )
        nothing = keras.callbacks.CallbackList([])
        phase.train(job, PhaseSchedule(epochs=1, learning_rate=0.01), nothing)
        for number, old in enumerate(before, start=1):
            new = network.snapshot(number)
            same = [np.array_equal(old[name], new[name]) for name in old]
            if step.steps[number - 1].action is Action.FREEZE:
                assert all(same), number
            else:
                assert not all(same), number
