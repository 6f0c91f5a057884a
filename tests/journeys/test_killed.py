"""Real weights on real images: killed runs, and caches of half precision."""

import json
import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import program
from helpers.warm import WarmProcess

from kerastransfer.evaluation.intervals import wilson

pytestmark = pytest.mark.slow
COMMAND = "train --dataset digits --backbone efficientnet_lite0 --images-per-class 10"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Records and caches, shared by the runs of this file."""
    return tmp_path_factory.mktemp("home")


def start(home, runs, options):
    options += f" --runs {runs} --no-export --no-probe --json"
    return WarmProcess(
        Path(program.__file__),
        *COMMAND.split(),
        *options.split(),
        env={**os.environ, "KERASTRANSFER_HOME": str(home)},
    )


def finish(process):
    out, told = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return json.loads(out)


def left(runs):
    """Everything that two runs of the same command must agree in."""
    (run,) = runs.iterdir()
    weights = {}
    with h5py.File(run / "checkpoints" / "phase2.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                weights.update({name: np.asarray(item)})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return weights, (run / "metrics.jsonl").read_text()


def test_a_killed_run_ends_with_the_same_bits(home, tmp_path):
    options = "--recipe F1-7R8+F1-5FT6-8 --epochs 6,2 --checkpoint-every 0.5"
    finish(start(home, tmp_path / "whole", options))
    kills = 0
    while True:
        process = start(home, tmp_path / "killed", options)
        for line in process.stderr:
            if line.startswith(("Phase 1", "Phase 2")) and kills < 3:
                time.sleep(0.5 + kills)
                process.kill()
                kills += 1
                break
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert kills == 3
    weights, metrics = left(tmp_path / "whole")
    again, metrics_again = left(tmp_path / "killed")
    assert metrics == metrics_again
    assert weights.keys() == again.keys() and len(weights) > 100
    for name, value in weights.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


def test_a_cache_of_half_precision_is_as_accurate_within_its_interval(home, tmp_path):
    results = {
        dtype: finish(
            start(home, tmp_path, f"--recipe F1-7R8 --epochs 60 --cache-dtype {dtype}")
        )
        for dtype in ("float32", "float16")
    }
    full, half = (results[x]["test"]["accuracy"] for x in ("float32", "float16"))
    assert full["low"] <= half["value"] <= full["high"]
    # The interval is that of 500 test images, and the run is no guess.
    right = round(full["value"] * full["n"])
    assert full["low"] == wilson(right, full["n"]).low
    assert full["value"] > 0.5
    assert results["float16"]["config_hash"] != results["float32"]["config_hash"]
    assert all(x["phases"][0]["cached"] for x in results.values())
