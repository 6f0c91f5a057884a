"""Killed at any moment, a run goes on as if nothing had happened."""

import hashlib
import json
import random
import shutil
import signal
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import small_run
from helpers.disks import small_disk
from helpers.warm import WarmProcess

# Two phases, a cached prefix, moving statistics, dropout, patience: all the state.
RECIPE = "F1-3FT4-7R8+FT1-4R5-8"
SETTINGS = ("epochs=(8,3)", "patience=(7,0)", "warmup=0.1", "clip_norm=1.0")


def start(data, out, *arguments, settings=SETTINGS):
    given = (*settings, "--out", out, *arguments)
    return WarmProcess(small_run.__file__, data, RECIPE, *given)


def finish(data, out, *arguments, settings=SETTINGS):
    """Let a run come to its end; it is not killed, and writes few checkpoints."""
    process = start(data, out, "--every", "1e9", *arguments, settings=settings)
    _, told = process.communicate(timeout=300)
    return process.returncode, told


def run_folder(out):
    (folder,) = (out / "runs").iterdir()
    return folder


def weights(folder):
    found = {}
    with h5py.File(next(iter(sorted(folder.glob("checkpoints/phase2*"))))) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    assert len(found) > 10
    return found


def assert_same(ours, theirs):
    """The same weights to the bit, the same metrics, the same result."""
    mine, other = weights(ours), weights(theirs)
    assert mine.keys() == other.keys()
    for name in mine:
        np.testing.assert_array_equal(mine[name], other[name], err_msg=name)
    name = "metrics.jsonl"
    assert (ours / name).read_text() == (theirs / name).read_text()
    results = [json.loads((x / "result.json").read_text()) for x in (ours, theirs)]
    for result in results:
        for name in ("seconds", "training_seconds"):
            del result[name]
    assert results[0] == results[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    small_run.make_images(place / "images")
    return place


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    code, told = finish(data, out)
    assert code == 0, told
    return out


def wait_for(out, pattern):
    """Wait until there is such a file."""
    for _ in range(6000):
        if any(out.rglob(pattern)):
            return
        time.sleep(0.005)
    raise AssertionError(f"no {pattern}")


def kill_until_done(data, out, kills, seed):
    """Kill a run while it fills its cache, while it writes, and at random moments.

    Return how often it was killed, and what it said when it was done.
    """
    rng = random.Random(seed)
    killed = 0
    while True:
        process = start(data, out)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        if killed == 0:
            wait_for(out, "*.rows.npy")
        elif killed == 1:
            wait_for(out, "checkpoints/.part-*")
        if killed < kills:
            time.sleep(0 if killed < 2 else rng.uniform(0.3, 3.0))
            process.kill()
        _, told = process.communicate(timeout=300)
        if process.returncode == 0:
            return killed, told
        assert process.returncode == -signal.SIGKILL, told
        killed += 1


def check_killed(data, out, whole, kills, seed):
    killed, told = kill_until_done(data, out, kills, seed)
    assert killed >= min(2, kills)
    assert "Going on in phase" in told
    folder = run_folder(out)
    assert_same(folder, run_folder(whole))
    assert not list(folder.rglob(".part-*"))
    assert not list(folder.rglob("*.npz"))  # of no use any more


def test_a_run_that_was_killed_ends_like_one_that_was_not(data, tmp_path, whole):
    check_killed(data, tmp_path, whole, kills=3, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_that_was_killed_again_and_again(data, tmp_path, whole, seed):
    check_killed(data, tmp_path, whole, kills=4, seed=seed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_a_checkpoint_from_which_the_run_goes_on(
    data, tmp_path, whole, number
):
    process = start(data, tmp_path, "--every", "1e9")
    assert process.stdout.readline() == "ready\n"
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "stopping after this step" in told and "Stopped; the same command" in told
    folder = run_folder(tmp_path)
    assert list(folder.glob("checkpoints/state-*.npz"))
    assert not (folder / "result.json").exists()
    code, told = finish(data, tmp_path)
    assert code == 0 and "Going on in phase 1 after" in told
    assert_same(folder, run_folder(whole))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_in_half_precision_a_run_goes_on_as_if_nothing_had_happened(
    data, tmp_path, precision
):
    settings = (*SETTINGS, f"precision='{precision}'")
    code, told = finish(data, tmp_path / "whole", settings=settings)
    assert code == 0, told
    process = start(data, tmp_path / "cut", "--every", "1e9", settings=settings)
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    code, told = finish(data, tmp_path / "cut", settings=settings)
    assert code == 0 and "Going on in phase 1 after" in told
    assert f"compute in {precision}" in told
    assert_same(run_folder(tmp_path / "cut"), run_folder(tmp_path / "whole"))


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A run that was told to end in its first phase, with several checkpoints."""
    out = tmp_path_factory.mktemp("stopped")
    process = start(data, out, "--every", "0")
    for line in process.stderr:
        if line.startswith("epoch 5/"):
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    return out


@pytest.fixture
def again(stopped, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(stopped, tmp_path / "again"))


def states(out):
    return sorted(run_folder(out).glob("checkpoints/state-*.npz"))


def test_two_checkpoints_are_kept_and_the_best(stopped):
    assert len(states(stopped)) == 2
    assert 1 <= len(list(run_folder(stopped).glob("checkpoints/best-*.npz"))) <= 2


@pytest.mark.parametrize(
    "damage",
    [
        "flip",
        pytest.param("cut", marks=pytest.mark.slow),
        pytest.param("empty", marks=pytest.mark.slow),
        "best",
    ],
)
def test_a_damaged_checkpoint_is_found_and_the_one_before_it_used(
    data, again, whole, damage
):
    newest = states(again)[-1]
    if damage == "best":
        newest = sorted(newest.parent.glob("best-*.npz"))[-1]
    content = bytearray(newest.read_bytes())
    if damage in ("flip", "best"):
        with zipfile.ZipFile(newest) as file:
            content[file.start_dir - 1] ^= 1  # the last byte of the last array
    else:
        del content[0 if damage == "empty" else len(content) // 2 :]
    newest.write_bytes(content)
    code, told = finish(data, again)
    assert code == 0, told
    assert "damaged" in told
    assert_same(run_folder(again), run_folder(whole))


def rewrite_facts(path, change):
    arrays = dict(np.load(path))
    facts = json.loads(str(arrays.pop("facts")))
    change(facts)
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    stem = path.stem.rsplit("-", 1)[0]
    path.rename(path.with_name(f"{stem}-{digest}.npz"))


def test_another_format_is_refused_and_restart_begins_anew(data, again, whole):
    for path in states(again):
        rewrite_facts(path, lambda facts: facts.update(format=99))
    code, told = finish(data, again)
    assert code == 1
    assert "checkpoint of format 3" in told and "got 99" in told
    code, told = finish(data, again, "--restart")
    assert code == 0, told
    assert_same(run_folder(again), run_folder(whole))


def test_another_release_is_warned_of(data, again, whole):
    for path in states(again):
        rewrite_facts(path, lambda facts: facts["versions"].update(keras="2.1"))
    code, told = finish(data, again)
    assert code == 0 and "keras 2.1 then" in told
    assert_same(run_folder(again), run_folder(whole))


def test_other_records_are_noticed_and_refused(data, again):
    first = next((data / "images" / "dark").iterdir())
    another = first.with_name("another.png")
    shutil.copy(first, another)
    try:
        code, told = finish(data, again)
        assert code == 1
        assert "was begun in" in told and "with other records" in told
        code, told = finish(data, again, "--restart")
        assert code == 0, told
        assert len(list((again / "runs").iterdir())) == 2
    finally:
        another.unlink()


def test_a_time_limit_ends_with_the_best_so_far_and_can_be_raised(
    data, tmp_path, whole
):
    code, told = finish(data, tmp_path, "--time-limit", "0.5")
    assert code == 0, told
    folder = run_folder(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert result["stopped"] == "time limit"
    assert result["phases"][-1]["stopped"] == "time limit"
    assert "Time is up in phase" in told
    assert 0.5 <= result["training_seconds"] < 60
    assert (folder / "model.keras").exists()
    code, told = finish(data, tmp_path)
    assert code == 0 and "Going on in phase" in told
    assert_same(folder, run_folder(whole))


def test_a_full_disk_leaves_the_last_good_checkpoint(data, again, whole):
    folder = run_folder(again) / "checkpoints"
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.mkdir()
    size = sum(path.stat().st_size for path in kept.iterdir()) + 2**14
    with small_disk(folder, size):
        for path in kept.iterdir():
            shutil.copy(path, folder)
        process = start(data, again, "--every", "0")
        for line in process.stderr:
            if "No checkpoint could be written" in line:
                break
        process.kill()
        process.communicate()
        left = {path.name for path in folder.glob("*.npz")}
        assert any(name.startswith("state-") for name in left)
        shutil.rmtree(kept)
        shutil.copytree(folder, kept)
    folder.rmdir()
    kept.rename(folder)
    code, told = finish(data, again)
    assert code == 0 and "Going on" in told
    assert_same(run_folder(again), run_folder(whole))
