"""Runs, features and distances are the same whatever the user has set in Keras."""

import json
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from helpers.small_home import small_home

import kerastransfer as kt
from kerastransfer.foundation.keras_settings import KerasSettings

pytestmark = pytest.mark.slow

SETTINGS = {
    "half": {"policy": "mixed_float16", "floatx": "float16", "epsilon": 1e-3},
    "first": {"policy": "float64", "image_data_format": "channels_first"},
    "capped": {"floatx": "float64", "max_epochs": 1, "max_steps": 1},
}


def answers(place, out):
    """Train, and ask the run and the images everything that builds a network."""
    images = f"folder:{place / 'images'}"
    run = kt.train(images, "R1-8", backbone="miniature", epochs=(2,), runs=out)
    files = sorted((place / "images").glob("*/00.png"))
    exported = run.export(out / "exported")
    told = [
        *run.predict(files, top=3),
        *kt.predict(exported, files, top=3),
    ]
    features = kt.features(images, out=out / "f.npz", split="test")
    distance = kt.distance(images, metrics=("cosine",), max_images=12)
    network = run.network()
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    return {
        "log": (run.folder / "metrics.jsonl").read_text(encoding="utf-8"),
        "test": run.test.as_dict(),
        "again": run.evaluate("test").as_dict(),
        "told": [prediction.probabilities.tolist() for prediction in told],
        "weights": [weight.numpy().tolist() for weight in network.weights],
        "features": np.array(features.features).tolist(),
        "distance": re.sub(r"; [\d.]+ s$", "", str(distance), flags=re.MULTILINE),
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with small_home(tmp_path_factory.mktemp("keras")) as place:
        yield place


@pytest.fixture(scope="module")
def plain(place):
    return answers(place, place / "plain")


@pytest.mark.parametrize("name", SETTINGS)
def test_calls_give_the_same_bits(place, plain, name, monkeypatch):
    chosen = dict(SETTINGS[name])
    if "policy" in chosen:
        chosen["policy"] = keras.DTypePolicy(chosen["policy"])
    theirs, before = KerasSettings(**chosen), KerasSettings.current()
    # Nothing may come from the caches of the other.
    records = place / "home" / "records"
    monkeypatch.setenv("KERASTRANSFER_HOME", str(place / f"home_{name}"))
    (place / f"home_{name}").mkdir()
    (place / f"home_{name}" / "records").symlink_to(records)
    theirs.apply()
    try:
        assert answers(place, place / name) == plain
        assert KerasSettings.current() == theirs
    finally:
        before.apply()


def train(place, out, **variables):
    words = "train --dataset digits --recipe F1-6FT7R8 --images-per-class 2 --epochs 1"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "kerastransfer", *words.split()),
            *("--views", "1", "--no-probe", "--no-export", "--runs", str(out)),
        ],
        env={**os.environ, "KERASTRANSFER_HOME": str(place / "home"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (folder,) = out.iterdir()
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    log = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return result["test"], result["val"], log, ended.stderr


def test_the_command_trains_the_same_run_under_any_file_and_variables(place):
    keras_home = place / "keras_home"
    keras_home.mkdir()
    odd = {
        "backend": "jax",
        "floatx": "float16",
        "epsilon": 0.1,
        "image_data_format": "channels_first",
    }
    (keras_home / "keras.json").write_text(json.dumps(odd), encoding="utf-8")
    *plain, _ = train(place, place / "usual", KERAS_HOME=str(place / "no_file"))
    *same, told = train(
        place,
        place / "odd",
        KERAS_HOME=str(keras_home),
        KERAS_BACKEND="torch",
        KERAS_MAX_EPOCHS="1",
        TF_USE_LEGACY_KERAS="1",
    )
    assert same == plain
    assert "Traceback" not in told
    assert told.count("KERAS_BACKEND is 'torch', which kerastransfer cannot use") == 1
