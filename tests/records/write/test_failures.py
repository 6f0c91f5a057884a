"""Conversions that go wrong: killed at any moment, on a full disk."""

import contextlib
import random
import subprocess
import time
import warnings
from pathlib import Path

import pytest
from helpers.miniature_archives import MINIATURES
from helpers.warm import WarmProcess

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.reader import open_records
from kerastransfer.records.write import spool
from kerastransfer.records.write.convert import convert

CONVERT = """
import sys, warnings
from pathlib import Path
from kerastransfer.datasets.table import resolve
from kerastransfer.records import workers
from kerastransfer.records.write import spool
from kerastransfer.records.write.convert import convert

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    workers.FEW = 0
    dataset = resolve("sun397", Path(sys.argv[1]))
    convert(dataset, Path(sys.argv[2]), max_per_class=2, workers=2)
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    return MINIATURES["sun397"](tmp_path_factory.mktemp("sun397")).folder


def start(archives, out, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(CONVERT)
    return WarmProcess(script, archives, out)


def finish(archives, out):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_records(convert(resolve("sun397", archives), out, max_per_class=2))


@pytest.fixture(scope="module")
def undisturbed(archives, tmp_path_factory):
    """The records of a run that nobody killed, and how long one takes."""
    tmp_path = tmp_path_factory.mktemp("undisturbed")
    for name in ("first", "second"):  # the first may have to wait for the server
        begin = time.monotonic()
        assert start(archives, tmp_path / name, tmp_path).wait() == 0
    seconds = time.monotonic() - begin
    return open_records(tmp_path / "second" / "sun397" / "1.0.0"), seconds


def kill_at(moment, archives, out, tmp_path):
    """Kill a run after some seconds, unless it has ended before."""
    with contextlib.suppress(TimeoutError):
        start(archives, out, tmp_path).wait(moment)


def check_invisible(out):
    """Nothing but what begins with a dot may be there, or the whole dataset."""
    seen = [path for path in out.iterdir() if not path.name.startswith(".")]
    if seen:  # it was killed after its work
        open_records(out / "sun397" / "1.0.0")
    else:
        with pytest.raises(MissingError, match="Expected records in"):
            open_records(out / "sun397" / "1.0.0")


def killed_and_begun_again(seed, archives, undisturbed, tmp_path):
    records, seconds = undisturbed
    out = tmp_path / "out"
    out.mkdir()
    for _ in range(2):
        moment = random.Random(seed).uniform(0.2, 1.0) * seconds
        kill_at(moment, archives, out, tmp_path)
        check_invisible(out)
        seed += 100
    again = finish(archives, out)
    assert again.content_hash == records.content_hash
    assert sorted(path.name for path in out.iterdir()) == [".sun397.lock", "sun397"]


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_moments_it_begins_anew(seed, archives, undisturbed, tmp_path):
    killed_and_begun_again(seed, archives, undisturbed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_killed_at_many_moments_it_begins_anew(seed, archives, undisturbed, tmp_path):
    killed_and_begun_again(seed, archives, undisturbed, tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a given size; only root may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = []

    def mount(size):
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


# The images take about 160 kB, TFDS's own temporary files and records twice as much.
@pytest.mark.parametrize("size", ["64k", "200k", "300k"])
def test_a_full_disk_is_told_and_leaves_nothing(
    size, small_disk, archives, monkeypatch
):
    monkeypatch.setattr(spool, "_IN_MEMORY", 0)
    monkeypatch.setattr(spool, "_BUFFER", 0)
    disk = small_disk(size)
    with pytest.raises(DataError, match=r"No space is left where .* free some, or"):
        finish(archives, disk)
    assert [path.name for path in disk.iterdir()] == [".sun397.lock"]


def test_a_full_disk_keeps_the_records_that_are_there(small_disk, tmp_path):
    disk, root = small_disk("400k"), tmp_path / "own"
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)

    def photographs(count, side):
        for name in ("a", "b"):
            (root / name).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                noise = rng.integers(0, 256, (side, side, 3), np.uint8)
                Image.fromarray(noise).save(root / name / f"{i}.png")

    photographs(10, 20)
    dataset = resolve(f"folder:{root}")
    before = open_records(convert(dataset, disk)).content_hash
    photographs(40, 100)
    with (
        pytest.warns(KerasTransferWarning, match="have changed"),
        pytest.raises(DataError, match="No space is left"),
    ):
        convert(dataset, disk)
    assert open_records(disk / dataset.name / "1.0.0").content_hash == before
    assert not list(Path(disk).glob(".*.incomplete"))
