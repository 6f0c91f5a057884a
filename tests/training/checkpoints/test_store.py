"""Checkpoints on disk: whole, or an older one; never a part."""

import warnings

import numpy as np
import pytest

from kerastransfer.errors import InputError
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.runs.logs import MetricsLog
from kerastransfer.training.checkpoints.store import Checkpoint, CheckpointStore
from kerastransfer.training.phase import PhaseProgress


def make(phase=0, step=1, best=0, value=1.0):
    weights = {n: {"kernel": np.full(3, value), "bias": np.ones(2)} for n in (7, 8)}
    return Checkpoint(
        phase=phase,
        progress=PhaseProgress(epoch=step, step=step, best_epoch=best),
        results=(),
        cached=True,
        seconds=1.0,
        metrics_bytes=10,
        weights=weights,
        optimizer=(np.arange(4.0),),
        best=weights,
    )


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path, "config")


def newest(store):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CheckpointStore(store.folder, "config").newest()


def two(store):
    store.write(make(step=1, best=1, value=1.0))
    store.write(make(step=2, best=2, value=2.0))
    return [sorted(store.folder.glob(f"{kind}-*"))[-1] for kind in ("state", "best")]


@pytest.mark.parametrize("which", [0, 1])
def test_no_bit_that_flips_goes_unnoticed(store, which):
    """The one before it serves."""
    path = two(store)[which]
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    # The last 300 bytes: the directory, which zip guards least.
    tail = range(8 * (len(content) - 300), 8 * len(content), 7)
    for bit in [*tail, *rng.choice(8 * len(content), 60, replace=False)]:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        checkpoint = newest(store)
        assert checkpoint.progress.step == 1
        for block in (*checkpoint.weights.values(), *checkpoint.best.values()):
            assert (block["kernel"] == 1.0).all()
    path.write_bytes(content)
    assert newest(store).progress.step == 2


@pytest.mark.parametrize("which", [0, 1])
def test_other_content_with_checksums_that_hold_is_not_taken(store, which):
    path = two(store)[which]
    arrays = dict(np.load(path))
    name = next(name for name in arrays if name.endswith("8/kernel"))
    numpy_files.write_npz(path, {**arrays, name: arrays[name] + 1})
    assert newest(store).progress.step == 1


def test_best_weights_of_another_epoch_are_not_taken(store):
    _, best = two(store)
    (earlier,) = set(store.folder.glob("best-*")) - {best}
    best.write_bytes(earlier.read_bytes())
    assert newest(store).progress.step == 1


def test_a_checkpoint_of_an_earlier_release_is_refused(store):
    state, _ = two(store)
    state.rename(store.folder / "state-phase0001-step000000003.npz")
    with pytest.raises(InputError, match="of an earlier release; --restart"):
        newest(store)


def test_the_tenth_phase_comes_after_the_ninth(store):
    for phase in range(12):
        store.write(make(phase=phase))
    assert newest(store).phase == 11


def test_best_weights_stay_while_a_checkpoint_that_is_kept_needs_them(store, tmp_path):
    store.write(make(step=5, best=5))
    # The best of 7 and 9 were written, their states were not: the disk was full.
    for step in (7, 9):
        store._write_best(make(step=step, best=step))
    store.write(make(step=10, best=9))
    sorted(store.folder.glob("state-*"))[-1].write_bytes(b"torn")
    assert newest(store).progress.best_epoch == 5
    store = CheckpointStore(store.folder, "config")
    store.write(make(step=11, best=11))
    store.write(make(step=12, best=11))
    assert len(list(store.folder.glob("best-*"))) == 1


def test_metrics_are_as_long_as_what_is_kept(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("one\ntwo\nthree\n")
    log = MetricsLog(path, keep=4)
    assert log.num_bytes() == 4
    log.on_train_batch_end(0, {"loss": 1.0})
    assert log.num_bytes() == path.stat().st_size > 4
    log.on_train_end()
    assert path.read_text().startswith("one\n{")


def test_metrics_that_were_cut_short_are_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("one\n")
    with pytest.raises(InputError, match=r"Expected 9 bytes in .*got 4; --restart"):
        MetricsLog(path, keep=9)
    assert path.read_text() == "one\n"


def test_a_damaged_checkpoint_is_told_with_what_becomes_of_it(store):
    for step in (1, 2):
        store.write(make(step=step))
    path = sorted(store.folder.glob("state-*"))[-1]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(KerasTransferWarning, match="an earlier one is used") as caught:
        assert CheckpointStore(store.folder, "config").newest().progress.step == 1
    (message,) = (str(item.message) for item in caught)
    assert str(path) in message
    assert "kerastransfer features" not in message
