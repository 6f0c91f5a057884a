import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastransfer.backbones.layers import GroupedConv2D, LocalResponseNormalization
from kerastransfer.errors import InputError

FORCES_XLA = b"_XlaMustCompile"


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def normal(*shape, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, shape).astype(np.float32)


def small_network():
    inputs = x = keras.Input((9, 9, 8))
    x = GroupedConv2D(12, 3, padding="same", groups=4, activation="relu")(x)
    x = LocalResponseNormalization(size=3, alpha=2.0)(x)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(x)))


def caffe_norm(x, size, alpha, beta, k):
    """Caffe's formula, one number at a time (lrn_layer.cpp)."""
    x = x.astype(np.float64)
    out, channels, half = np.empty_like(x), x.shape[-1], size // 2
    for i in np.ndindex(x.shape):
        first, last = max(0, i[-1] - half), min(channels, i[-1] + half + 1)
        energy = sum(x[(*i[:-1], j)] ** 2 for j in range(first, last))
        out[i] = x[i] * (k + alpha / size * energy) ** -beta
    return out


@pytest.mark.parametrize(
    "facts",
    [
        {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
        {"size": 3, "alpha": 1e-2, "beta": 0.5, "k": 2.0},
        {"size": 1, "alpha": 1e-3, "beta": 0.75, "k": 1.0},
    ],
)
def test_norm_is_caffes(facts):
    x = normal(2, 3, 4, 11, scale=50)
    ours = LocalResponseNormalization(**facts)(x).numpy()
    np.testing.assert_allclose(ours, caffe_norm(x, **facts), rtol=1e-5)


def test_norm_by_hand():
    # Channels 1, 2, 3 with neighbours: energies 5, 14, 13; alpha / size = 1, k = 1.
    layer = LocalResponseNormalization(size=3, alpha=3.0, beta=1.0, k=1.0)
    x = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 3)
    expected = [1 / 6, 2 / 15, 3 / 14]
    np.testing.assert_allclose(layer(x).numpy().ravel(), expected, rtol=1e-6)


def test_norm_defaults_are_alexnets():
    layer = LocalResponseNormalization()
    assert (layer.size, layer.alpha, layer.beta, layer.k) == (5, 1e-4, 0.75, 1.0)


@pytest.mark.parametrize("size", [0, 4, -1])
def test_norm_refuses_even_sizes(size):
    with pytest.raises(InputError, match=f"Expected an odd size .* got {size}"):
        LocalResponseNormalization(size=size)


def test_norm_gradient_is_the_slope():
    layer = LocalResponseNormalization(size=3, alpha=0.5)
    x, direction = tf.constant(normal(1, 2, 2, 6)), normal(1, 2, 2, 6, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x) ** 2)
    slope = np.sum(tape.gradient(total, x).numpy() * direction)
    facts = {"size": 3, "alpha": 0.5, "beta": 0.75, "k": 1.0}
    ahead, behind = (
        np.sum(caffe_norm(x.numpy() + s * direction, **facts) ** 2)
        for s in (1e-4, -1e-4)
    )
    assert slope == pytest.approx((ahead - behind) / 2e-4, rel=1e-3)


def test_norm_computes_in_float32_under_bfloat16(bfloat16):
    x = normal(2, 3, 3, 8, scale=50)
    layer = LocalResponseNormalization()
    assert layer(x).dtype == tf.float32
    rounded = tf.cast(x, tf.bfloat16)
    expected = caffe_norm(tf.cast(rounded, tf.float32).numpy(), 5, 1e-4, 0.75, 1.0)
    np.testing.assert_allclose(layer(rounded).numpy(), expected, rtol=1e-5)


def test_a_network_trains_under_bfloat16(bfloat16):
    model = small_network()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.cast(model(normal(4, 9, 9, 8)), tf.float32) ** 2)
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    assert model.layers[-1].compute_dtype == "bfloat16"
    assert all(np.isfinite(g.numpy()).all() and g.numpy().any() for g in gradients)


@pytest.mark.parametrize(("stride", "padding"), [(1, "same"), (2, "valid")])
@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_convolution_is_keras_own(groups, stride, padding):
    ours, theirs = (
        kind(8, 3, stride, padding, groups=groups, bias_initializer="ones")
        for kind in (GroupedConv2D, keras.layers.Conv2D)
    )
    x = tf.constant(normal(2, 9, 9, 12))
    results = []
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights([normal(3, 3, 12 // groups, 8), normal(8)])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.sin(y))
        weights = [v.value for v in layer.trainable_variables]
        results.append([y, *tape.gradient(loss, [x, *weights])])
    assert [v.shape for v in ours.weights] == [v.shape for v in theirs.weights]
    assert [v.name for v in ours.weights] == ["kernel", "bias"]
    for mine, other in zip(*results, strict=True):
        # Of the largest value: a sum of hundreds of products may come out near nought.
        scale = np.abs(other).max()
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5 * scale)


def test_groups_do_not_see_each_other():
    layer = GroupedConv2D(4, 1, groups=2, use_bias=False)
    x = normal(1, 2, 2, 6)
    before = layer(x).numpy()
    x[..., 3:] += 1  # the second group's channels
    after = layer(x).numpy()
    assert (before[..., :2] == after[..., :2]).all()
    assert (before[..., 2:] != after[..., 2:]).all()


def test_grouped_convolution_needs_no_xla():
    for kind, forces in ((GroupedConv2D, False), (keras.layers.Conv2D, True)):
        layer = kind(4, 3, groups=2)
        layer.build((None, 8, 8, 4))
        graph = tf.function(layer.__call__).get_concrete_function(
            tf.TensorSpec((None, 8, 8, 4), tf.float32)
        )
        found = FORCES_XLA in graph.graph.as_graph_def().SerializeToString()
        assert found is forces, kind


@pytest.mark.parametrize(
    "layer",
    [
        LocalResponseNormalization(size=7, alpha=0.1, beta=0.5, k=2.0, name="n"),
        LocalResponseNormalization(trainable=False),
        GroupedConv2D(8, (3, 5), 2, "same", groups=4, use_bias=False, name="c"),
    ],
)
def test_config_round_trip(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == f"kerastransfer>{type(layer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()


def test_a_network_is_saved_and_loaded(tmp_path):
    model, x = small_network(), normal(2, 9, 9, 8)
    model.save(tmp_path / "small.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")
    assert isinstance(loaded.layers[1], GroupedConv2D)
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())


def test_a_network_made_under_bfloat16_is_loaded(tmp_path, bfloat16):
    model, x = small_network(), normal(2, 9, 9, 8)
    model.save(tmp_path / "small.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")
    assert loaded.layers[2].compute_dtype == "float32"
    assert (loaded(x).numpy() == model(x).numpy()).all()
