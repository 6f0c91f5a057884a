"""Half precision in steps: against Keras's own, against float32, and what stays.

Trained on one device; `tests/distribution` has several, `tests/runs` runs that stop.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature

from kerastransfer import surgery
from kerastransfer.backbones.layers import LocalResponseNormalization
from kerastransfer.backbones.network import Network
from kerastransfer.config.presets import PRESETS
from kerastransfer.errors import InputError
from kerastransfer.recipe import Action, Recipe, Step
from kerastransfer.training import frozen_prefix, optimizer, precision
from kerastransfer.training.batches import Batch
from kerastransfer.training.engine import Engine
from kerastransfer.training.loss_scale import LossScale
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.training.stopping import StopSignal

HALVES = {"bfloat16": 2**-8, "float16": 2**-11}  # rounding, relative
VOTES = StopSignal().votes()


def engine_of(tmp_path, recipe, *, cached=False, network=None, **settings):
    setup = miniature.make_setup(tmp_path, recipe, batch_size=13, **settings)
    network = network or setup.make_network()
    source = setup.images()
    if cached:
        num_frozen = setup.config.recipe.phases[0].frozen_prefix
        source = frozen_prefix.choose(setup, network, num_frozen, epochs=1)
        assert source.first == num_frozen + 1
    return Engine(PhaseSetup(setup=setup, index=0, network=network, source=source))


def step(engine: Engine, number: int = 0) -> float:
    batches: list[Batch] = [*engine.phase.source.train(number)]
    ((loss,), _) = engine.take(batches, rates=[0.01], first_step=number, votes=VOTES)
    return loss


def weights(network: Network) -> dict[str, np.ndarray]:
    return {k: v for n in range(1, 9) for k, v in network.snapshot(n).items()}


@pytest.mark.parametrize("half", HALVES)
def test_a_step_has_the_loss_of_a_network_of_keras_that_was_built_in_it(half, tmp_path):
    """Blocks 6 and 7 of Keras's policy, between an end and a beginning in float32."""
    network = miniature.make_setup(tmp_path, "F1-5R6-8").make_network()
    keras.config.set_dtype_policy(f"mixed_{half}")
    try:
        built = miniature.build(3, 0)
    finally:
        keras.config.set_dtype_policy("float32")
    for number in (6, 7):
        built.assign(number, network.snapshot(number))
    mixed = Network((*network.blocks[:5], *built.blocks[5:7], network.blocks[7]))
    losses = {
        name: step(engine_of(tmp_path, "F1-5R6-8", network=of_keras))
        for name, of_keras in (("half", mixed), ("float32", None))
    }
    ours = step(engine_of(tmp_path, "F1-5R6-8", precision=half))
    assert ours == losses["half"]
    assert ours != losses["float32"]
    assert ours == pytest.approx(losses["float32"], rel=20 * HALVES[half])


@pytest.mark.parametrize("half", HALVES)
def test_gradients_are_those_of_float32_but_for_rounding(half, tmp_path):
    moved = {}
    for name in ("float32", half):
        engine = engine_of(tmp_path, "FT1-5R6-8", precision=name, preset="caffe")
        before = weights(engine.phase.network)
        step(engine)
        after = weights(engine.phase.network)
        moved[name] = {k: after[k] - before[k] for k in after}
    for name, truth in moved["float32"].items():
        if "moving" not in name:
            assert np.abs(moved[half][name] - truth).max() > 0, name
    ours, theirs = (
        np.concatenate([x.ravel() for x in m.values()])
        for m in (moved[half], moved["float32"])
    )
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    assert error <= 60 * HALVES[half]  # a response that rounds across 0 switches a ReLU


@pytest.mark.parametrize("half", HALVES)
def test_frozen_blocks_stay_to_the_bit_and_the_network_is_float32_again(half, tmp_path):
    engine = engine_of(tmp_path, "FT1-3F4-5R6-8", precision=half)
    network = engine.phase.network
    before = weights(network)
    for number in range(3):
        step(engine, number)
    after = weights(network)
    assert {x.dtype for x in after.values()} == {np.dtype("float32")}
    frozen = [*network.snapshot(4), *network.snapshot(5)]
    for name in frozen:
        np.testing.assert_array_equal(after[name], before[name])
    assert {
        layer.dtype_policy.name for block in network.blocks for layer in block.layers
    } == {"float32"}


@pytest.mark.parametrize("half", HALVES)
def test_validation_is_in_float32(half, tmp_path):
    engine = engine_of(tmp_path, "FT1-5R6-8", precision=half)
    truth = engine_of(tmp_path, "FT1-5R6-8")
    step(engine)
    for number in range(1, 9):
        truth.phase.network.assign(number, engine.phase.network.snapshot(number))
    assert engine.evaluate() == truth.evaluate()


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("recipe", ["F1-7R8", "F1-3FT4-5R6-8"])
def test_cached_and_uncached_steps_are_the_same(half, recipe, tmp_path):
    results = []
    for cached in (True, False):
        engine = engine_of(
            tmp_path, recipe, cached=cached, precision=half, preset="caffe"
        )
        losses = [step(engine, number) for number in range(4)]
        results.append((losses, weights(engine.phase.network)))
    (ours, after), (theirs, truth) = results
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for name, value in truth.items():
        np.testing.assert_allclose(after[name], value, rtol=1e-4, atol=1e-5)


def test_the_classifier_alone_is_trained_as_in_float32(tmp_path):
    ours, theirs = (
        engine_of(tmp_path, "F1-7R8", precision=name) for name in ("float16", "float32")
    )
    assert [step(ours, n) for n in range(3)] == [step(theirs, n) for n in range(3)]
    assert ours.loss_scale is None


@pytest.mark.parametrize(
    ("recipe", "blocks"),
    [
        ("F1-7R8", ()),
        ("F1-5R6-8", (6, 7)),
        ("FT1-3F4-7R8", (1, 2, 3, 4, 5, 6, 7)),
        ("F1-6FT7R8", (7,)),
    ],
)
def test_blocks_from_the_first_trained_one_to_the_classifier(recipe, blocks):
    (phase,) = Recipe.parse(recipe).phases
    assert surgery.half_blocks(phase, "bfloat16") == blocks
    assert surgery.half_blocks(phase, "float32") == ()


def test_response_norms_and_layers_inside_others_follow_their_rule():
    """Attention's own layers compute in half; squares of responses never do."""
    inputs = keras.Input((4, 8))
    attention = keras.layers.MultiHeadAttention(2, 4)
    x = attention(inputs, inputs)
    norm = LocalResponseNormalization()
    x = norm(x[:, :, None, :])
    block = keras.Model(inputs, x)
    with precision.computing(Network((block,) * 8), [1], "float16"):
        assert attention._query_dense.compute_dtype == "float16"
        assert attention._query_dense.variable_dtype == "float32"
        assert norm.compute_dtype == "float32"
    assert attention._query_dense.compute_dtype == "float32"


# Loss scaling, against Keras's own.

GRADIENTS = np.random.default_rng(0).normal(size=(8, 2, 3)).astype(np.float32)
SPOILT = {2: np.inf, 3: np.nan, 6: -np.inf}


def plan() -> surgery.BlockPlan:
    return surgery.BlockPlan(1, Step(Action.FINE_TUNE, 1.0), True, 1, "", "")


def spoilt_gradients():
    gradients = GRADIENTS.copy()
    for number, value in SPOILT.items():
        gradients[number, 1, 1] = value
    return gradients


@pytest.mark.parametrize("preset", PRESETS)
def test_steps_with_gradients_that_overflow_are_skipped_as_if_they_had_not_been(preset):
    ours, theirs = (keras.Variable(np.full((2, 3), 0.5, np.float32)) for _ in range(2))
    made = optimizer.make(PRESETS[preset], 0.1, [(ours, plan())])
    scale = LossScale(made)
    plain = optimizer.make(PRESETS[preset], 0.1, [(theirs, plan())])
    sizes = []

    @tf.function
    def apply(gradient):
        (gradient,), finite = scale.divide([scale.multiply(gradient)])
        scale.update(finite)
        made.apply([gradient], [ours], rate=0.01, finite=finite)

    for number, gradient in enumerate(spoilt_gradients()):
        apply(tf.constant(gradient))
        sizes.append(float(scale.scale.numpy()))
        if number not in SPOILT:
            plain.apply([tf.constant(gradient)], [theirs], rate=0.01)
    np.testing.assert_array_equal(ours, theirs)
    assert sizes == [2.0**n for n in (15, 15, 14, 13, 13, 13, 12, 12)]
    assert int(scale.skipped.numpy()) == len(SPOILT)
    assert int(made.iterations.numpy()) == len(GRADIENTS) - len(SPOILT)


def test_the_scale_is_that_of_keras_s_own_optimiser():
    ours, theirs = (keras.Variable(np.full((2, 3), 0.5, np.float32)) for _ in range(2))
    made = optimizer.make(PRESETS["default"], 0.0, [(ours, plan())])
    scale = LossScale(made)
    reference = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))
    reference.build([theirs])
    for gradient in spoilt_gradients():
        (part,), finite = scale.divide([scale.multiply(tf.constant(gradient))])
        scale.update(finite)
        made.apply([part], [ours], rate=0.01, finite=finite)
        reference.apply([reference.scale_loss(tf.constant(gradient))], [theirs])
        assert scale.scale.numpy() == reference.dynamic_scale.numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_scale_is_doubled_after_two_thousand_steps_without_overflow():
    made = optimizer.make(
        PRESETS["caffe"], 0.0, [(keras.Variable(np.zeros(2, np.float32)), plan())]
    )
    scale = LossScale(made)

    @tf.function
    def many(count):
        for _ in tf.range(count):
            scale.update(tf.constant(True))

    many(tf.constant(1999))
    assert scale.scale.numpy() == 2**15
    many(tf.constant(1))
    assert scale.scale.numpy() == 2**16
    many(tf.constant(2000))
    assert scale.scale.numpy() == 2**17


def test_small_gradients_are_not_lost_in_float16(tmp_path):
    """A loss of one image in 2**20 has gradients below float16's smallest number."""
    engine = engine_of(tmp_path, "F1-5R6-8", precision="float16", preset="caffe")
    before = weights(engine.phase.network)["fc6/kernel"]
    (batch,) = engine.phase.source.train(0)
    large = Batch(2**20, batch.shares)
    engine.take([large], rates=[1e3], first_step=0, votes=VOTES)
    moved = weights(engine.phase.network)["fc6/kernel"] - before
    assert (moved != 0).mean() > 0.5


def test_overflow_is_said_at_the_end_of_a_phase(tmp_path, capsys):
    setup = miniature.make_setup(tmp_path, "F1-5R6-8", precision="float16")
    # Ten thousand times the usual source: gradients overflow at the first scales.
    network = setup.make_network()
    source = setup.images()
    phase = PhaseSetup(setup=setup, index=0, network=network, source=source)
    for name, variable in network.variables(7).items():
        if name.endswith("kernel"):
            variable.assign(variable.numpy() * 3e3)
    result = miniature.train_phase(phase)
    assert (
        "changed nothing, for gradients overflowed float16" in capsys.readouterr().err
    )
    assert result.steps == 3 * 4


def test_gradients_that_are_never_finite_end_the_phase_in_a_line(tmp_path):
    """Float32 ends with a loss that is none; scaling a loss less must not hide it."""
    setup = miniature.make_setup(tmp_path, "F1-5R6-8", precision="float16")
    phase = PhaseSetup(
        setup=setup, index=0, network=setup.make_network(), source=setup.images()
    )

    @tf.custom_gradient
    def spoilt(x):
        return x, lambda upstream: upstream * np.nan

    phase.network.blocks[6].layers[-1].activation = spoilt
    before = weights(phase.network)
    with pytest.raises(InputError, match=r"12 steps of 12 were not.*--precision bf"):
        miniature.train_phase(phase)
    after = weights(phase.network)
    for name in ("fc6/kernel", "fc7/kernel"):
        np.testing.assert_array_equal(after[name], before[name])


def test_a_loss_that_is_none_names_bfloat16_only_where_float16_computes(tmp_path):
    for recipe, cure in (("F1-7R8", False), ("F1-5R6-8", True)):
        engine = engine_of(tmp_path, recipe, precision="float16")
        engine.phase.network.blocks[7].layers[-1].bias.assign([np.nan] * 3)
        with pytest.raises(InputError, match="finite loss") as refused:
            step(engine)
        assert ("bfloat16" in str(refused.value)) == cure


def test_a_block_that_the_loss_does_not_depend_on_is_refused(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-5R6-8")
    network = setup.make_network()
    network.blocks[6].layers[-1].activation = tf.stop_gradient
    engine = engine_of(tmp_path, "F1-5R6-8", network=network)
    with pytest.raises(InputError, match="block 6 to be trained, and the loss depends"):
        step(engine)


def test_a_weight_that_the_loss_does_not_depend_on_stays_as_it_is(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-5R6-8")
    network = setup.make_network()
    layer = network.blocks[6].layers[-1]
    layer.call = lambda x, training=None: layer.activation(x @ layer.kernel)
    layer.bias.assign(np.ones(12))
    engine = engine_of(tmp_path, "F1-5R6-8", network=network, preset="caffe")
    engine.optimizer.rules = tuple(
        type(rule)(rule.factor, 0.1) for rule in engine.optimizer.rules
    )
    before = weights(network)
    step(engine)
    after = weights(network)
    np.testing.assert_array_equal(after["fc7/bias"], np.ones(12))
    assert not np.array_equal(after["fc7/kernel"], before["fc7/kernel"])
