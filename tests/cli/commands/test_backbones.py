import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerastransfer import cli
from kerastransfer.backbones import table
from kerastransfer.cli import options
from kerastransfer.cli.commands import backbones

ROOT = Path(__file__).parents[3]


def run(*arguments):
    parser = argparse.ArgumentParser()
    backbones.add_arguments(parser)
    return backbones.execute(parser.parse_args(arguments))


def test_list(capsys):
    assert run("list", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert [*rows] == [*table.BACKBONES]
    lite = rows["efficientnet_lite0"]
    assert (lite["at_hand"], lite["top1"], lite["input"]) == (True, 0.751, 224)
    # As others count them: 4.09 G with the additions of shortcuts and pooling.
    assert 3.8e9 < rows["resnet50"]["multiply_adds"] < 4.1e9
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(table.BACKBONES)


def test_explain_says_where_weights_would_be(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert run("explain", "resnet50") == 0
    told = capsys.readouterr().out
    file = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    assert "block 1  to pool1_pool" in told
    assert f"downloaded to {tmp_path / 'models' / file} when it is first used" in told
    assert "ImageNet top-1 74.9% (https://keras.io/api/applications)" in told
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file).write_bytes(b"x")
    assert run("explain", "resnet50", "--json") == 0
    (weights,) = json.loads(capsys.readouterr().out)["weights"]
    assert weights["at_hand"] and weights["licence"] == "MIT"


@pytest.mark.parametrize("verb", [["list"], ["explain", "convnexttiny"]])
def test_it_needs_no_tensorflow(verb):
    code = (
        "import sys\nfrom kerastransfer import cli\n"
        f"assert cli.main(['backbones', *{verb!r}]) == 0\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_table_in_the_readme_is_that_of_the_command(capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    run("list", "--json")
    for row in json.loads(capsys.readouterr().out):
        cells = (
            f"`{row['name']}`",
            str(row["input"]),
            f"{row['parameters'] / 1e6:.1f} M",
            f"{row['multiply_adds'] / 1e9:.2f} G",
            f"{row['top1']:.1%}",
            row["licence"].split(" (")[0],
        )
        assert "| " + " | ".join(cells) + " |" in readme, row["name"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cuts", "a,b"], "beside --backbone keras:FILE.keras"),
        (["--image-size", "9999"], "a side of 32 to 1024 pixels, got '9999'"),
    ],
)
def test_ways_that_a_network_cannot_be_taken(flags, message, capsys):
    train = ["train", "--dataset", "digits", "--recipe", "F1-7R8", "--dry-run"]
    assert cli.main([*train, "--backbone", "efficientnet_lite0", *flags]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "tune", "advise", "distance", "features"])
def test_images_of_another_size(command):
    words = {"distance": ["--target", "digits"], "features": ["--out", "f.npz"]}
    flags = ["--backbone", "efficientnet_lite0", "--image-size", "96"]
    dataset = [] if command == "distance" else ["--dataset", "digits"]
    args = cli.parse([command, *dataset, *words.get(command, []), *flags])
    options.settle_network(args)
    assert args.backbone == "efficientnet_lite0@96"
    assert table.get(args.backbone).preprocessing.crop == 96
