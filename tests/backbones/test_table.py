import subprocess
import sys

import keras
import numpy as np
import pytest

from kerastransfer.backbones import table
from kerastransfer.backbones.keras_models import counting
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.errors import UnknownNameError
from kerastransfer.recipe import NUM_BLOCKS

# BVLC/caffe and pytorch/vision count these, and the state dict of the wheel.
TOTALS = {
    "alexnet": 60_965_224,
    "alexnet_owt": 61_100_840,
    "caffenet": 60_965_224,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
}
DROPOUT, NORM = keras.layers.Dropout, keras.layers.BatchNormalization


# Those of keras.applications are rows of a table with tests of their own; here the two
# smallest show that they are backbones like the others.
OWN = [
    "alexnet",
    "alexnet_owt",
    "caffenet",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
]
ALL = [*OWN, "mobilenetv2", "mobilenetv3small"]


@pytest.fixture(scope="module", params=ALL)
def built(request):
    backbone = BACKBONES[request.param]
    return backbone, backbone.build(backbone.source_classes, 0)


def of_kind(block, kind):
    return [layer for layer in block.layers if isinstance(layer, kind)]


def test_transformers_are_described_as_such(built):
    backbone, network = built
    layers = counting.transformer_layers(network.blocks[:-1])
    assert layers == backbone.transformer_layers


def test_parameters_are_as_described(built):
    backbone, network = built
    counts = [
        sum(int(np.prod(v.shape)) for v in block.trainable_variables)
        for block in network.blocks
    ]
    assert counts == [block.parameters for block in backbone.blocks]
    assert counts == [
        backbone.parameters(n, backbone.source_classes) for n in range(1, 9)
    ]


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_those_that_others_count(name):
    backbone = BACKBONES[name]
    assert sum(block.parameters for block in backbone.blocks) == TOTALS[name]


def test_a_backbone_prints_its_blocks():
    lines = str(table.get("efficientnet_lite0")).splitlines()
    assert lines[0] == (
        "EfficientNet-Lite0: input 224 x 224 RGB, 1,280 features, 4,652,008 weights"
    )
    assert len(lines) == 9
    assert lines[8] == "  block 8  classifier                     1,281,000"


def test_outputs_are_as_described(built):
    backbone, network = built
    shapes = [block.output_shape[1:] for block in network.blocks[:-1]]
    assert shapes == [*backbone.outputs]
    assert backbone.outputs[-1] == (backbone.num_features,)


def test_batch_norms_and_dropouts_are_as_described(built):
    backbone, network = built
    norms = [len(of_kind(block, NORM)) for block in network.blocks]
    rates = [[x.rate for x in of_kind(block, DROPOUT)] for block in network.blocks]
    assert norms == [block.batch_norms for block in backbone.blocks]
    assert rates == [[b.dropout] if b.dropout else [] for b in backbone.blocks]
    macs = [counting.multiply_adds(block) for block in network.blocks]
    assert macs == [block.multiply_adds for block in backbone.blocks]


def test_a_block_holds_batch_norm_or_dropout_never_both(built):
    _, network = built
    for block in network.blocks:
        assert not (of_kind(block, NORM) and of_kind(block, DROPOUT)), block.name


def test_dropout_comes_first(built):
    _, network = built
    for block in network.blocks:
        assert all(layer is block.layers[1] for layer in of_kind(block, DROPOUT))


def test_shapes_are_as_described(built):
    backbone, network = built
    size = backbone.preprocessing.crop
    names = [block.name for block in network.blocks]
    assert names == [f"block{number}" for number in range(1, 9)]
    assert network.blocks[0].input_shape == (None, size, size, 3)
    assert network.blocks[6].output_shape == (None, backbone.num_features)
    assert network.blocks[7].output_shape == (None, backbone.source_classes)
    for lower, upper in zip(network.blocks, network.blocks[1:], strict=False):
        assert lower.output_shape == upper.input_shape


def test_weights_are_named_as_files_are_ported(built):
    backbone, network = built
    own = {
        name: tuple(variable.shape)
        for number in range(1, NUM_BLOCKS + 1)
        for name, variable in network.variables(number).items()
    }
    assert own == backbone.port.shapes()


def test_whole_is_the_blocks_in_a_row(built):
    backbone, network = built
    size = backbone.preprocessing.crop
    x = np.random.default_rng(0).normal(0, 1, (1, size, size, 3)).astype(np.float32)
    expected = network.forward(x).numpy()
    near = {"rtol": 1e-5, "atol": 1e-5 * np.abs(expected).max()}
    np.testing.assert_allclose(network.whole()(x).numpy(), expected, **near)
    first = network.forward(x, last=3)
    parts = network.forward(first, first=4).numpy()
    np.testing.assert_allclose(parts, expected, **near)


def test_features_are_not_negative(built):
    backbone, network = built
    size = backbone.preprocessing.crop
    x = np.random.default_rng(0).normal(0, 50, (1, size, size, 3)).astype(np.float32)
    features = network.forward(x, last=7).numpy()
    if backbone.name in OWN:
        assert features.min() == 0 < features.max()


@pytest.mark.parametrize("name", ALL)
def test_weights_follow_from_the_seed_alone(name):
    build = BACKBONES[name].build
    first, again, other = (build(classes, s) for classes, s in ((7, 3), (9, 3), (7, 4)))
    for number in range(1, 8):  # the number of classes does not matter to them
        for key, weight in first.snapshot(number).items():
            assert (weight == again.snapshot(number)[key]).all(), key
            if key.endswith("/kernel"):
                assert (weight != other.snapshot(number)[key]).any(), key


def test_get():
    assert table.get("caffenet") is BACKBONES["caffenet"]
    assert all(name == backbone.name for name, backbone in BACKBONES.items())
    with pytest.raises(UnknownNameError, match="Did you mean 'alexnet'"):
        table.get("alexnett")


def test_facts_load_without_tensorflow():
    code = (
        "import sys, kerastransfer.backbones.table\n"
        "print(sorted({'tensorflow', 'keras'} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
