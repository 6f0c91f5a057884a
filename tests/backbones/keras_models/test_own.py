"""Users' own models: cut, normalised, trained and exported, or refused in one line."""

import dataclasses
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature

from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.keras_models import choosing
from kerastransfer.backbones.spec import OwnSpec, short, with_options
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError, MissingError, WeightsError
from kerastransfer.export import saved_model
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

LAYERS = keras.layers
SIDE = 40


def stages(x, count=8):
    for number in range(count):
        x = LAYERS.Conv2D(8, 3, padding="same", name=f"conv{number}")(x)
        x = LAYERS.BatchNormalization(name=f"bn{number}")(x)
        x = LAYERS.ReLU(name=f"relu{number}")(x)
    return x


def body(count=8):
    """A model inside, as ``base(x, training=False)`` of Keras's guide has one."""
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, stages(inputs, count), name="body")


def lab(before=(), classes=7, base=None):
    """What a lab has: preprocessing or none, a body, pooling, dropout, a classifier."""
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input((SIDE, SIDE, 3))
    for layer in before:
        x = layer(x)
    x = (base or body())(x, training=False)
    x = LAYERS.GlobalAveragePooling2D(name="pool")(x)
    if classes:
        x = LAYERS.Dropout(0.25, name="drop")(x)
        x = LAYERS.Dense(classes, "softmax", name="answer")(x)
    return keras.Model(inputs, x)


def saved(model, place, name="lab.keras"):
    model.save(place / name)
    return f"keras:{place / name}"


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, SIDE, SIDE, 3)).astype("f4")


def answers(name, images):
    """What the eight blocks answer to images in 0 to 255, with the file's weights."""
    backbone, loaded = table.get(name), store.load(name)
    network = backbone.build(loaded.source_classes, 5)
    for number in range(1, 9):
        network.assign(number, loaded.mapping)
    logits = network.forward(image_ops.normalise(images, backbone.preprocessing))
    return tf.nn.softmax(logits).numpy()


@pytest.mark.parametrize(
    "before",
    [
        [LAYERS.Rescaling(1 / 127.5, -1)],
        [LAYERS.RandomFlip(), LAYERS.Rescaling(1 / 255)],
        [LAYERS.Normalization(mean=[100.0, 110, 120], variance=[900.0, 1000, 1100])],
    ],
)
def test_with_preprocessing_inside_it_is_the_same_function(before, tmp_path, images):
    model = lab(before)
    name = saved(model, tmp_path)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(answers(name, images), expected, rtol=1e-4, atol=1e-5)
    assert table.get(name).blocks[7].dropout == 0.25
    assert table.get(name).source_classes == 7


def test_a_normalisation_that_was_adapted(tmp_path, images):
    layer = LAYERS.Normalization()
    layer.adapt(images)
    model = lab([layer])
    name = saved(model, tmp_path)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(answers(name, images), expected, rtol=1e-4, atol=1e-5)


@keras.saving.register_keras_serializable("lab_of_mine")
class Standardised(LAYERS.Layer):
    """Holds a normalisation that was adapted."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = LAYERS.Normalization()

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


def deep(images):
    """Normalisations that are adapted and lie behind what no preprocessing is."""
    inputs = keras.Input((16, 16, 3))
    first, second = LAYERS.Normalization(), Standardised()
    first.adapt(images[..., ::-1])
    second.build((None, 16, 16, 3))
    second.inner.adapt(images / 50)
    x = first(inputs[..., ::-1])
    for number in range(7):
        x = LAYERS.Conv2D(3, 1, activation="tanh", name=f"conv{number}")(x)
        x = second(x) if number == 1 else x
    x = LAYERS.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, LAYERS.Dense(4, "softmax")(x))


def test_normalisations_inside_blocks_go_by_the_files_statistics(tmp_path):
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)).astype("f4")
    keras.utils.set_random_seed(3)
    model = deep(pixels * [0.2, 0.5, 1])
    name = with_options(saved(model, tmp_path), preprocessing="none")
    image = pixels[:1]
    expected = model.predict(image, verbose=0)
    np.testing.assert_allclose(answers(name, image), expected, rtol=1e-4, atol=1e-6)
    fresh = table.get(name).build(4, 0)  # as R draws it: statistics are not drawn
    given = store.load(name).mapping
    kept = [key for key in given if key.startswith("normalization")]
    assert len(kept) == 3  # mean, variance, count
    for key in kept:
        np.testing.assert_array_equal(fresh.snapshot(1)[key], given[key])
    first = fresh.forward(tf.constant(pixels), last=1)
    fresh.assign(1, fresh.snapshot(1))
    np.testing.assert_array_equal(first, fresh.forward(tf.constant(pixels), last=1))


@pytest.mark.parametrize(
    ("pixels", "by_hand"),
    [
        ("unit", lambda x: x / 255),
        ("none", lambda x: x),
        ("halves", lambda x: x / 127.5 - 1),
        ("caffe", lambda x: x[..., ::-1] - np.array([103.939, 116.779, 123.68], "f4")),
    ],
)
def test_with_preprocessing_outside_it_has_to_be_said(
    pixels, by_hand, tmp_path, images
):
    model = lab()
    name = saved(model, tmp_path)
    with pytest.raises(
        InputError, match="does not say what it makes of pixels; say --p"
    ):
        table.get(name)
    name = with_options(name, preprocessing=pixels)
    expected = model.predict(by_hand(images), verbose=0)
    np.testing.assert_allclose(answers(name, images), expected, rtol=1e-3, atol=1e-5)


def test_preprocessing_said_and_inside(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path)
    with pytest.raises(
        InputError, match=r"begins with its preprocessing \(rescaling.*out"
    ):
        table.get(with_options(name, preprocessing="unit"))


def test_cuts_lie_after_whole_stages_and_can_be_chosen(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path)
    chosen = [block.layers for block in table.get(name).blocks]
    assert all(layers.startswith("to relu") for layers in chosen[:6])
    assert "blocks 1 to 6 end at relu" in store.load(name).remarks[0]
    cuts = ("conv0", "relu1", "relu2", "relu3", "relu5", "relu6")
    other = table.get(with_options(name, cuts=cuts))
    assert [b.layers for b in other.blocks[:6]] == [f"to {cut}" for cut in cuts]
    assert other.blocks[0].parameters == 3 * 9 * 8 + 8
    for wrong in (cuts[:5], (*cuts[:5], "nothing"), cuts[::-1]):
        with pytest.raises(InputError, match=r"--cuts with 6 layers.*after conv0, bn0"):
            table.get(with_options(name, cuts=wrong))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_the_choice_is_the_best_there_is(count):
    """Against every choice."""
    import itertools

    costs = sorted(np.random.default_rng(count).uniform(0, 1, 9).tolist())

    def unevenness(chosen):
        ends = [0.0, *(costs[i] for i in chosen), 1.0]
        return sum((b - a - 1 / (count + 1)) ** 2 for a, b in itertools.pairwise(ends))

    best = min(itertools.combinations(range(9), count), key=unevenness)
    assert choosing.choose(costs, count) == [*best]


def test_weights_drawn_anew_follow_from_the_seed(tmp_path):
    backbone = table.get(saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path))
    given = store.load(backbone.name).mapping
    first, again, other = (backbone.build(3, seed) for seed in (1, 1, 2))
    for number in range(1, 8):
        for name, value in first.snapshot(number).items():
            np.testing.assert_array_equal(value, again.snapshot(number)[name])
            if name.endswith("kernel"):
                assert (value != other.snapshot(number)[name]).any()
                assert (value != given[name]).any()


def test_a_seed_in_the_file_does_not_bind(tmp_path):
    """Or R would draw the same weights again, whatever the run's seed."""
    inputs = x = keras.Input((SIDE, SIDE, 3))
    x = LAYERS.Rescaling(1 / 255)(x)
    for number in range(8):
        drawn = keras.initializers.HeNormal(seed=4)
        x = LAYERS.Conv2D(8, 3, kernel_initializer=drawn, name=f"conv{number}")(x)
    x = LAYERS.Dense(2)(LAYERS.GlobalAveragePooling2D()(x))
    backbone = table.get(saved(keras.Model(inputs, x), tmp_path))
    kernels = [
        next(iter(backbone.build(2, seed).snapshot(2).values())) for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any()


def test_trained_and_exported(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path)
    backbone = table.get(name)
    named = {"dataset": "noise", "backbone": name, "recipe": "F1-3FT4-6R7-8"}
    summary = DataSummary(records="", weights="", num_images=4, mirror=False)
    config = resolve({**named, "epochs": (1,), "batch_size": 4}, summary)
    setup = dataclasses.replace(
        miniature.setup_of(config, miniature.make_examples(4, 3), backbone=backbone),
        source_weights=store.load(name).mapping,
    )
    network = setup.make_network()
    before = [network.snapshot(number) for number in range(1, 9)]
    miniature.train_phase(
        PhaseSetup(setup=setup, index=0, network=network, source=setup.images())
    )
    for number, old in enumerate(before, start=1):
        new = network.snapshot(number)
        same = all(np.array_equal(old[key], new[key]) for key in old)
        assert same == (number <= 3)
    folder = tmp_path / "saved_model"
    saved_model.save(network, backbone.preprocessing, ("a", "b", "c"), folder)
    crops = np.random.default_rng(1).uniform(0, 255, (2, SIDE, SIDE, 3)).astype("f4")
    model = tf.saved_model.load(str(folder))
    answer = model.signatures["images"](image=tf.constant(crops))
    logits = network.forward(image_ops.normalise(crops, backbone.preprocessing))
    np.testing.assert_allclose(
        answer["probabilities"], tf.nn.softmax(logits), atol=1e-5
    )
    assert "keras-lab" in config.run_name


def test_a_model_without_a_classifier(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)], classes=None), tmp_path)
    loaded = store.load(name)
    assert loaded.source_classes is None
    assert any("re-draw block 8" in remark for remark in loaded.remarks)
    assert table.get(name).num_features == 8


def test_another_size_where_the_layers_take_it(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path)
    large = table.get(with_options(name, size=64))
    assert large.preprocessing.crop == 64
    assert large.build(2, 0).blocks[0].input_shape == (None, 64, 64, 3)


@keras.saving.register_keras_serializable("lab_of_mine")
class Scale(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def two_inputs():
    first, second = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    joined = LAYERS.Add()([stages(first), second[..., :1]])
    return keras.Model([first, second], LAYERS.GlobalAveragePooling2D()(joined))


def no_bottleneck():
    """The image itself goes past every stage."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = LAYERS.Concatenate()([stages(LAYERS.Rescaling(1 / 255)(inputs)), inputs])
    return keras.Model(inputs, LAYERS.Dense(2)(LAYERS.GlobalAveragePooling2D()(x)))


def with_a_lambda():
    return lab([LAYERS.Lambda(lambda x: x / 255, name="divide")])


REFUSED = [
    (two_inputs, r"one input and one output, and '.*' has 2 and 1"),
    (
        no_bottleneck,
        r"cannot be cut into 8 blocks: .* carries all at [01] places, and 6",
    ),
    (
        with_a_lambda,
        r"layer 'divide' is a Lambda, whose code is in the file and is not",
    ),
    (lambda: lab(base=body(3)), r"cannot be cut|places|does not say"),
    (
        lambda: keras.Sequential([keras.Input((5,)), LAYERS.Dense(2)]),
        r"a model of images \(height, width, 3\)",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_refused_in_one_line(make, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        table.get(saved(make(), tmp_path))
    assert "\n" not in str(caught.value)


def test_a_custom_layer_is_named_and_its_code_asked_for(tmp_path, monkeypatch):
    name = saved(lab([LAYERS.Rescaling(1 / 255)], base=with_scale()), tmp_path)
    assert table.get(name).source_classes == 7  # here it is registered
    table._described.cache_clear()
    with keras.saving.custom_object_scope({}):
        registered = keras.saving.get_custom_objects()
        kept = {k: v for k, v in registered.items() if k != "lab_of_mine>Scale"}
        removed = registered.pop("lab_of_mine>Scale")
        try:
            assert "lab_of_mine>Scale" not in kept
            with pytest.raises(
                InputError,
                match=r"layer 'twice' is of the class 'lab_of_mine>Scale'.*"
                r"backbone='function:MODULE:NAME'",
            ):
                table.get(name)
        finally:
            registered["lab_of_mine>Scale"] = removed


def with_scale():
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, stages(Scale(name="twice")(inputs)), name="body")


def test_files_that_are_none(tmp_path):
    with pytest.raises(
        MissingError, match=r"a Keras model at '.*nothing.keras': no such"
    ):
        table.get(f"keras:{tmp_path / 'nothing.keras'}")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(WeightsError, match="a model that Keras 3 saved"):
        table.get(f"keras:{tmp_path / 'text.keras'}")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "[" * 100_000)
    with pytest.raises((WeightsError, InputError)):
        table.get(f"keras:{tmp_path / 'other.keras'}")


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255)]), tmp_path)
    assert table.get(name).source_classes == 7
    saved(lab([LAYERS.Rescaling(1 / 255)], classes=5), tmp_path)
    assert table.get(name).source_classes == 5


def test_names_hold_all_that_decides(tmp_path):
    spec = OwnSpec(
        place=str(tmp_path / "a lab?s, 1.keras"),
        cuts=("a,b", "c/d"),
        preprocessing="unit",
        size=96,
        feature="both",
    )
    assert OwnSpec.parse(str(spec)) == spec
    assert short(str(spec)) == "keras-a lab?s, 1"
    with pytest.raises(InputError, match=r"Expected --backbone keras:FILE\.keras"):
        OwnSpec.parse("keras:?size=3")
    with pytest.raises(InputError, match="beside --backbone keras:FILE"):
        with_options("resnet50", cuts=("a",))
    with pytest.raises(InputError, match="Expected --backbone beside --image-size"):
        with_options(None, size=64)
    assert with_options("resnet50@96", size=64) == "resnet50@64"
    assert with_options(None) is None


def test_a_base_from_a_file_with_new_layers_of_the_same_names(tmp_path, images):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = LAYERS.Conv2D(3, 1, name="to_three")(stages(inputs, 3))
    base = keras.Model(inputs, x, name="base")
    model = lab([LAYERS.Rescaling(1 / 255)], base=keras.Sequential([base, body()]))
    name = saved(model, tmp_path)
    shapes = table.get(name).port.shapes()
    assert {"conv0/kernel", "conv0_inner/kernel", "bn2_inner/gamma"} <= {*shapes}
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(answers(name, images), expected, rtol=1e-4, atol=1e-5)


@keras.saving.register_keras_serializable("lab_of_tests")
class OfOneSize(LAYERS.Layer):
    def call(self, x):
        if x.shape[1] != SIDE:
            raise AssertionError("not that size\nand more")
        return x


@keras.saving.register_keras_serializable("lab_of_tests")
class DoesNotLoad(OfOneSize):
    @classmethod
    def from_config(cls, config):
        raise RuntimeError("no such table\nand more")


@pytest.mark.parametrize(
    ("layer", "size", "message"),
    [
        (
            OfOneSize,
            64,
            "lab.keras raised AssertionError: 'not that size'.$",
        ),
        (DoesNotLoad, SIDE, "not load .*lab.keras': RuntimeError: 'no such table'.$"),
    ],
)
def test_any_error_while_keras_looks_is_one_line(layer, size, message, tmp_path):
    name = saved(lab([LAYERS.Rescaling(1 / 255), layer()]), tmp_path)
    with pytest.raises(InputError, match=message):
        table.get(with_options(name, size=size))
