import argparse
import dataclasses
import hashlib
import http.server
import json
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors import numpy as safetensors

from kerastransfer.cli.commands import weights
from kerastransfer.errors import (
    InputError,
    MissingError,
    UnknownNameError,
    WeightsError,
)
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.weights import store, table
from kerastransfer.weights.readers import torch_file

ROOT = Path(__file__).parents[3]
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def run(*arguments):
    parser = argparse.ArgumentParser()
    weights.add_arguments(parser)
    return weights.execute(parser.parse_args([str(a) for a in arguments]))


def test_list(capsys):
    assert run("list") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == list(table.WEIGHTS)
    assert rows[0] == [
        "efficientnet_lite0", "efficientnet_lite0", "at hand", "18.8 MB",
        "top-1 75.1%", "Apache-2.0",
    ]  # fmt: skip
    installed = {row[0] for row in rows if row[2] == "at hand"}
    assert installed == {f"efficientnet_lite{number}" for number in range(3)}


def test_list_json(capsys):
    run("list", "--json")
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["efficientnet_lite0"]["at_hand"] is True
    assert rows["alexnet"]["checksums"][1]["algorithm"] == "sha1"
    assert rows["alexnet"]["path"].endswith("home/weights/bvlc_alexnet.caffemodel")


@pytest.mark.parametrize("verb", ["verify", "fetch"])
def test_verify_and_fetch_what_is_installed(verb, capsys):
    assert run(verb, "efficientnet_lite0", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["sha256"] == SHA256
    assert facts["published"] is True
    assert facts["arrays"] == 247


def test_fetch_downloads_verifies_and_keeps(tmp_path, monkeypatch, capsys):
    """A stand-in for a published file: the installed one, from a server of ours."""
    source = store.locate("efficientnet_lite0")

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    serve = partial(Silent, directory=source.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{source.name}"
        row = dataclasses.replace(
            table.get("efficientnet_lite0"), name="toy", package="", urls=(url,)
        )
        monkeypatch.setitem(table.WEIGHTS, "toy", row)
        assert run("fetch", "toy") == 0
        server.shutdown()
    assert f"the published toy, fits efficientnet_lite0\tsha256 {SHA256}" in (
        capsys.readouterr().out
    )
    assert (tmp_path / "home" / "weights" / source.name).is_file()
    assert run("fetch", "toy") == 0  # the server is gone; the file is here
    assert run("verify", "toy") == 0


def test_fetch_refuses_what_it_cannot_verify():
    with pytest.raises(WeightsError, match="No hash of 'alexnet_toronto' is published"):
        run("fetch", "alexnet_toronto")
    with pytest.raises(UnknownNameError, match="Did you mean 'alexnet'"):
        run("fetch", "alexnt")


def test_verify_of_what_is_missing_or_unknown(tmp_path):
    with pytest.raises(MissingError, match="weights fetch caffenet"):
        run("verify", "caffenet")
    with pytest.raises(MissingError, match="which is not there"):
        run("verify", tmp_path / "none")
    (tmp_path / "some").write_bytes(b"x")
    with pytest.raises(InputError, match=r"say which network .*--backbone B"):
        run("verify", tmp_path / "some")


def test_verify_a_file(tmp_path, capsys):
    assert run("verify", store.locate("efficientnet_lite0")) == 0
    assert "the published efficientnet_lite0" in capsys.readouterr().out


def test_verify_refuses_a_published_name_with_other_bytes(tmp_path, monkeypatch):
    row = dataclasses.replace(
        table.get("efficientnet_lite0"), checksums=(Checksum("md5", "0" * 32),)
    )
    monkeypatch.setitem(table.WEIGHTS, row.name, row)
    with pytest.raises(WeightsError, match=r"is not the published .*expected a md5"):
        run("verify", "efficientnet_lite0")


def test_port_and_verify_the_port(tmp_path, capsys):
    out = tmp_path / "lite0.npz"
    source = store.locate("efficientnet_lite0")
    run("port", source, "--backbone", "efficientnet_lite0", "--out", out, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["source_sha256"] == SHA256
    assert facts["out_sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert facts["arrays"] == 247
    assert np.load(out)["classifier/bias"].shape == (1000,)
    with pytest.warns(KerasTransferWarning, match="none of the published"):
        assert run("verify", out, "--backbone", "efficientnet_lite0") == 0
    assert "not a published file, fits efficientnet_lite0" in capsys.readouterr().out


def test_port_says_what_was_taken_and_what_was_left_out(tmp_path, capsys):
    """What a training script keeps lies around the published weights' tensors."""
    source, out = tmp_path / "own.safetensors", tmp_path / "own.npz"
    tensors = torch_file.read_checkpoint(store.locate("efficientnet_lite0")).arrays
    trunk = {f"model.{n}": a for n, a in tensors.items() if not n.startswith("_fc")}
    safetensors.save_file(trunk | {"loss.weight": np.ones(3)}, source)
    arguments = ("port", source, "--backbone", "efficientnet_lite0", "--out", out)
    with pytest.warns(KerasTransferWarning, match="none of the published"):
        assert run(*arguments) == 0
    first, *remarks = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{out}\t245 arrays")
    assert remarks == [
        "'_conv_stem.weight' is called 'model._conv_stem.weight'.",
        "Blocks 1-7 were taken; it has no classifier of one layer, so recipes have to "
        "re-draw block 8 (R8).",
        "Left out: loss.weight.",
    ]
    provenance = json.loads(zipfile.ZipFile(out).read("provenance.json"))
    assert provenance["remarks"][-1] == "left out: loss.weight"
    with pytest.warns(KerasTransferWarning, match="none of the published"):
        run("verify", out, "--backbone", "efficientnet_lite0", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["arrays"], report["source_classes"]) == (245, None)


def test_port_refuses_another_ending(tmp_path):
    source = store.locate("efficientnet_lite0")
    with pytest.raises(InputError, match=r"--out to end in '\.npz', got '.*lite0\.h5'"):
        run("port", source, "--backbone", "efficientnet_lite0", "--out",
            tmp_path / "lite0.h5")  # fmt: skip


def test_the_tool_is_the_command(tmp_path):
    tool = [sys.executable, ROOT / "tools" / "port_weights.py"]
    source, out = store.locate("efficientnet_lite0"), tmp_path / "a.npz"
    good = [*tool, source, "--backbone", "efficientnet_lite0", "--out", out]
    done = subprocess.run(good, capture_output=True, text=True, check=True)
    assert done.stdout == f"{out}\t247 arrays, 4,694,024 numbers\n"
    done = subprocess.run(
        [*tool, source, "--backbone", "alexnet", "--out", out],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "of format 'torch'" in done.stderr
