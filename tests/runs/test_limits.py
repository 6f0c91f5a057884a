"""Time limits between phases, losses that explode at the end, one process a run."""

import dataclasses

import keras
import numpy as np
import pytest
from helpers import miniature
from helpers.disks import small_disk

from kerastransfer.distribution.replicas import Replicas, single
from kerastransfer.errors import InputError, Terminated
from kerastransfer.runs import run_folder
from kerastransfer.training import phase_loop
from kerastransfer.training.checkpoints.saver import CheckpointSaver
from kerastransfer.training.checkpoints.store import START, CheckpointStore
from kerastransfer.training.stopping import StopReason, StopSignal


class Clock(StopSignal):
    """Time is up when somebody says so."""

    late = False

    def votes(self):
        return np.array([0.0, self.late], np.float32)


def train(setup, stop_signal=None, **options):
    """Train all phases; return the network and the phases' results."""
    stop_signal = stop_signal or StopSignal()
    saver = CheckpointSaver(
        options.get("store"),
        every=60.0,
        stop_signal=stop_signal,
        checkpoint=options.get("checkpoint", START),
    )
    network = setup.make_network()
    saver.restore(network)
    return network, phase_loop.train_phases(
        setup,
        network,
        callbacks=keras.callbacks.CallbackList(options.get("callbacks", [])),
        saver=saver,
        stop_signal=stop_signal,
        after_phase=options.get("after_phase", lambda index, network: None),
    )


def test_no_phase_is_begun_when_time_is_up(tmp_path):
    setup, stop_signal = miniature.make_setup(tmp_path, "FT1-7R8+R1-8"), Clock()
    kept = {}

    def after_phase(index, network):
        kept.update({n: network.snapshot(n) for n in range(1, 9)})
        stop_signal.late = True

    network, results = train(setup, stop_signal, after_phase=after_phase)
    assert [result.stopped for result in results] == [StopReason.TIME_LIMIT]
    for block, weights in kept.items():
        for name, value in network.snapshot(block).items():
            np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_the_phase_before_is_kept_where_the_last_has_not_come_as_far(tmp_path):
    setup = miniature.make_setup(tmp_path, "FT1-7R8+FT1-8")
    (tmp_path / "checkpoints").mkdir()
    kept = {}

    def after_phase(index, network):
        network.whole().save_weights(run_folder.weights_path(tmp_path, index + 1))
        kept[index] = network.snapshot(8)

    network, results = train(setup, after_phase=after_phase)
    first, last = results
    good, bad = {"accuracy": 0.9, "nll": 0.1}, {"accuracy": 0.9, "nll": 0.2}
    for val, stopped, number in (
        ((good, good), StopReason.TIME_LIMIT, 2),
        ((good, bad), StopReason.EPOCHS, 2),
        ((bad, good), StopReason.TIME_LIMIT, 2),
        ((good, bad), StopReason.TIME_LIMIT, 1),
    ):
        ended = (
            dataclasses.replace(first, val=val[0]),
            dataclasses.replace(last, val=val[1], stopped=stopped),
        )
        assert run_folder.keep_better(tmp_path, network, ended) == number
        for name, value in network.snapshot(8).items():
            np.testing.assert_array_equal(value, kept[number - 1][name], err_msg=name)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_network_that_explodes_in_its_last_step_is_an_error(tmp_path):
    setup = miniature.make_setup(
        tmp_path, "R1-8", learning_rate=[1e30], epochs=[1], batch_size=13
    )
    with pytest.raises(InputError, match="Expected a finite validation loss, got"):
        train(setup)


def test_what_was_decided_of_the_cache_is_kept_before_the_first_step(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-3R4-8")
    store, checkpoints = CheckpointStore(tmp_path / "checkpoints", "config"), []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            checkpoints.append(store.newest())

    train(setup, store=store, callbacks=[Look()])
    first = checkpoints[0]
    assert (first.phase, first.progress, first.cached) == (0, None, True)
    # Decided otherwise, it stays so, whatever would be measured or asked for now.
    other = dataclasses.replace(first, cached=False)
    _, results = train(setup, checkpoint=other)
    assert not results[0].cached
    _, results = train(setup, checkpoint=first)
    assert results[0].cached


def test_all_processes_go_by_the_chiefs_judgement(tmp_path):
    class Follower(Replicas):
        def broadcast_json(self, value):
            judged.append(value)
            return {"accuracy": 1 / len(judged), "nll": 1.0}

    judged = []
    alone = single()
    follower = Follower(alone.strategy, alone.part)
    setup = miniature.make_setup(tmp_path, "FT1-7R8")
    _, (result,) = train(dataclasses.replace(setup, replicas=follower))
    assert len(judged) == 3  # its own, which do not count
    assert result.best_epoch == 0
    assert result.val == {"accuracy": 1.0, "nll": 1.0}


def test_told_to_end_a_cache_stops_filling_and_keeps_what_it_has(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-3R4-8", views=5)
    stop_signal = StopSignal()
    stop_signal.code = 143
    with pytest.raises(Terminated):
        train(setup, stop_signal)
    # Of six matrices to fill, five views and validation, the first has its rows.
    assert len(list((tmp_path / "features").rglob("*.rows.npy"))) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, capsys):
    home = tmp_path / "features"
    home.mkdir()
    setup = miniature.make_setup(tmp_path, "F1-3R4-8")
    caching = dataclasses.replace(setup.caching, mode="auto")
    with small_disk(home, 2**20, read_only=True):
        _, results = train(dataclasses.replace(setup, caching=caching))
    assert not results[0].cached
    assert "No cache of blocks 1-3: they cannot be written" in capsys.readouterr().err


def test_half_precision_is_refused_where_it_does_not_reach(tmp_path):
    setup = miniature.make_setup(tmp_path, "F1-3R4-8", cache_dtype="float16")
    weights = setup.source_weights | {}
    weights["bn3/gamma"] = 1e6 * weights["bn3/gamma"]
    with pytest.raises(InputError, match=r"all that float16 holds.*float32"):
        train(dataclasses.replace(setup, source_weights=weights))


def test_a_run_is_one_process_at_a_time(tmp_path):
    with (
        run_folder.locked(tmp_path),
        pytest.raises(InputError, match="Another process trains this run in"),
        run_folder.locked(tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
    with run_folder.locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == []
