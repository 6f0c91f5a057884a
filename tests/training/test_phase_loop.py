"""Training one phase: what moves, what stays, and that a cache changes nothing."""

import dataclasses

import keras
import numpy as np
import pytest
from helpers import miniature

from kerastransfer import surgery
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.recipe import Action, Recipe
from kerastransfer.training import frozen_prefix
from kerastransfer.training.batches import ImageBatches
from kerastransfer.training.caching import Caching
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.stopping import StopReason

PREPROCESSING = miniature.BACKBONE.preprocessing


def make_config(recipe: str, **fields: object) -> TrainConfig:
    parsed = Recipe.parse(recipe)
    phases = len(parsed.phases)
    defaults: dict[str, object] = {
        "dataset": "noise",
        "records": "",
        "weights": "",
        "images_per_class": None,
        "draw": 0,
        "seed": 3,
        "backbone": "miniature",
        "recipe": parsed,
        "preset": "default",
        "epochs": (1,) * phases,
        "batch_size": 4,
        "learning_rate": (0.01,) * phases,
        "weight_decay": 0.1,
        "views": 1,
        "mirror": False,
        "augment": "views",
        "batch_norm": "keep",
    }
    return TrainConfig(**{**defaults, **fields})


def make_images(config: TrainConfig, examples=None, train: int = 13) -> ImageBatches:
    return ImageBatches(
        examples=examples or miniature.make_examples(train),
        train_positions=np.arange(train),
        val_positions=np.arange(6),
        preprocessing=PREPROCESSING,
        config=config,
    )


def run_phase(network, config, source, callbacks=(), index=0):
    examples = miniature.make_examples(len(source.train_positions))
    setup = miniature.setup_of(config, examples)
    phase = PhaseSetup(setup=setup, index=index, network=network, source=source)
    return miniature.train_phase(phase, callbacks)


def first_network(recipe: str, seed: int = 3):
    step = Recipe.parse(recipe).phases[0]
    weights = miniature.source_weights()
    return surgery.draw(step, miniature.BACKBONE, 3, seed, weights)


def snapshot(network) -> dict[int, dict[str, np.ndarray]]:
    return {number: network.snapshot(number) for number in range(1, 9)}


def moved(before, after) -> list[int]:
    return [
        number
        for number in before
        if any(
            not np.array_equal(before[number][name], after[number][name])
            for name in before[number]
        )
    ]


RECIPES = ("F1-7R8", "F1-2FT3R4-8", "F1-3FT4-7@0.1R8", "FT1-7R8", "R1-8")
# Blocks of every kind beside each other, and in a phase of their own; of tuned blocks
# alone can statistics be adapted.
MIXED = ("F1-2FT3R4-8", "F1-7R8+FT1-8", "FT1-2F3FT4-7R8")


@pytest.mark.parametrize(
    ("recipe", "batch_norm"),
    [
        *((recipe, "keep") for recipe in dict.fromkeys(RECIPES + MIXED)),
        *((recipe, "adapt") for recipe in MIXED),
    ],
)
def test_exactly_the_frozen_blocks_stay_bit_identical(recipe, batch_norm):
    config = make_config(recipe, batch_norm=batch_norm)
    network = first_network(recipe)
    source = make_images(config)
    for index, step in enumerate(config.recipe.phases):
        before = snapshot(network)
        run_phase(network, config, source, index=index)
        trained = [
            number
            for number, block in enumerate(step.steps, start=1)
            if block.action is not Action.FREEZE
        ]
        assert moved(before, snapshot(network)) == trained


def test_fine_tuned_batch_norm_keeps_the_sources_statistics():
    network = first_network("FT1-7R8")
    config = make_config("FT1-7R8")
    before = snapshot(network)
    run_phase(network, config, make_images(config))
    after = snapshot(network)
    for number in range(1, 6):
        for statistic in ("moving_mean", "moving_variance"):
            name = f"bn{number}/{statistic}"
            np.testing.assert_array_equal(before[number][name], after[number][name])
        gamma = f"bn{number}/gamma"
        assert not np.array_equal(before[number][gamma], after[number][gamma])


def test_redrawn_statistics_are_the_plain_averages_of_the_training_views():
    network = first_network("R1-8")
    config = make_config("R1-8", batch_size=4)
    source = make_images(config)
    run_phase(network, config, source)
    # 13 images in batches of 4, 4, 4 and 1: a mean of batch means would be another.
    images = np.concatenate([batch.shares[0].inputs for batch in source.train(0)])
    responses = keras.ops.conv(
        (images - 127.0) / 128.0,
        network.blocks[0].get_layer("conv1").kernel,
        padding="same",
    ).numpy()
    layer = network.blocks[0].get_layer("bn1")
    np.testing.assert_allclose(
        layer.moving_mean, responses.mean((0, 1, 2)), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        layer.moving_variance, responses.var((0, 1, 2)), rtol=1e-4, atol=1e-6
    )


# 13 images in batches of 4: SGD takes 20 steps, AdamW an epoch. Each two of recipe,
# preset and views meet.
PRESETS = {"caffe": (5, 1e-5), "default": (1, 1e-3)}


@pytest.mark.parametrize(
    ("recipe", "preset", "views"),
    [
        ("F1-7R8", "caffe", 1),
        ("F1-7R8", "default", 5),
        ("F1-3FT4-7@0.1R8", "caffe", 5),
        ("F1-3FT4-7@0.1R8", "default", 1),
        ("F1-5R6-8", "caffe", 1),
        ("F1-5R6-8", "default", 5),
    ],
)
def test_a_cached_prefix_changes_nothing(recipe, preset, views, tmp_path):
    epochs, tolerance = PRESETS[preset]
    config = make_config(recipe, preset=preset, views=views, epochs=(epochs,))
    step = Recipe.parse(recipe).phases[0]
    examples = miniature.make_examples()
    networks, results = [], []
    for cache in ("on", "off"):
        network = first_network(recipe)
        caching = Caching(mode=cache, home=tmp_path)
        setup = miniature.setup_of(config, examples, caching=caching)
        source = frozen_prefix.choose(setup, network, step.frozen_prefix, epochs=epochs)
        assert (source.first > 1) == (cache == "on")
        results.append(run_phase(network, config, source))
        networks.append(snapshot(network))
    assert results[0].best_epoch == results[1].best_epoch
    ours, theirs = (
        np.concatenate([w.ravel() for n in blocks.values() for w in n.values()])
        for blocks in networks
    )
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def test_the_best_epoch_is_restored():
    config = make_config("R1-8", epochs=(6,), learning_rate=(0.03,))
    network = first_network("R1-8")
    source = make_images(config)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["accuracy"], -logs["nll"], snapshot(network)))

    result = run_phase(network, config, source, [Watch()])
    best = max(range(6), key=lambda epoch: seen[epoch][:2])
    assert result.best_epoch == best
    assert moved(seen[best][2], snapshot(network)) == []
    assert result.val["accuracy"] == seen[best][0]
    assert result.steps == 6 * 4
    assert result.stopped is StopReason.EPOCHS


def test_the_same_seed_gives_the_same_run_and_another_does_not():
    def weights(seed: int):
        config = make_config("FT1-5R6-8", seed=seed)
        keras.utils.set_random_seed(seed)
        network = first_network("FT1-5R6-8", seed)
        run_phase(network, config, make_images(config))
        return snapshot(network)

    assert moved(weights(1), weights(1)) == []
    assert moved(weights(1), weights(2)) == list(range(1, 9))


def test_each_image_is_seen_once_an_epoch_in_another_order():
    config = make_config("R1-8")
    source = make_images(config)
    epochs = [
        np.concatenate(
            [b.shares[0].inputs.numpy().mean((1, 2, 3)) for b in source.train(e)]
        )
        for e in range(2)
    ]
    assert not np.array_equal(epochs[0], epochs[1])
    np.testing.assert_allclose(np.sort(epochs[0]), np.sort(epochs[1]), rtol=1e-6)


def test_a_loss_that_explodes_is_an_error_that_says_what_to_do():
    config = make_config("R1-8", learning_rate=(1e30,), preset="caffe", epochs=(3,))
    with pytest.raises(ValueError, match=r"finite loss.*lower --learning-rate"):
        run_phase(first_network("R1-8"), config, make_images(config))


def test_patience_ends_a_phase_after_so_many_epochs_without_a_better_one():
    config = make_config("R1-8", epochs=(40,), learning_rate=(0.03,), patience=(3,))
    network = first_network("R1-8")
    result = run_phase(network, config, make_images(config))
    assert result.stopped is StopReason.PATIENCE
    assert result.epochs == result.best_epoch + 1 + 3 < 40
    assert result.steps == 4 * result.epochs


def test_patience_without_a_validation_set_is_refused():
    config = make_config("R1-8", patience=(3,))
    source = dataclasses.replace(make_images(config), val_positions=np.arange(0))
    with pytest.raises(ValueError, match="--patience needs a validation set"):
        run_phase(first_network("R1-8"), config, source)


def test_the_rate_rises_and_then_follows_the_schedule():
    config = make_config("R1-8", epochs=(5,), learning_rate=(0.01,), warmup=0.2)
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(logs["learning_rate"])

    run_phase(first_network("R1-8"), config, make_images(config), [Watch()])
    # 20 steps, of which 4 rise in fifths to the full rate, which the fifth has.
    np.testing.assert_allclose(rates[:5], 0.01 * np.array([0.2, 0.4, 0.6, 0.8, 1.0]))
    fall = 0.005 * (1 + np.cos(np.pi * np.arange(16) / 16))
    np.testing.assert_allclose(rates[4:], fall)
