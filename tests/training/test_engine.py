"""Losses and steps against other implementations of the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature
from sklearn.utils.class_weight import compute_class_weight

from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.training.engine import Engine
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.setup import balanced_weights
from kerastransfer.training.stopping import StopSignal

LABELS = np.arange(13) % 3
BALANCED = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)


def make_engine(**settings):
    named = {"dataset": "noise", "backbone": "miniature", "recipe": "FT1-5R6-8"}
    named |= {"batch_size": 13, "preset": "caffe"}
    summary = DataSummary(records="", weights="", num_images=13, mirror=False)
    config = resolve(
        {**named, "batch_size": 13, "preset": "caffe", **settings}, summary
    )
    setup = miniature.setup_of(config, miniature.make_examples())
    return Engine(
        PhaseSetup(
            setup=setup, index=0, network=setup.make_network(), source=setup.images()
        )
    )


def take(engine, batch):
    """Take a step at a rate of 0.01; return the loss before it."""
    votes = StopSignal().votes()
    (loss,), total = engine.take([batch], rates=[0.01], first_step=0, votes=votes)
    np.testing.assert_array_equal(total, votes)
    return loss


def outputs_and_gradients(engine, loss_of):
    """Logits as in training, and the gradient of a loss of them."""
    from kerastransfer.backbones.dropout import Drop

    (batch,) = engine.phase.source.train(0)
    share = batch.shares[0]
    drop = Drop(0, tf.constant(0, tf.int64), tf.constant(share.rows), tf.constant(13))
    inputs = (share.inputs - 127.0) / 128.0
    with tf.GradientTape() as tape:
        logits = engine.phase.network.forward(
            inputs, training=engine.training, drop=drop
        )
        loss = loss_of(share.labels, logits)
    values = [variable.value for variable in engine.variables]
    return float(loss), [g.numpy() for g in tape.gradient(loss, values)], batch


def keras_loss(smoothing=0.0, weights=None):
    kind = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction="sum"
    )

    def loss(labels, logits):
        each = None if weights is None else tf.gather(weights.astype("f4"), labels)
        return kind(tf.one_hot(labels, 3), logits, sample_weight=each) / len(labels)

    return loss


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({}, keras_loss()),
        ({"label_smoothing": 0.2}, keras_loss(0.2)),
        ({"class_weights": "auto"}, keras_loss(weights=BALANCED)),
        (
            {"class_weights": "auto", "label_smoothing": 0.1},
            keras_loss(0.1, weights=BALANCED),
        ),
    ],
)
def test_the_loss_is_keras_loss_and_the_step_follows_its_gradient(settings, loss):
    engine = make_engine(**settings, weight_decay=0.0)
    expected, gradients, batch = outputs_and_gradients(engine, loss)
    before = [variable.numpy() for variable in engine.variables]
    assert take(engine, batch) == pytest.approx(expected, rel=1e-5)
    rules = engine.optimizer.rules
    for old, variable, gradient, rule in zip(
        before, engine.variables, gradients, rules, strict=True
    ):
        np.testing.assert_allclose(
            variable.numpy() - old, -0.01 * rule.factor * gradient, rtol=2e-3, atol=1e-7
        )


def test_clipping_is_by_the_norm_of_the_whole_gradient():
    plain = make_engine(weight_decay=0.0)
    _, gradients, batch = outputs_and_gradients(plain, keras_loss())
    norm = np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients))
    clipped = make_engine(weight_decay=0.0, clip_norm=float(norm) / 4)
    before = [[v.numpy() for v in engine.variables] for engine in (plain, clipped)]
    for engine in (plain, clipped):
        take(engine, batch)
    moves = [
        [v.numpy() - old for v, old in zip(engine.variables, olds, strict=True)]
        for engine, olds in zip((plain, clipped), before, strict=True)
    ]
    for full, quarter in zip(*moves, strict=True):
        np.testing.assert_allclose(quarter, full / 4, rtol=2e-3, atol=1e-7)


def test_class_weights_are_scikit_learns_balanced_ones():
    np.testing.assert_allclose(balanced_weights(LABELS, 3), BALANCED, rtol=1e-6)
    without = balanced_weights(np.array([0, 0, 2]), 4)  # classes 1 and 3 are empty
    np.testing.assert_allclose(without, [0.75, 0, 1.5, 0])
