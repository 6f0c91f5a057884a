"""KerasHub's networks with random weights: cut, normalised, trained, exported."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature, tiny_presets
from helpers.tiny_presets import DEVIATION, MEAN, SIDE
from PIL import Image
from sklearn.datasets import load_sample_images

from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.keras_models.origins import hub
from kerastransfer.backbones.spec import with_options
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError
from kerastransfer.export import saved_model
from kerastransfer.features import closed_form
from kerastransfer.training.caching import Caching
from kerastransfer.training.frozen_prefix import choose_source
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
TRANSFORMERS = [getattr(tiny_presets, n) for n in ("vit", "dinov2", "clip", "siglip")]
CONVOLUTIONS = [tiny_presets.efficientnet, tiny_presets.resnet]
QUICK = [tiny_presets.dinov2, tiny_presets.siglip]


def names(makers):
    return [make.__name__ for make in makers]


def saved(make, tmp_path_factory):
    place = tmp_path_factory.mktemp("preset") / "tiny"
    return f"hub:{place}", tiny_presets.save(keras_hub, make, place)


@pytest.fixture(scope="module", params=TRANSFORMERS, ids=names(TRANSFORMERS))
def preset(request, tmp_path_factory):
    """A preset's name, and the network that is in it."""
    return saved(request.param, tmp_path_factory)


@pytest.fixture(scope="module", params=CONVOLUTIONS, ids=names(CONVOLUTIONS))
def convolutions(request, tmp_path_factory):
    return saved(request.param, tmp_path_factory)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(make, marks=[] if make in QUICK else pytest.mark.slow)
        for make in TRANSFORMERS + CONVOLUTIONS
    ],
    ids=names(TRANSFORMERS + CONVOLUTIONS),
)
def any_preset(request, tmp_path_factory):
    return saved(request.param, tmp_path_factory)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE, SIDE, 3)).astype("f4")


def normalised(images):
    return ((images / 255 - MEAN) / DEVIATION).astype("f4")


def tower(made):
    return getattr(made, "vision_encoder", made)


def for_class(made, images):
    """What stands for the class, as KerasHub itself computes it."""
    if isinstance(made, keras_hub.models.SigLIPBackbone):
        return np.asarray(made.get_vision_embeddings(normalised(images)))
    return tokens(made, images)[:, 0]


def others(made, images):
    """The other tokens."""
    if isinstance(made, keras_hub.models.SigLIPBackbone):
        return tokens(made, images)  # none of them stands for the class
    return tokens(made, images)[:, 1:]


def tokens(made, images):
    encoder = tower(made)
    if isinstance(made, keras_hub.models.SigLIPBackbone):
        encoder = keras.Model(encoder.input, encoder.post_layer_norm.output)
    return np.asarray(encoder(normalised(images)))


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
    mean = others(made, images).mean(axis=1)
    parts = {
        "class": [for_class(made, images)],
        "mean": [mean],
        "both": [for_class(made, images), mean],
    }
    expected = np.concatenate(parts[feature or "class"], axis=1)
    ours = features(with_options(name, feature=feature), images)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)


def test_clips_projection_follows_the_feature(tmp_path, images):
    """Its authors probe what the projection takes."""
    made = tiny_presets.save(keras_hub, tiny_presets.clip, tmp_path / "tiny")
    ours = features(f"hub:{tmp_path / 'tiny'}", images)
    np.testing.assert_allclose(
        ours @ made.vision_projection.kernel.numpy(),
        made.get_vision_embeddings(normalised(images)),
        rtol=1e-3,
        atol=1e-4,
    )


def test_convolutions_end_in_the_mean_over_places(convolutions, images):
    name, made = convolutions
    expected = np.asarray(made(normalised(images))).mean(axis=(1, 2))
    np.testing.assert_allclose(features(name, images), expected, rtol=1e-3, atol=1e-4)
    assert table.get(name).preprocessing.crop == SIDE  # as its converter has it
    layers = made._flatten_layers()
    norms = [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]
    used = [x for x in norms if x.built]
    assert sum(b.batch_norms for b in table.get(name).blocks) == len(used) > 8


def test_pixels_become_what_the_presets_own_converter_makes_of_them(preset):
    """Of scikit-learn's two photographs; a converter crops otherwise than we do."""
    name, _ = preset
    converter = keras_hub.layers.ImageConverter.from_preset(name.removeprefix("hub:"))
    for photograph in load_sample_images().images:
        square = Image.fromarray(photograph[:400, :400]).resize((SIDE, SIDE))
        pixels = np.asarray(square, np.float32)[np.newaxis]
        ours = image_ops.normalise(pixels, table.get(name).preprocessing)
        np.testing.assert_allclose(ours, converter(pixels), rtol=1e-4, atol=1e-5)


def test_images_are_resized_as_the_converter_says(tmp_path):
    for way, expected in (("bicubic", "bicubic"), ("nearest", "bilinear")):
        place = tmp_path / way
        tiny_presets.save(keras_hub, tiny_presets.siglip, place, interpolation=way)
        assert table.get(f"hub:{place}").preprocessing.interpolation == expected


def test_blocks_are_of_whole_transformer_layers(preset):
    name, made = preset
    blocks = table.get(name).blocks
    assert sum(b.parameters for b in blocks[:7]) == sum(
        np.prod(w.shape) for w in tower(made).trainable_weights
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


@pytest.mark.parametrize(
    "recipe", ["F1-4FT5-6R7-8", pytest.param("F1-7R8", marks=pytest.mark.slow)]
)
def test_trained_cached_and_exported(any_preset, recipe, tmp_path):
    name, _ = any_preset
    frozen = int(recipe[3])
    cached = phase_of(name, recipe, Caching(mode="on", home=tmp_path))
    uncached = phase_of(name, recipe)
    assert (cached.source.first, uncached.source.first) == (frozen + 1, 1)
    before = [cached.network.snapshot(number) for number in range(1, 9)]
    for phase in (cached, uncached):
        miniature.train_phase(phase)
    for number, old in enumerate(before, start=1):
        new, other = (p.network.snapshot(number) for p in (cached, uncached))
        same = all(np.array_equal(old[key], new[key]) for key in old)
        assert same == (number <= frozen), number
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


def test_position_embeddings_are_interpolated_for_another_size(preset):
    """DINOv2's by KerasHub itself, the others' against Pillow."""
    name, made = preset
    larger = with_options(name, size=84)
    images = np.random.default_rng(0).uniform(0, 255, (2, 84, 84, 3)).astype("f4")
    if isinstance(made, keras_hub.models.DINOV2Backbone):
        large = keras_hub.models.Backbone.from_preset(
            name.removeprefix("hub:"), image_shape=(84, 84, 3)
        )
    else:
        large = stretched(tower(made), 84)
    if isinstance(made, keras_hub.models.SigLIPBackbone):
        expected = large(normalised(images))
    else:
        expected = tokens(large, images)[:, 0]
    np.testing.assert_allclose(features(larger, images), expected, rtol=1e-3, atol=1e-4)
    assert table.get(larger).preprocessing.crop == 84
    assert table.get(larger).num_features == 16


def stretched(encoder, side):
    """An encoder of larger images, its positions stretched by Pillow."""
    config = {**encoder.get_config(), "image_shape": (side, side, 3)}
    large = type(encoder).from_config(config)
    for given, ours in zip(encoder.weights, large.weights, strict=True):
        value = given.numpy()
        if given.name == "position_ids":
            value = np.arange(ours.shape[1])[np.newaxis]
        elif given.shape != ours.shape:
            value = pillows(value, ours.shape[0])
        ours.assign(value)
    return large


def pillows(positions, rows):
    extra = len(positions) - math.isqrt(len(positions)) ** 2
    side, new = math.isqrt(len(positions)), math.isqrt(rows)
    planes = [
        np.asarray(
            Image.fromarray(plane).resize((new, new), Image.Resampling.BICUBIC)
        ).ravel()
        for plane in positions[extra:].T.reshape(-1, side, side)
    ]
    return np.concatenate([positions[:extra], np.stack(planes, axis=1)])


@pytest.mark.parametrize("rows", [5, 26, 9, 64])
def test_positions_are_stretched_and_shrunk_as_by_pillow(rows):
    """With a class token's row before them, and without."""
    given = 16 + (math.isqrt(rows) ** 2 != rows)
    positions = np.random.default_rng(1).normal(size=(given, 3)).astype("f4")
    ours = hub.interpolated(positions, rows)
    np.testing.assert_allclose(ours, pillows(positions, rows), atol=2e-5)


def test_a_size_that_the_patches_do_not_fill(tmp_path):
    tiny_presets.save(keras_hub, tiny_presets.vit, tmp_path / "tiny")
    name = with_options(f"hub:{tmp_path / 'tiny'}", size=60)
    with pytest.raises(InputError, match=r"60 should be divisible by patch size 14"):
        table.get(name)


def test_a_tower_that_is_drawn_anew_knows_its_positions(preset, images):
    """KerasHub's CLIP numbers them in a weight that begins as zeros."""
    name, _ = preset
    network = table.get(name).build(2, 1)
    patches = images.reshape(3, SIDE // 14, 14, SIDE, 3)[:, ::-1].reshape(images.shape)
    first, other = (
        network.forward(image_ops.normalise(x, table.get(name).preprocessing), last=7)
        for x in (images, patches)
    )
    assert np.abs(first - other).max() > 1e-4


def test_a_file_of_keras_with_layers_of_keras_hub(preset, images, tmp_path):
    _, made = preset
    tower(made).save(tmp_path / "tower.keras")
    name = with_options(
        f"keras:{tmp_path / 'tower.keras'}", preprocessing="imagenet", feature="class"
    )
    expected = for_class(made, images)
    np.testing.assert_allclose(features(name, images), expected, rtol=1e-3, atol=1e-4)
