"""Defaults of transformers, on KerasHub's ViT and DINOv2 with random weights."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from helpers import miniature, tiny_presets
from helpers.small_home import small_home
from helpers.tiny_presets import LAYERS, dinov2, vit

import kerastransfer as kt
from kerastransfer import cli, surgery
from kerastransfer.backbones import table
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.config.presets import PRESETS
from kerastransfer.training import optimizer
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.stopping import StopSignal
from kerastransfer.weights import store

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
KINDS = {"vit": vit, "dinov2": dinov2}


@pytest.fixture(scope="module", params=KINDS)
def preset(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("preset") / "tiny"
    tiny_presets.save(keras_hub, KINDS[request.param], place)
    return f"hub:{place}"


def phase_of(name, recipe, **settings):
    backbone = table.get(name)
    named = {"dataset": "noise", "backbone": name, "recipe": recipe, "epochs": (3,)}
    summary = DataSummary(
        records="",
        weights="",
        num_images=12,
        mirror=False,
        transformer=backbone.is_transformer,
    )
    config = resolve({**named, "batch_size": 4, **settings}, summary)
    setup = dataclasses.replace(
        miniature.setup_of(config, miniature.make_examples(12, 3), backbone=backbone),
        source_weights=store.load(name).mapping,
    )
    return PhaseSetup(
        setup=setup, index=0, network=setup.make_network(), source=setup.images()
    )


def test_every_layer_is_in_one_block(preset):
    backbone = table.get(preset)
    assert backbone.is_transformer
    assert sum(backbone.transformer_layers) == LAYERS
    depths = [backbone.depth(block) for block in range(1, 9)]
    assert depths == sorted(depths, reverse=True) and depths[-1] == 0.0


def test_kernels_alone_are_decayed_of_all_weights(preset):
    network = table.get(preset).build(3, 0)
    for number in range(1, 9):
        network.blocks[number - 1].trainable = True
    weights = [w for block in network.blocks for w in block.trainable_variables]
    decayed = {w.path for w in weights if optimizer._decays(w)}
    assert decayed == {w.path for w in weights if w.name == "kernel"}
    spared = {w.name for w in weights if w.path not in decayed}
    assert {"gamma", "beta", "bias"} <= spared
    others = spared - {"gamma", "beta", "bias"}
    if "dinov2" in weights[0].path or "lambda1" in spared:
        assert {"lambda1", "cls_token", "interpolated_position_embeddings"} <= others
    else:
        assert others == {"class_token", "embeddings"}


@pytest.mark.parametrize("kind", [tiny_presets.clip, tiny_presets.siglip])
def test_image_towers_are_transformers_whose_kernels_alone_are_decayed(kind, tmp_path):
    tiny_presets.save(keras_hub, kind, tmp_path / "tiny")
    backbone = table.get(f"hub:{tmp_path / 'tiny'}")
    assert sum(backbone.transformer_layers) == LAYERS
    network = backbone.build(3, 0)
    for block in network.blocks:
        block.trainable = True
    weights = [w for block in network.blocks for w in block.trainable_variables]
    decayed = {w.path for w in weights if optimizer._decays(w)}
    assert decayed == {w.path for w in weights if w.name == "kernel"}


def test_a_step_moves_each_block_by_its_rate(preset):
    # Adam's first step moves a weight by the rate, whatever its gradient is, where that
    # is well above epsilon; the largest move in a block is then the block's rate.
    settings = {"clip_norm": 0.0, "weight_decay": 0.0}
    phase = phase_of(preset, "F1-3FT4-7@0.5R8", **settings)
    engine = Engine(phase)
    before = [phase.network.snapshot(number) for number in range(1, 9)]
    (batch, *_) = phase.source.train(0)
    engine.take([batch], rates=[0.01], first_step=0, votes=StopSignal().votes())
    backbone = table.get(preset)
    for number, old in enumerate(before, start=1):
        new = phase.network.snapshot(number)
        moved = max(np.abs(new[name] - old[name]).max() for name in old)
        expected = 0.01 * 0.5 * 0.75 ** backbone.depth(number)
        expected = {1: 0.0, 2: 0.0, 3: 0.0, 8: 0.01}.get(number, expected)
        assert moved == pytest.approx(expected, rel=0.01, abs=1e-9), number


def test_the_rate_rises_over_a_tenth_of_the_steps(preset):
    phase = phase_of(preset, "F1-5FT6-7R8", epochs=(10,))
    rates = [phase.rate(step) for step in range(30)]  # 3 steps an epoch
    # Three steps of warm-up in quarters of the highest rate, which the fourth has.
    assert rates[:4] == pytest.approx([0.5e-4, 1e-4, 1.5e-4, 2e-4])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert max(rates) == pytest.approx(2e-4)


def test_explain_says_rates_by_block_and_sources(preset, capsys):
    backbone = table.get(preset)
    assert cli.main(["recipes", "explain", "F1-2FT3-7R8", "--backbone", preset]) == 0
    out = capsys.readouterr().out
    rows = re.findall(r"^ ([1-8]) +\S+ +1 +(\S+) ", out, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [3, 4, 5, 6, 7, 8]
    for number, rate in rows:
        expected = 1e-4 * 0.75 ** backbone.depth(int(number))
        assert float(rate) == pytest.approx(expected, rel=0.06)
    assert f"--preset transformer, for a transformer of {LAYERS} layers" in out
    assert "norms, layer scales, tokens and position embeddings" in out
    assert "rises over the first 10% of the steps" in out
    assert "BEiT" in out and "MAE" in out and "Dosovitskiy" in out


@pytest.mark.filterwarnings("error:Gradients do not exist")
def test_a_run_of_two_phases(tmp_path):
    recipe = "F1-4FT5-7R8+FT1-8"
    tiny_presets.save(keras_hub, dinov2, tmp_path / "tiny")
    name = f"hub:{tmp_path / 'tiny'}"
    with small_home(tmp_path) as place:
        images, few = place / "images", {"backbone": name, "epochs": (1,)}
        plan = str(kt.plan(images, recipe, **few))
        # Block 7 holds the last layer; 2 steps, too few for a warm-up.
        assert "rate x 0.75  (to the feature)" in plan and "warm-up" not in plan
        plan = str(kt.plan(images, recipe, backbone=name, epochs=(1, 40)))
        assert "FT1-8: 40 epochs, 80 steps at a rate of 0.0001 after 8 steps of" in plan
        few |= {"probe": False, "export": False, "runs": place / "runs"}
        run = kt.train(images, recipe, **few)
        assert run.config.preset == "transformer"
        assert kt.open_run(run.folder).config == run.config
    weights = store.load(name).mapping
    trained = run.blocks()
    moves = [
        max(np.abs(new - weights[name]).max() for name, new in block.items())
        for block in map(trained.snapshot, range(1, 8))
    ]
    assert 0 < moves[0] < moves[-1]  # all were tuned in the second phase
    token = next(name for name in weights if name.endswith("mask_token"))
    np.testing.assert_array_equal(trained.snapshot(1)[token], weights[token])


def attention_stack(layers, width=8):
    """A transformer as users write it: residual sums in a functional model."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input((28, 28, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(width, 7, 7, name="patches")(x)
    x = keras.layers.Reshape((16, width))(x)
    for number in range(layers):
        y = keras.layers.LayerNormalization(name=f"norm{number}")(x)
        y = keras.layers.MultiHeadAttention(2, 4, name=f"attention{number}")(y, y)
        x = keras.layers.Add(name=f"sum{number}")([x, y])
        y = keras.layers.Dense(width, "gelu", name=f"dense{number}")(x)
        x = keras.layers.Add(name=f"out{number}")([x, y])
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, "softmax", name="answer")(x))


def convolutions(with_attention):
    keras.utils.set_random_seed(4)
    inputs = keras.Input((28, 28, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    for number in range(8):
        x = keras.layers.Conv2D(8, 3, padding="same", name=f"conv{number}")(x)
    if with_attention:
        x = keras.layers.Reshape((28 * 28, 8))(x)
        x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
        x = keras.layers.GlobalAveragePooling1D()(x)
    else:
        x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, "softmax", name="answer")(x))


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (lambda: attention_stack(6), 6),
        (lambda: convolutions(with_attention=False), 0),
        (lambda: convolutions(with_attention=True), 0),
    ],
    ids=["attention", "convolutions", "attention on top"],
)
def test_models_of_users(model, layers, tmp_path):
    model().save(tmp_path / "own.keras")
    backbone = table.get(f"keras:{tmp_path / 'own.keras'}")
    assert sum(backbone.transformer_layers) == layers
    (phase,) = kt.Recipe.parse("FT1-7R8").phases
    plans = surgery.plan(phase, backbone, 3)
    factors = [PRESETS["transformer"].factor_of(p.step, p.depth) for p in plans]
    assert factors == sorted(factors) and factors[-1] == 1.0
