"""Checkpoints on disk: whole, or an older one; never a part."""

import warnings

import numpy as np
import pytest

from kerastransfer.errors import InputError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.runs.logs import MetricsLog
from kerastransfer.training.checkpoints import Checkpoint, CheckpointStore
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


def test_no_bit_that_flips_goes_unnoticed(store):
    """Either the file is read as it was written, or the one before it serves."""
    store.write(make(step=1, best=1, value=1.0))
    store.write(make(step=2, best=2, value=2.0))
    path = sorted(store.folder.glob("state-*"))[-1]
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    # A bit of each of the last 300 bytes: the directory, which zip guards least. Seven
    # on, it is another bit of the next byte.
    tail = range(8 * (len(content) - 300), 8 * len(content), 7)
    bits = [*tail, *rng.choice(8 * len(content), 200, replace=False)]
    steps = []
    for bit in bits:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        checkpoint = newest(store)
        steps.append(checkpoint.progress.step)
        for block in (*checkpoint.weights.values(), *checkpoint.best.values()):
            assert set(block) == {"kernel", "bias"}
            assert (block["kernel"] == checkpoint.progress.step).all()
        assert len(checkpoint.weights) == len(checkpoint.best) == 2
        assert len(checkpoint.optimizer) == 1
    assert steps.count(1) > 100 and steps.count(2) > 3


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
