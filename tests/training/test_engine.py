"""Losses and steps against other implementations of the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature
from sklearn.utils.class_weight import compute_class_weight

from kerastransfer import surgery
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.distribution.replicas import single
from kerastransfer.training import phases
from kerastransfer.training.batches import ImageBatches
from kerastransfer.training.engine import Engine, PhaseSetup

LABELS = np.arange(13) % 3
BALANCED = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)


def make_engine(**settings):
    chosen = {"dataset": "noise", "backbone": "miniature", "recipe": "FT1-5R6-8"}
    facts = DataSummary(records="", weights="", num_images=13, mirror=False)
    config = resolve({**chosen, "batch_size": 13, "preset": "caffe", **settings}, facts)
    step = config.recipe.phases[0]
    network = surgery.draw(
        step, miniature.BACKBONE, 3, config.seed, miniature.source_weights()
    )
    images = ImageBatches(
        examples=miniature.make_examples(),
        train_positions=np.arange(13),
        val_positions=np.arange(6),
        preprocessing=miniature.BACKBONE.preprocessing,
        config=config,
    )
    weights = phases.class_weights(LABELS, 3)
    return Engine(
        PhaseSetup(
            network=network,
            plans=surgery.plan(step, miniature.BACKBONE, 3),
            source=images,
            preprocessing=miniature.BACKBONE.preprocessing,
            config=config,
            replicas=single(),
            class_weights=weights if config.class_weights == "auto" else None,
        )
    )


def outputs_and_gradients(engine, loss_of):
    """Logits as in training, and the gradient of a loss of them."""
    from kerastransfer.backbones.dropout import Drop

    (batch,) = engine.job.source.train(0)
    share = batch.shares[0]
    drop = Drop(0, tf.constant(0, tf.int64), tf.constant(share.rows), tf.constant(13))
    inputs = (share.inputs - 127.0) / 128.0
    with tf.GradientTape() as tape:
        logits = engine.job.network.forward(inputs, training=engine.training, drop=drop)
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
    (found,), _ = engine.take([batch], [0.01], 0, 0.0)
    assert found == pytest.approx(expected, rel=1e-5)
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
        engine.take([batch], [0.01], 0, 0.0)
    moves = [
        [v.numpy() - old for v, old in zip(engine.variables, olds, strict=True)]
        for engine, olds in zip((plain, clipped), before, strict=True)
    ]
    for full, quarter in zip(*moves, strict=True):
        np.testing.assert_allclose(quarter, full / 4, rtol=2e-3, atol=1e-7)


def test_class_weights_are_scikit_learns_balanced_ones():
    np.testing.assert_allclose(phases.class_weights(LABELS, 3), BALANCED, rtol=1e-6)
    without = phases.class_weights(np.array([0, 0, 2]), 4)  # classes 1 and 3 are empty
    np.testing.assert_allclose(without, [0.75, 0, 1.5, 0])
