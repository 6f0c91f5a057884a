"""Every network of keras.applications in the table, with random weights.

The quickest are tested here, all others in a few processes without oneDNN, which keeps
what it prepared for every shape that it met: with it, all of them took 13 GB.
`KERASTRANSFER_ROWS=resnet50,xception` tests those that it names instead.
"""

import ctypes
import dataclasses
import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import miniature
from sklearn.datasets import load_sample_images

from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.applications import info, network
from kerastransfer.backbones.applications.rows import ROWS
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError
from kerastransfer.export import saved_model
from kerastransfer.training import batch_norm
from kerastransfer.training.caching import Caching
from kerastransfer.training.frozen_prefix import choose_source
from kerastransfer.training.phase import PhaseSetup

BY_NAME = {row.name: row for row in ROWS}
QUICK = ("mobilenetv2", "mobilenetv3small")
VARIABLE = "KERASTRANSFER_ROWS"
SMALL = 64  # pixels
ROOT = Path(__file__).parents[3]
PROCESSES = 4
NAMES = [name for name in os.environ.get(VARIABLE, "").split(",") if name]
# The module of each constructor that has its `preprocess_input`, and what it returns.
MODULES = {
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "ResNet101V2": "resnet_v2",
    "DenseNet121": "densenet",
    "InceptionV3": "inception_v3",
    "Xception": "xception",
    "VGG16": "vgg16",
    "MobileNetV2": "mobilenet_v2",
}


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory):
    """Where nothing is known of a row before it is built."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("KERASTRANSFER_HOME", str(home))
        info._described.cache_clear()
        yield
    info._described.cache_clear()


@pytest.fixture(scope="module")
def photographs():
    return np.stack(load_sample_images().images).astype(np.float32)


@pytest.fixture(scope="module", params=NAMES or QUICK)
def row(request):
    yield BY_NAME[request.param]
    forget()


def forget():
    """Give back what a row took, or all rows would add up."""
    keras.backend.clear_session()
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(scope="module")
def small(row):
    """The row for images so small that a step takes a moment."""
    if row.smallest == row.size:
        return table.get(row.name)
    return table.get(f"{row.name}@{max(SMALL, row.smallest)}")


@pytest.fixture(scope="module")
def drawn(small, photographs):
    """Random weights under which each layer answers images of its own kind, by block.

    Moving statistics are those of a few crops: with means of 0 and variances of 1, what
    a deep random network answers hardly depends on the image.
    """
    built = small.build(small.source_classes, 7)
    side = small.preprocessing.crop
    crops = [photographs[:, at : at + side, at : at + side] for at in (0, 90, 180)]
    crops = image_ops.normalise(np.concatenate(crops), small.preprocessing)
    norms = [
        layer
        for block in built.blocks
        for layer in block.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    with batch_norm.capturing(norms):
        built.forward(crops, last=7, training=[True] * 8)
    for norm in norms:  # hardly varying channels would only amplify rounding
        variance = norm.moving_variance
        variance.assign(np.maximum(variance, np.mean(variance)))
    variables = [v for n in range(1, 9) for v in built.variables(n).values()]
    assert len({id(v) for v in variables}) == len(variables)
    return [built.snapshot(number) for number in range(1, 9)]


@pytest.fixture(scope="module")
def weights(drawn):
    return {name: value for block in drawn for name, value in block.items()}


@pytest.fixture(scope="module")
def trained(small, weights):
    """The network of three classes after a step, and block 8 before."""
    gc.collect()  # networks refer to themselves
    phase = phase_of(small, weights, "F1-5FT6-7R8", judged=False)
    before = phase.network.snapshot(8)
    miniature.train_phase(phase)
    return phase.network, before


def test_counts_are_those_of_the_built_network(row, small):
    """At the usual size; what it is for others is counted when it is asked for."""
    usual = table.get(row.name)
    built = network.described(row.name, row.size)
    figures, shapes = built["figures"], built["layout"]["shapes"]
    assert [block["output"] for block in figures["blocks"][:7]] == [
        [*shape] for shape in usual.outputs
    ]
    for block, counted in zip(usual.blocks, figures["blocks"], strict=True):
        assert block.parameters == counted["parameters"]
        assert block.batch_norms == counted["batch_norms"]
        assert block.random_layers == counted["random_layers"]
        assert block.multiply_adds == counted["multiply_adds"]
    assert usual.blocks[7].dropout == figures["dropout"]
    if row.smallest < row.size:  # another size has the same weights
        assert [b.parameters for b in small.blocks] == [
            b.parameters for b in usual.blocks
        ]
        assert small.port.shapes() == shapes


def test_eight_blocks_cover_every_variable_once(row, small, drawn):
    """Those of Keras's own network, but for a normalisation of pixels."""
    names = [name for block in drawn for name in block]
    assert len({*names}) == len(names)
    gc.collect()
    theirs = network.made(row, 0, small.preprocessing.crop)
    pixels = [x for x in theirs.layers if isinstance(x, keras.layers.Normalization)]
    left_out = [weight for layer in pixels for weight in layer.weights]
    assert len(names) == len(theirs.weights) - len(left_out)
    assert sum(v.size for block in drawn for v in block.values()) == (
        theirs.count_params() - sum(np.prod(w.shape) for w in left_out)
    )
    assert names == [*small.port.shapes()]


def test_a_step_of_training_moves_what_it_should(drawn, trained):
    """Frozen blocks stay to the bit; tuned ones keep their moving statistics."""
    moved, eighth = trained
    for number, old in enumerate([*drawn[:7], eighth], start=1):
        new = moved.snapshot(number)
        assert new.keys() == old.keys()
        same = {name: np.array_equal(old[name], new[name]) for name in old}
        if number <= 5:
            assert all(same.values()), number
        else:
            assert not all(same.values()), number
        assert all(kept for name, kept in same.items() if "moving" in name)


def test_cut_anywhere_it_is_the_same_function(small, trained):
    """What is kept at each cut, as numbers, goes on to what a whole pass answers."""
    built, side = trained[0], small.preprocessing.crop
    x = np.random.default_rng(0).normal(0, 1, (2, side, side, 3)).astype(np.float32)
    outputs = x
    for number in range(1, 9):
        outputs = built.forward(outputs, first=number, last=number).numpy()
        if number < 8:
            assert outputs.shape[1:] == small.outputs[number - 1]
    expected = built.forward(x).numpy()
    np.testing.assert_array_equal(outputs, expected)
    assert outputs.std() > 0
    near = {"rtol": 1e-4, "atol": 1e-5 * np.abs(expected).max()}
    np.testing.assert_allclose(built.whole()(x).numpy(), expected, **near)


def phase_of(small, weights, recipe, caching=None, judged=True):
    named = {"dataset": "noise", "backbone": small.name, "recipe": recipe}
    # A step of plain descent is as exact as its gradient; of Adam it is the sign.
    settings = {"epochs": (1,), "batch_size": 4, "learning_rate": (0.01,)}
    settings |= {"preset": "caffe"}
    summary = DataSummary(records="", weights="", num_images=4, mirror=False)
    config = resolve({**named, **settings, "weight_decay": 0.1, "views": 1}, summary)
    examples = miniature.make_examples(4, 3 if judged else 0)
    setup = dataclasses.replace(
        miniature.setup_of(config, examples, backbone=small, caching=caching),
        source_weights=weights,
    )
    made = setup.make_network()
    source = choose_source(setup, made, 0, cached=None)
    return PhaseSetup(setup=setup, index=0, network=made, source=source)


@pytest.mark.parametrize("recipe", ["F1-7R8", "F1-4R5-8"])
def test_a_cached_run_is_the_uncached_one(row, small, weights, recipe, tmp_path):
    if row.name not in QUICK:
        pytest.skip("the same path for all; run for the quickest")
    cached = phase_of(
        small, weights, recipe, Caching(mode="on", home=tmp_path / "features")
    )
    assert cached.source.first > 1
    uncached = phase_of(small, weights, recipe)
    assert uncached.source.first == 1
    for phase in (cached, uncached):
        miniature.train_phase(phase)
    for number in range(1, 9):
        ours = cached.network.snapshot(number)
        for name, value in uncached.network.snapshot(number).items():
            np.testing.assert_allclose(ours[name], value, rtol=1e-3, atol=1e-5)


def test_exported_it_answers_the_same(small, trained, photographs, tmp_path):
    built, side = trained[0], small.preprocessing.crop
    folder = tmp_path / "saved_model"
    saved_model.save(built, small.preprocessing, ("a", "b", "c"), folder)
    crops = photographs[:, 100 : 100 + side, 200 : 200 + side]
    model = tf.saved_model.load(str(folder))
    answer = model.signatures["images"](image=tf.constant(crops))
    inputs = image_ops.normalise(crops, small.preprocessing)
    features = built.forward(inputs, last=7).numpy()
    scale = np.abs(features).max()
    np.testing.assert_allclose(answer["features"], features, rtol=0, atol=1e-4 * scale)
    expected = tf.nn.softmax(built.forward(features, first=8)).numpy()
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-4)
    assert features[0].std() > 0
    assert not np.allclose(features[0], features[1], rtol=0, atol=1e-3 * scale)


OF_A_ROW = (
    test_counts_are_those_of_the_built_network,
    test_eight_blocks_cover_every_variable_once,
    test_a_step_of_training_moves_what_it_should,
    test_cut_anywhere_it_is_the_same_function,
    test_exported_it_answers_the_same,
)


def size_of(name):
    return sum(block.parameters for block in table.get(name).blocks)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PROCESSES))
def test_all_other_rows(part):
    others = [row.name for row in ROWS if row.name not in QUICK]
    others.sort(key=size_of, reverse=True)  # while little else is in memory
    names = others[part::PROCESSES]
    tests = [f"{__file__}::{test.__name__}" for test in OF_A_ROW]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *tests],
        env={**os.environ, VARIABLE: ",".join(names), "TF_ENABLE_ONEDNN_OPTS": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    assert f"{len(names) * len(tests)} passed" in done.stdout


@pytest.mark.parametrize("name", BY_NAME)
def test_pixels_become_what_the_library_makes_of_them(name, photographs):
    """By feeding photographs to the library's function, or to its network's layers."""
    row, preprocessing = BY_NAME[name], table.get(name).preprocessing
    ours = image_ops.normalise(photographs, preprocessing).numpy()
    library = importlib.import_module(
        f"keras.applications.{MODULES.get(row.constructor, 'efficientnet')}"
    )
    theirs = library.preprocess_input(photographs.copy())
    if row.constructor not in MODULES:  # it returns them as they are
        np.testing.assert_array_equal(theirs, photographs)
        theirs = as_its_first_layers_make_them(row, photographs)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def as_its_first_layers_make_them(row, images):
    """Run the layers before the first convolution, with the values of its file."""
    model = network.made(row, 0, max(64, row.smallest))
    layers = []
    for layer in model.layers[1:]:
        if not isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            break
        layers.append(layer)
    assert layers, row.name
    if row.constructor.startswith("EfficientNetB"):
        # Statistics that its file brings, and a layer that is only then there.
        deviations = np.array([0.229, 0.224, 0.225])
        layers[-1].set_weights(
            [np.array([0.485, 0.456, 0.406]), deviations, np.array(1)]
        )
        layers[-1].finalize_state()  # as Keras does when it reads the file
        layers.append(keras.layers.Rescaling([*(1 / np.sqrt(deviations))]))
    for layer in layers:
        images = layer(images)
    return np.asarray(images)


def test_the_layer_that_comes_with_the_published_file_is_there(monkeypatch, tmp_path):
    """EfficientNet has one step more with Keras's weights than without them."""
    monkeypatch.setattr(keras.Model, "load_weights", lambda *args, **kwargs: None)
    from keras.src.applications import efficientnet

    monkeypatch.setattr(
        efficientnet.file_utils,
        "get_file",
        lambda *args, **kwargs: tmp_path / "none.h5",
    )
    model = keras.applications.EfficientNetB0(weights="imagenet")
    kinds = [type(layer).__name__ for layer in model.layers[1:4]]
    assert kinds == ["Rescaling", "Normalization", "Rescaling"]
    scale = np.ravel(model.layers[3].scale)
    np.testing.assert_allclose(scale, 1 / np.sqrt([0.229, 0.224, 0.225]))


def test_sizes_that_a_network_does_not_take():
    with pytest.raises(
        InputError, match="images of 75 pixels or more for 'inceptionv3'"
    ):
        table.get("inceptionv3@64")
    with pytest.raises(
        InputError, match="images of 224 pixels, for 'vgg16' has layers"
    ):
        table.get("vgg16@128")
    with pytest.raises(InputError, match="a side of 32 to 1024 pixels, got '9999'"):
        table.get("resnet50@9999")
    assert table.get("resnet50@224") is table.get("resnet50")


@pytest.mark.parametrize("name", ["resnet50", "efficientnetb0", "convnexttiny"])
def test_weights_are_where_keras_itself_looks(name, monkeypatch, tmp_path):
    """The file's name, address and hash are those with which Keras asks for it."""
    row, asked = BY_NAME[name], []
    monkeypatch.setattr(keras.Model, "load_weights", lambda *args, **kwargs: None)
    module = importlib.import_module(
        getattr(keras.applications, row.constructor).__module__
    )

    def get_file(file, address, **options):
        asked.append((file, address, options["file_hash"]))
        return tmp_path / file

    monkeypatch.setattr(module.file_utils, "get_file", get_file)
    getattr(keras.applications, row.constructor)(weights="imagenet")
    (published,) = table.get(name).weights
    assert asked == [(published.file, published.urls[0], row.hash)]
    assert info.FIGURES == "figures.json"
