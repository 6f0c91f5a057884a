"""Every AlexNet goes the whole way: train, evaluate, export, predict.

The source's weights are drawn at random, for no package holds the published files: this
shows that the path works, not that it is accurate.
"""

import json

import numpy as np
import pytest
from helpers import caffe_encoder
from PIL import Image
from sklearn.datasets import load_digits

from kerastransfer import cli
from kerastransfer.backbones import table
from kerastransfer.weights import port_file


@pytest.mark.slow
@pytest.mark.parametrize("name", ["caffenet", "alexnet_owt", "alexnet"])
def test_an_alexnet_goes_the_whole_way(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    network = table.get(name).build(1000, seed=1)
    weights = {k: v for n in range(1, 9) for k, v in network.snapshot(n).items()}
    source = tmp_path / "random.npz"
    port_file.save_npz(weights, source, {"source": "drawn at random"})
    command = (
        f"train --dataset digits --images-per-class 2 --backbone {name} --epochs 1"
    )
    command += f" --recipe F1-5FT6-7R8 --weights {source} --runs {tmp_path / 'runs'}"
    if name == "caffenet":
        mean = np.random.default_rng(0).uniform(90, 130, (3, 256, 256))
        file = tmp_path / "mean.binaryproto"
        file.write_bytes(caffe_encoder.blob(mean[np.newaxis], version=1))
        command += f" --mean-image {file}"
    assert cli.main([*command.split(), "--json"]) == 0
    printed = capsys.readouterr()
    assert "is none of the published weights" in printed.err
    result = json.loads(printed.out)
    assert result["backbone"] == name
    assert result["test"]["accuracy"]["n"] == 500
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "mean_image.npy").exists() == (name == "caffenet")

    assert cli.main(["evaluate", str(run), "--split", "val", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["val"]
    assert again["confusion_matrix"] == result["val"]["confusion_matrix"]

    assert cli.main(["export", str(run), "--out", str(tmp_path / "exported")]) == 0
    words = ["export", str(run), "--out", str(tmp_path / "bundle"), "--samples", "20"]
    assert cli.main([*words, "--format", "saved_model,litert,onnx"]) == 0
    told = json.loads((tmp_path / "bundle" / "certificate.json").read_text())
    assert [each["agreement"]["value"] for each in told["formats"]] == [1, 1, 1]
    assert all(each["greatest"] < 1e-3 for each in told["formats"])
    assert told["files"]["agreement"]["value"] == 1
    capsys.readouterr()
    pixels = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "zero.png")
    for model in (run, tmp_path / "exported"):
        assert cli.main(["predict", str(model), str(tmp_path / "zero.png")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.startswith(f"{tmp_path / 'zero.png'}\t")
