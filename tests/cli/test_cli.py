"""The command line before TensorFlow: help, usage, messages, dry runs."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kerastransfer import cli
from kerastransfer.backbones.default import WORDS, default_backbone
from kerastransfer.runs.sources import find
from kerastransfer.tuning.start import Search

LITE0 = ["--backbone", "efficientnet_lite0"]
RESNET = ["--backbone", "resnet50", "--dry-run"]  # whose weights are not here
REDRAWN = ["train", "--dataset", "digits", "--recipe", "R1-8", *LITE0]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run in a fresh interpreter that says at the end whether TensorFlow came in."""
    code = (
        "import sys\n"
        "from kerastransfer import cli\n"
        "try:\n"
        "    code = cli.main(sys.argv[1:])\n"
        "except SystemExit as stop:\n"
        "    code = stop.code\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy), file=sys.stderr)\n"
        "raise SystemExit(code)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["train", "--help"], 0),
        (["--version"], 0),
        (["trian"], 2),
        (["train", "--dataset", "digits", "--recip", "F1-7R8"], 2),
        (["train", "--dataset", "digits", "--recipe", "F1-7R9", *LITE0], 1),
        (
            ["train", "--dataset", "digits", "--recipe", "F1-7R8", *LITE0, "--dry-run"],
            0,
        ),
        (["recipes", "explain", "F1-7R8", "--backbone", "resnet50"], 0),
        (["train", "--dataset", "digits", "--recipe", "F1-7R8", *RESNET], 0),
        (["recipes", "explain", "F1-7R8", *LITE0], 0),
        (["datasets"], 0),
        (["weights", "list"], 0),
        (["predict", "nowhere", "a.jpg"], 1),
        (["evaluate", "nowhere"], 1),
        (["tune", "--help"], 0),
        (["tune", "--dataset", "digits", "--tuner", "grid"], 2),
        (["tune", "--dataset", "digits", "--trials", "3", *LITE0], 1),
        (["tune", "--dataset", "digit", *LITE0], 1),
        (["tune", "--dataset", "digits", "--views", "3", *LITE0], 1),
        (["tune", "--dataset", "digits", "--views", "10", *LITE0], 1),
        (["tune", "--dataset", "digits", "--epochs", "1,2,3", *LITE0], 1),
        (["tune", "--dataset", "digits", "--seed", "-1", *LITE0], 1),
        ([*REDRAWN, "--views", "3"], 1),
        ([*REDRAWN, "--views", "10"], 1),
        ([*REDRAWN, "--views", "10", "--mirror", "yes", "--dry-run"], 0),
        ([*REDRAWN, "--epochs", "0"], 1),
        ([*REDRAWN, "--preset", "cafe"], 1),
        ([*REDRAWN, "--seed", "4294967296"], 1),
        (["export", "nowhere", "--out", "x"], 1),
    ],
)
def test_nothing_that_needs_no_tensorflow_imports_it(arguments, code):
    done = run_apart(*arguments)
    assert done.returncode == code, done.stderr
    assert "heavy: []" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "--dataset", "digits", "--recipe", "FT1-5R4-8"],
            "expected block 6 next, but 'R4-8' names block 4 again.",
        ),
        (
            ["train", "--dataset", "digits", "--recipe", "FT1-3R8"],
            "expected block 4 next, but 'R8' leaves out blocks 4-7.",
        ),
        (
            ["train", "--dataset", "digit", "--recipe", "F1-7R8", *LITE0],
            "Did you mean 'digits'?",
        ),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--recipe",
                "F1-7R8",
                "--backbone",
                "alex",
            ],
            "Did you mean 'alexnet'?",
        ),
        (
            ["train", "--dataset", "cub200", "--recipe", "F1-3R4-8"],
            "kerastransfer weights fetch alexnet",
        ),
        (
            ["train", "--dataset", "digits", "--recipe", "FT1-8", *LITE0, "--dry-run"],
            "with 1,000 classes, but the target has 10; re-draw it",
        ),
        (
            ["train", "--dataset", "digits", "--recipe", "F1-8", *LITE0, "--dry-run"],
            "freezes every block in one phase",
        ),
        (["train", "--recipe", "F1-7R8"], "Expected --dataset or a --config FILE"),
        (["train", "--dataset", "digits"], "Expected --recipe or a --config FILE"),
        (["train", "--config", "nowhere.json"], "Expected a config file"),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--recipe",
                "F1-7R8",
                *LITE0,
                "--dry-run",
                "--images-per-class",
                "5000",
            ],
            "Expected --images-per-class from 1 to",
        ),
        (["predict", "nowhere", "a.jpg"], "Expected a run or a SavedModel, got"),
        (["predict", ".", "a.jpg", "--top", "0"], "Expected --top > 0, got 0."),
        (["evaluate", "nowhere"], "Expected a finished run in 'nowhere'"),
        (["tune", "--recipes", "F1-7R8"], "Expected --dataset"),
        (
            ["tune", "--dataset", "digits", "--recipes", "F1-7R8,F1-7R9"],
            "Recipe 'F1-7R9': expected a block number",
        ),
        (
            ["tune", "--dataset", "digits", "--trials", "5", *LITE0],
            "Expected --trials of 6 or more, got 5; --tuner bayesian",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line(arguments, message, capsys):
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("kerastransfer: error: ")
    assert message in error
    assert "\n" not in error


def test_a_dry_run_says_what_would_be_done(capsys):
    arguments = ["train", "--dataset", "digits", "--recipe", "F1-7R8+FT1-8", *LITE0]
    assert cli.main([*arguments, "--images-per-class", "50", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("digits: 500 training images of 10 classes, 100 for")
    assert lines[1].startswith("F1-7R8: 125 epochs, 2,000 steps at a rate of 0.002")
    assert "12,810 of 3,383,818 parameters trained" in lines[1]
    assert lines[9].split()[:3] == ["8", "R", "12,810"]
    # 500 images and 100 for validation, 1,280 numbers of four bytes each
    assert "blocks 1-7 frozen: 600 crops once, a cache of 3.1 MB" in lines[10]
    assert lines[11].startswith("FT1-8: 13 epochs")
    assert "nothing to cache" in lines[20]


def test_a_dry_run_knows_views_and_precision(capsys):
    arguments = ["train", "--dataset", "digits", "--recipe", "F1-3FT4-7R8", *LITE0]
    arguments += ["--images-per-class", "1", "--views", "5", "--dry-run"]
    assert cli.main([*arguments, "--cache-dtype", "float16", "--cache", "on"]) == 0
    # 10 images in five views and 100 for validation, 28 x 28 x 40 numbers of two bytes
    assert "150 crops once, a cache of 9.4 MB\n" in capsys.readouterr().out
    assert cli.main([*arguments, "--cache", "off"]) == 0
    assert "blocks 1-3 frozen, computed anew" in capsys.readouterr().out


def test_a_config_file_serves_and_flags_win(tmp_path, capsys):
    path = tmp_path / "config.json"
    fields = {"dataset": "digits", "recipe": "F1-7R8", "backbone": "efficientnet_lite0"}
    path.write_text(json.dumps({**fields, "images_per_class": 5}))
    assert cli.main(["train", "--config", str(path), "--dry-run"]) == 0
    assert "50 training images" in capsys.readouterr().out
    flags = ["--images-per-class", "7", "--dry-run"]
    assert cli.main(["train", "--config", str(path), *flags]) == 0
    assert "70 training images" in capsys.readouterr().out


def test_explain_as_json(capsys):
    assert cli.main(["recipes", "explain", "F1-3FT4-7@0.1R8", *LITE0, "--json"]) == 0
    (rows,) = json.loads(capsys.readouterr().out)
    assert [row["action"] for row in rows] == (
        ["freeze"] * 3 + ["fine-tune"] * 4 + ["re-draw"]
    )
    assert rows[3]["factor"] == 0.1
    assert rows[7]["parameters_trained"] == 1281 * 1000
    assert rows[0]["factor"] is None
    assert [row["learning_rate"] for row in rows] == pytest.approx(
        [None] * 3 + [1e-5] * 4 + [1e-4]
    )


def test_explain_says_the_defaults_and_where_they_are_from(capsys):
    assert cli.main(["recipes", "explain", "FT1-7R8", *LITE0]) == 0
    out = capsys.readouterr().out
    assert "--preset default, for a network that is no transformer" in out
    assert "weight decay 0.01, which spares biases and norms." in out
    assert "docs/studies/modern" in out
    assert cli.main(["recipes", "explain", "R1-8", *LITE0, "--preset", "caffe"]) == 0
    out = capsys.readouterr().out
    assert "Re-drawn blocks learn 10 times as fast" in out
    assert re.search(r"^ 8 +re-draw +1 +0\.01 ", out, re.MULTILINE)


def test_a_search_is_not_shared_through_tf_config(monkeypatch, capsys):
    told = {
        "cluster": {"worker": ["a:1", "b:1"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(told))
    assert cli.main(["tune", "--dataset", "digits", *LITE0]) == 1
    error = capsys.readouterr().err.strip()
    assert "no TF_CONFIG of several processes" in error and "\n" not in error


def test_the_command_that_trains_the_best_can_be_pasted():
    search = Search(
        trials=(),
        folder=Path("my search"),
        sources=(("--archives", "my files"), ("--weights", "it's.npz")),
    )
    assert shlex.split(search.command) == [
        *("kerastransfer", "train", "--config", "my search/best.json"),
        *("--archives", "my files", "--weights", "it's.npz"),
    ]


@pytest.mark.parametrize(
    ("dataset", "backbone"),
    [("digits", "efficientnet_lite0"), ("cub200", "alexnet"), ("coral", "alexnet")],
)
def test_every_command_has_the_same_default_backbone(dataset, backbone):
    assert default_backbone(dataset) == backbone
    sources = find({"recipe": "R1-8", "dataset": dataset})
    assert sources.backbone.name == backbone
    for name in ("train", "tune", "inspect", "features", "distance"):
        parser = argparse.ArgumentParser()
        cli.command_module(name).add_arguments(parser)
        assert WORDS in " ".join(parser.format_help().split()), name


@pytest.mark.parametrize(
    "line",
    [line for name in cli.COMMANDS for line in cli.command_module(name).EXAMPLES],
)
def test_the_examples_of_a_command_are_read(line):
    program, *arguments = shlex.split(line)
    assert program == "kerastransfer"
    assert cli.parse(arguments).command == arguments[0]


def test_a_slip_is_answered_with_the_usage_of_its_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.parse(["inspect", "--dataset", "digits", "digits"])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("usage: kerastransfer inspect")
    assert "unrecognized arguments: --dataset" in message
