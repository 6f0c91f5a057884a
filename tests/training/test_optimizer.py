"""The per-weight optimisers against Keras's own and against updates by hand."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.config.presets import PRESETS, Preset
from kerastransfer.recipe import Action, Step
from kerastransfer.surgery import BlockPlan
from kerastransfer.training import optimizer

GRADIENTS = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)


def plan(
    action: Action = Action.FINE_TUNE, factor: float = 1.0, depth: float = 0.0
) -> BlockPlan:
    return BlockPlan(1, Step(action, factor), True, 1, "", "", depth)


def variable(name: str = "kernel", shape: tuple[int, ...] = (2, 3)) -> keras.Variable:
    return keras.Variable(np.full(shape, 0.5, np.float32), name=name)


def take_steps(made: keras.optimizers.Optimizer, variables, rate: float) -> None:
    made.learning_rate = rate
    for gradient in GRADIENTS:
        made.apply([tf.constant(gradient)] * len(variables), variables)


def test_adamw_is_keras_adamw_where_every_factor_is_one():
    ours, theirs = variable(), variable()
    take_steps(
        optimizer.make(PRESETS["default"], 0.1, [(ours, plan())]), [ours], rate=0.01
    )
    reference = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    take_steps(reference, [theirs], rate=0.01)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_factor_is_a_learning_rate_of_its_own(preset):
    plain = dict.fromkeys(("new_factor", "bias_factor"), 1.0)
    settings = PRESETS[preset]
    settings = Preset(
        **{name: getattr(settings, name) for name in settings.__slots__} | plain
    )
    fast, slow, alone = variable(), variable(), variable()
    made = optimizer.make(settings, 0.1, [(fast, plan()), (slow, plan(factor=0.25))])
    take_steps(made, [fast, slow], rate=0.02)
    take_steps(optimizer.make(settings, 0.1, [(alone, plan())]), [alone], rate=0.005)
    np.testing.assert_allclose(slow, alone, rtol=1e-6)
    assert not np.allclose(fast, slow)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_blocks_move_in_the_ratio_of_their_rates(kind):
    # Depths 4 and 1: 0.75 ** 3 apart. The second step is Adam's first with moments.
    preset = dataclasses.replace(PRESETS["transformer"], optimizer=kind)
    deep, shallow, new = variable(), variable(), variable()
    plans = [plan(depth=4.0), plan(depth=1.0), plan(Action.REDRAW, depth=4.0)]
    made = optimizer.make(preset, 0.0, [*zip((deep, shallow, new), plans, strict=True)])
    made.learning_rate = 0.01
    for gradient in GRADIENTS[:2]:
        before = [each.numpy().astype(float) for each in (deep, shallow, new)]
        made.apply([tf.constant(gradient)] * 3, [deep, shallow, new])
        moves = [
            each.numpy() - old
            for each, old in zip((deep, shallow, new), before, strict=True)
        ]
        np.testing.assert_allclose(moves[0] / moves[1], 0.421875, rtol=1e-3)
        np.testing.assert_allclose(moves[1] / moves[2], 0.75, rtol=1e-3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_rate_in_the_graph_is_the_rate(preset):
    ours, theirs = variable(), variable()
    rates = np.float32([0.01, 0.02, 0.005, 0.01, 0.04, 0.01])
    made = optimizer.make(PRESETS[preset], 0.1, [(ours, plan())])

    @tf.function
    def step(gradient, rate):
        made.apply([gradient], [ours], rate=rate)

    reference = optimizer.make(PRESETS[preset], 0.1, [(theirs, plan())])
    for gradient, rate in zip(GRADIENTS, rates, strict=True):
        step(tf.constant(gradient), tf.constant(rate))
        reference.learning_rate = rate
        reference.apply([tf.constant(gradient)], [theirs])
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_caffe_sgd_by_hand():
    # Caffe: v <- 0.9 v + rate x lr_mult x (g + decay x w); w <- w - v. A re-drawn
    # kernel has lr_mult 10 and is decayed, its bias 20 and is not.
    kernel, bias = variable(), variable("bias", (3,))
    made = optimizer.make(
        PRESETS["caffe"],
        5e-4,
        [(kernel, plan(Action.REDRAW)), (bias, plan(Action.REDRAW))],
    )
    made.learning_rate = 1e-3
    expected = {"kernel": 0.5, "bias": 0.5}
    speed = {"kernel": 0.0, "bias": 0.0}
    for gradient in (0.3, -0.1, 0.7):
        made.apply([tf.fill((2, 3), gradient), tf.fill((3,), gradient)], [kernel, bias])
        for name, lr_mult, decay in (("kernel", 10, 5e-4), ("bias", 20, 0.0)):
            pull = gradient + decay * expected[name]
            speed[name] = 0.9 * speed[name] + 1e-3 * lr_mult * pull
            expected[name] -= speed[name]
    np.testing.assert_allclose(kernel, np.full((2, 3), expected["kernel"]), rtol=1e-6)
    np.testing.assert_allclose(bias, np.full(3, expected["bias"]), rtol=1e-6)


def test_biases_and_norms_are_not_decayed():
    weights = [variable("bias", (3,)), variable("gamma", (3,)), variable("kernel")]
    made = optimizer.make(PRESETS["default"], 0.5, [(w, plan()) for w in weights])
    made.learning_rate = 0.1
    made.apply([tf.zeros(w.shape) for w in weights], weights)
    np.testing.assert_array_equal(weights[0], np.full(3, 0.5, np.float32))
    np.testing.assert_array_equal(weights[1], np.full(3, 0.5, np.float32))
    np.testing.assert_allclose(weights[2], np.full((2, 3), 0.5 * 0.95), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape", "decays"),
    [
        ("kernel", (3, 3, 8, 8), True),
        ("bias", (8,), False),
        ("gamma", (8,), False),
        ("bias", (4, 16), False),  # attention's: a row for each head
        ("position_embeddings", (1, 17, 8), False),
        ("cls_token", (1, 1, 8), False),
        ("pos_embed", (1, 17, 8), False),
        ("gamma", (4, 4, 8), False),  # of a norm over several axes
        ("variable_7", (1, 1, 8), False),  # the query of an attention pool
        ("variable_7", (4, 8), True),
    ],
)
def test_kernels_alone_decay(name, shape, decays):
    assert optimizer._decays(keras.Variable(np.zeros(shape), name=name)) == decays
