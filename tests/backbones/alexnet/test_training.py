import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer import surgery
from kerastransfer.backbones import image_ops
from kerastransfer.backbones.dropout import Drop
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.export import saved_model
from kerastransfer.recipe import Action, Recipe

CLASSES = 4
NAMES = ("alexnet", "caffenet", "alexnet_owt")
FORCES_XLA = b"_XlaMustCompile"


def images(backbone, count=2):
    size = backbone.preprocessing.crop
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def weights_of(network):
    return {k: v for n in range(1, 9) for k, v in network.snapshot(n).items()}


def drop_at(step, count=1):
    rows = tf.range(count)
    return Drop(0, tf.constant(step, tf.int64), rows, tf.constant(count))


OPTIMISERS = {
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "sgd": lambda: keras.optimizers.SGD(0.01, 0.9, weight_decay=0.1),
}


def step(network, plans, backbone, optimiser):
    """Take one large step, with decay, as a phase does."""
    surgery.set_trainable(network, plans)
    trained = surgery.trained_variables(network, plans)
    x = image_ops.normalise(images(backbone), backbone.preprocessing)
    variables = [variable for variable, _ in trained]
    with tf.GradientTape() as tape:
        training = [plan.training for plan in plans]
        logits = network.forward(x, training=training, drop=drop_at(0, 2))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits([0, 3], logits)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, [v.value for v in variables])
    OPTIMISERS[optimiser]().apply(gradients, variables)


@pytest.mark.parametrize(
    ("name", "recipe", "optimiser"),
    [
        ("alexnet", "F1-3FT4-7R8", "adamw"),
        ("caffenet", "FT1F2-6FT7R8", "sgd"),
        ("alexnet_owt", "F1-5R6-8", "sgd"),
    ],
)
def test_frozen_blocks_stay_as_they_are(name, recipe, optimiser):
    backbone, phase = BACKBONES[name], Recipe.parse(recipe).phases[0]
    source = weights_of(backbone.build(CLASSES, 1))
    network = surgery.draw(phase, backbone, CLASSES, 2, source)
    drawn = weights_of(network)
    step(network, surgery.plan(phase, backbone, CLASSES), backbone, optimiser)
    for number, asked in enumerate(phase.steps, start=1):
        kept = asked.action is not Action.REDRAW
        for key, after in network.snapshot(number).items():
            assert not kept or (drawn[key] == source[key]).all(), key
            if asked.action is Action.FREEZE:
                assert (after == source[key]).all(), key
            elif key.endswith("/kernel"):
                assert (after != drawn[key]).any(), key


def test_dropout_acts_at_the_entry_of_trained_blocks_only():
    backbone = BACKBONES["alexnet"]
    network = backbone.build(CLASSES, 0)
    features = tf.ones((1, 4096))

    def varies(recipe, number):
        plan = surgery.plan(Recipe.parse(recipe).phases[0], backbone, CLASSES)
        training = [p.training for p in plan]
        only = {"first": number, "last": number, "training": training}
        runs = [network.forward(features, drop=drop_at(i), **only) for i in range(2)]
        return bool((runs[0].numpy() != runs[1].numpy()).any())

    assert varies("F1-7R8", 8) and not varies("F1-7R8", 7)
    assert varies("F1-6R7-8", 7) and varies("F1-6R7-8", 8)


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_alexnet_runs_under_bfloat16(bfloat16):
    backbone = BACKBONES["alexnet"]
    network = backbone.build(CLASSES, 0)
    x = image_ops.normalise(images(backbone, 1), backbone.preprocessing)
    coarse = network.forward(x)
    assert coarse.dtype == tf.bfloat16
    keras.config.set_dtype_policy("float32")
    twin = backbone.build(CLASSES, 0)
    exact = twin.forward(x).numpy()
    np.testing.assert_allclose(
        tf.cast(coarse, tf.float32), exact, atol=0.05 * np.abs(exact).max()
    )


FRESH = """
import sys
import numpy as np
import tensorflow as tf
sys.modules["kerastransfer"] = None  # importing it would fail
folder, x, out = sys.argv[1:]
loaded = tf.saved_model.load(folder)
y = loaded.signatures["images"](image=tf.constant(np.load(x)))
np.savez(out, probabilities=y["probabilities"], features=y["features"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_exported_it_answers_the_same_where_we_are_not_installed(name, tmp_path):
    backbone = BACKBONES[name]
    network = backbone.build(CLASSES, 0)
    folder = tmp_path / "saved_model"
    saved_model.save(network, backbone.preprocessing, list("abcd"), folder)
    assert FORCES_XLA not in (folder / "saved_model.pb").read_bytes()
    x, out = tmp_path / "x.npy", tmp_path / "y.npz"
    np.save(x, images(backbone))
    # -I: neither this folder nor the user's packages are on the path.
    command = [sys.executable, "-I", "-c", FRESH, folder, x, out]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    inputs = image_ops.normalise(images(backbone), backbone.preprocessing)
    features = network.forward(inputs, last=7)
    expected = {
        "features": features,
        "probabilities": tf.nn.softmax(network.forward(features, first=8)),
    }
    with np.load(out) as answers:
        for key, values in expected.items():
            near = {"rtol": 1e-5, "atol": 1e-5 * np.abs(values).max()}
            np.testing.assert_allclose(answers[key], values, **near)
