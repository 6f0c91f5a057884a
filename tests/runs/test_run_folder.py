"""Weights between phases, on disks of which HDF5 asks too much."""

import errno
import gc
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import miniature
from helpers.disks import UNABLE, small_disk

from kerastransfer.errors import InputError
from kerastransfer.foundation.formats.seal import FILE as SUMS
from kerastransfer.runs import run_folder


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Let HDF5 fail in a folder with an error number."""

    class File(h5py.File):
        def __init__(self, name, *arguments, **keywords):
            if number and Path(name).is_relative_to(folder):
                raise OSError(number[0], os.strerror(number[0]), str(name))
            super().__init__(name, *arguments, **keywords)

    number, folder = [], tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(h5py, "File", File)
    return folder, number.append


@pytest.mark.parametrize("number", UNABLE)
def test_weights_are_saved_and_read_where_nothing_can_be_locked(number, disk):
    folder, fail_with = disk
    fail_with(number)
    network = miniature.build(3, seed=4)
    run_folder.save_weights(folder, 1, network)
    assert [path.name for path in folder.iterdir()] == ["checkpoints"]
    sums, file = sorted((folder / "checkpoints").iterdir())
    other = miniature.build(3, seed=5)
    run_folder.load_weights(folder, 1, other)
    for ours, theirs in zip(
        network.whole().weights, other.whole().weights, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert file == run_folder.weights_path(folder, 1)
    assert sums.name == SUMS


def test_where_no_disk_has_locks_the_cure_is_said(tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(InputError, match="set HDF5_USE_FILE_LOCKING=FALSE, or TMPDIR"):
        run_folder.save_weights(tmp_path, 1, miniature.build(3, seed=4))
    assert list(tmp_path.rglob("*.h5")) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_other_failures_are_told(number, disk):
    folder, fail_with = disk
    network = miniature.build(3, seed=4)
    run_folder.save_weights(folder, 1, network)
    fail_with(number)
    with pytest.raises(OSError, match=os.strerror(number)):
        run_folder.save_weights(folder, 2, network)
    with pytest.raises(OSError, match=os.strerror(number)):
        run_folder.load_weights(folder, 1, network)
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        SUMS,
        run_folder.weights_path(folder, 1).name,
    ]


@pytest.mark.parametrize("part", [0.1, 0.6, 0.99])
def test_a_full_disk_is_told_of_before_hdf5_meets_it(part, tmp_path, capfd):
    """HDF5 would print what it meets once more as its file is closed."""
    network = miniature.build(3, seed=4)
    run_folder.save_weights(tmp_path / "room", 1, network)
    size = run_folder.weights_path(tmp_path / "room", 1).stat().st_size
    assert size <= run_folder.file_size(network) < size + 2**18
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", int(part * size)):
        with pytest.raises(OSError) as caught:
            run_folder.save_weights(tmp_path / "disk", 1, network)
        assert caught.value.errno == errno.ENOSPC
        assert list((tmp_path / "disk" / "checkpoints").iterdir()) == []
    del caught
    gc.collect()
    assert capfd.readouterr().err == ""
