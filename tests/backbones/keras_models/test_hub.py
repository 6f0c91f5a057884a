"""KerasHub's ViT and DINOv2 with random weights: cut, normalised, trained, exported."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature, tiny_presets
from helpers.tiny_presets import DEVIATION, MEAN, SIDE, dinov2, vit

from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.spec import with_options
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError
from kerastransfer.export import saved_model
from kerastransfer.features import closed_form
from kerastransfer.training.caching import Caching
from kerastransfer.training.frozen_prefix import choose_source
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

keras_hub = tiny_presets.keras_hub


@pytest.fixture(scope="module", params=[vit, dinov2], ids=["vit", "dinov2"])
def preset(request, tmp_path_factory):
    """A folder such as KerasHub downloads, and the network that is in it."""
    return tiny_presets.save(request.param, tmp_path_factory.mktemp("preset") / "tiny")


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE, SIDE, 3)).astype("f4")


def tokens(made, images):
    normalised = ((images / 255 - MEAN) / DEVIATION).astype("f4")
    return np.asarray(made(normalised))


def features(name, images):
    backbone = table.get(name)
    network = backbone.build(2, 1)
    weights = store.load(name).mapping
    for number in range(1, 8):
        network.assign(number, weights)
    inputs = image_ops.normalise(images, backbone.preprocessing)
    return network.forward(inputs, last=7).numpy()


@pytest.mark.parametrize("feature", [None, "class", "mean", "both"])
def test_the_feature_is_what_keras_hub_computes(preset, images, feature):
    name, made = preset
    given = tokens(made, images)
    parts = {
        "class": [given[:, 0]],
        "mean": [given[:, 1:].mean(axis=1)],
        "both": [given[:, 0], given[:, 1:].mean(axis=1)],
    }
    expected = np.concatenate(parts[feature or "class"], axis=1)
    ours = features(with_options(name, feature=feature), images)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)


def test_blocks_are_of_whole_transformer_layers(preset):
    name, made = preset
    blocks = table.get(name).blocks
    assert sum(b.parameters for b in blocks[:7]) == sum(
        np.prod(w.shape) for w in made.trainable_weights
    )
    assert all("block" in b.layers or "layers" in b.layers for b in blocks[1:6])
    assert all(b.parameters and b.multiply_adds for b in blocks)


def phase_of(name, recipe, caching=None):
    named = {"dataset": "noise", "backbone": name, "recipe": recipe}
    settings = {"epochs": (1,), "batch_size": 4, "preset": "caffe"}
    summary = DataSummary(records="", weights="", num_images=4, mirror=False)
    config = resolve({**named, **settings, "views": 1}, summary)
    setup = dataclasses.replace(
        miniature.setup_of(
            config,
            miniature.make_examples(4, 3),
            backbone=table.get(name),
            caching=caching,
        ),
        source_weights=store.load(name).mapping,
    )
    network = setup.make_network()
    source = choose_source(setup, network, 0, cached=None)
    return PhaseSetup(setup=setup, index=0, network=network, source=source)


def test_trained_cached_and_exported(preset, tmp_path):
    name, _ = preset
    cached = phase_of(name, "F1-4FT5-6R7-8", Caching(mode="on", home=tmp_path))
    uncached = phase_of(name, "F1-4FT5-6R7-8")
    assert (cached.source.first, uncached.source.first) == (5, 1)
    before = [cached.network.snapshot(number) for number in range(1, 9)]
    for phase in (cached, uncached):
        miniature.train_phase(phase)
    for number, old in enumerate(before, start=1):
        new, other = (p.network.snapshot(number) for p in (cached, uncached))
        same = all(np.array_equal(old[key], new[key]) for key in old)
        assert same == (number <= 4), number
        for key in new:
            np.testing.assert_allclose(new[key], other[key], rtol=1e-3, atol=1e-5)
    network, facts = cached.network, table.get(name).preprocessing
    folder = tmp_path / "saved_model"
    saved_model.save(network, facts, ("a", "b", "c"), folder)
    crops = np.random.default_rng(1).uniform(0, 255, (2, SIDE, SIDE, 3)).astype("f4")
    answer = tf.saved_model.load(str(folder)).signatures["images"](image=crops)
    logits = network.forward(image_ops.normalise(crops, facts))
    np.testing.assert_allclose(
        answer["probabilities"], tf.nn.softmax(logits), atol=1e-5
    )


def test_its_distance_needs_a_source(preset):
    with pytest.raises(InputError, match=r"no batch norm.*--source DATASET"):
        closed_form.check_available(table.get(preset[0]))


def test_position_embeddings_are_interpolated_for_another_size(tmp_path):
    keras.utils.set_random_seed(2)
    dinov2().save_to_preset(str(tmp_path / "tiny"))
    larger = with_options(f"hub:{tmp_path / 'tiny'}", size=84, preprocessing="imagenet")
    images = np.random.default_rng(0).uniform(0, 255, (2, 84, 84, 3)).astype("f4")
    made = keras_hub.models.Backbone.from_preset(
        str(tmp_path / "tiny"), image_shape=(84, 84, 3)
    )
    expected = tokens(made, images)[:, 0]
    np.testing.assert_allclose(features(larger, images), expected, rtol=1e-3, atol=1e-4)


def test_a_file_of_keras_with_layers_of_keras_hub(preset, images, tmp_path):
    _, made = preset
    made.save(tmp_path / "tower.keras")
    name = with_options(
        f"keras:{tmp_path / 'tower.keras'}", preprocessing="imagenet", feature="class"
    )
    expected = tokens(made, images)[:, 0]
    np.testing.assert_allclose(features(name, images), expected, rtol=1e-3, atol=1e-4)
