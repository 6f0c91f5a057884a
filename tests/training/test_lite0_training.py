"""The real backbone: what is frozen stays, and what is tuned moves."""

import dataclasses

import numpy as np
import pytest
from helpers import miniature

from kerastransfer.backbones import table
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.recipe import Action
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

LITE0 = table.get("efficientnet_lite0")


@pytest.mark.slow
# Of each block that it is frozen, tuned, drawn; a factor; a second phase. More recipes
# are tried on the miniature in test_phase_loop.
@pytest.mark.parametrize("recipe", ["F1-2FT3@0.1R4-8", "R1-8", "F1-7R8+FT1-8"])
def test_exactly_the_frozen_blocks_stay_bit_identical(recipe):
    named = {"dataset": "noise", "backbone": LITE0.name, "recipe": recipe}
    settings = {"epochs": (1,), "batch_size": 4, "weight_decay": 0.1}
    summary = DataSummary(records="", weights="", num_images=8, mirror=False)
    config = resolve(named | settings | {"learning_rate": (0.01,)}, summary)
    setup = dataclasses.replace(
        miniature.setup_of(config, miniature.make_examples(8, 3), backbone=LITE0),
        source_weights=store.load(LITE0.name).mapping,
    )
    network = setup.make_network()
    for index, step in enumerate(config.recipe.phases):
        before = [network.snapshot(block) for block in range(1, 9)]
        phase = PhaseSetup(
            setup=setup, index=index, network=network, source=setup.images()
        )
        miniature.train_phase(phase)
        for block, old in enumerate(before, start=1):
            new = network.snapshot(block)
            same = [np.array_equal(old[name], new[name]) for name in old]
            if step.steps[block - 1].action is Action.FREEZE:
                assert all(same), block
            else:
                assert not all(same), block
