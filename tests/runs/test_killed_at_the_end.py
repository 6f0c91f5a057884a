"""A run that is killed as it writes its last files ends like one that was not."""

import json
import re
import signal
import zipfile

import h5py
import numpy as np
import pytest
from helpers import killed_run, small_run
from helpers.warm import WarmProcess


def train(place, out, *last):
    """Train in a process of its own; return its exit code."""
    environment = {"KERASTRANSFER_HOME": str(place / "home")}
    process = WarmProcess(killed_run.__file__, place, out, *last, env=environment)
    told = process.communicate(timeout=300)[1]
    assert process.returncode in (0, -signal.SIGKILL), told
    return process.returncode


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    small_run.make_images(place / "images")
    return place


@pytest.fixture(scope="module")
def undisturbed(place):
    assert train(place, place / "runs") == 0
    return contents(place / "runs")


def contents(runs):
    """Return the names of a run's files, its network, and what it measured."""
    (run,) = runs.iterdir()
    files = {path.relative_to(run).as_posix() for path in run.rglob("*")}
    with zipfile.ZipFile(run / "model.keras") as archive:
        # Objects that layers share are called by their addresses.
        config = re.sub(
            r'"shared_object_id": \d+', "", archive.read("config.json").decode()
        )
        with (
            archive.open("model.weights.h5") as file,
            h5py.File(file, "r") as weights,
        ):
            arrays = {}
            weights.visititems(
                lambda name, item: (
                    arrays.update({name: np.asarray(item).tolist()})
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
    result = json.loads((run / "result.json").read_text())
    measured = {name: result[name] for name in ("test", "val", "phases")}
    kept = {name for name in files if not name.startswith("tensorboard/")}
    return kept, config, arrays, measured


@pytest.mark.parametrize(
    "last",
    [
        "kerastransfer.runs.evaluation.classify",
        "tensorflow.saved_model.save",
        "kerastransfer.foundation.atomic.replace_folder",
    ],
)
def test_it_ends_like_one_that_was_not(place, undisturbed, tmp_path, last):
    assert train(place, tmp_path / "runs", last) == -signal.SIGKILL
    assert train(place, tmp_path / "runs") == 0
    assert contents(tmp_path / "runs") == undisturbed


def test_the_network_says_what_the_recipe_froze(undisturbed):
    _, config, arrays, _ = undisturbed
    said = re.findall(r'"name": "(block\d)", "trainable": (\w+)', config)
    assert said == [(f"block{n}", "false" if n <= 3 else "true") for n in range(1, 9)]
    assert len(arrays) > 8
