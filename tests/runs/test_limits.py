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
from kerastransfer.training import phases
from kerastransfer.training.checkpoint_saver import CheckpointSaver
from kerastransfer.training.checkpoints import CheckpointStore
from kerastransfer.training.stopping import StopSignal


class Clock(StopSignal):
    """Time is up when somebody says so."""

    late = False

    def signal(self):
        return 1024.0 * self.late


def train(setting, halt, after=lambda index, network: None, **options):
    store, found = options.get("store"), options.get("found")
    network, outcomes = phases.begin(setting, found)
    keeper = CheckpointSaver(
        store, every=60.0, halt=halt, metrics_bytes=lambda: 0, found=found
    )
    callbacks = keras.callbacks.CallbackList(options.get("callbacks", []))
    return network, phases.train(
        setting, network, outcomes, callbacks, keeper, halt, found=found, after=after
    )


def test_no_phase_is_begun_when_time_is_up(tmp_path):
    setting, halt = miniature.make_setting(tmp_path, "FT1-7R8+R1-8"), Clock()
    kept = {}

    def after(index, network):
        kept.update({n: network.snapshot(n) for n in range(1, 9)})
        halt.late = True

    network, outcomes = train(setting, halt, after)
    assert [outcome.stopped for outcome in outcomes] == ["time limit"]
    for number, weights in kept.items():
        for name, value in network.snapshot(number).items():
            np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_the_phase_before_is_kept_where_the_last_has_not_come_as_far(tmp_path):
    setting = miniature.make_setting(tmp_path, "FT1-7R8+FT1-8")
    (tmp_path / "checkpoints").mkdir()
    kept = {}

    def after(index, network):
        network.whole().save_weights(run_folder.weights_path(tmp_path, index + 1))
        kept[index] = network.snapshot(8)

    network, outcomes = train(setting, StopSignal(), after)
    first, last = outcomes
    good, bad = {"accuracy": 0.9, "nll": 0.1}, {"accuracy": 0.9, "nll": 0.2}
    for val, stopped, number in (
        ((good, good), "time limit", 2),
        ((good, bad), "epochs", 2),
        ((bad, good), "time limit", 2),
        ((good, bad), "time limit", 1),
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
    setting = miniature.make_setting(
        *(tmp_path, "R1-8"), learning_rate=[1e30], epochs=[1], batch_size=13
    )
    with pytest.raises(InputError, match="Expected a finite validation loss, got"):
        train(setting, StopSignal())


def test_what_was_decided_of_the_cache_is_kept_before_the_first_step(tmp_path):
    setting = miniature.make_setting(tmp_path, "F1-3R4-8")
    store, found = CheckpointStore(tmp_path / "checkpoints", "config"), []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            found.append(store.newest())

    train(setting, StopSignal(), store=store, callbacks=[Look()])
    first = found[0]
    assert (first.phase, first.position, first.cached) == (0, None, True)
    # Decided otherwise, it stays so, whatever would be measured or asked for now.
    other = dataclasses.replace(first, cached=False)
    _, outcomes = train(setting, StopSignal(), found=other)
    assert not outcomes[0].cached
    _, outcomes = train(setting, StopSignal(), found=first)
    assert outcomes[0].cached


def test_all_processes_go_by_the_chiefs_judgement(tmp_path):
    class Follower(Replicas):
        def broadcast_json(self, value):
            judged.append(value)
            return {"accuracy": 1 / len(judged), "nll": 1.0}

    judged = []
    alone = single()
    follower = Follower(alone.strategy, alone.part)
    setting = miniature.make_setting(tmp_path, "FT1-7R8")
    _, (outcome,) = train(dataclasses.replace(setting, replicas=follower), StopSignal())
    assert len(judged) == 3  # its own, which do not count
    assert outcome.best_epoch == 0
    assert outcome.val == {"accuracy": 1.0, "nll": 1.0}


def test_told_to_end_a_cache_stops_filling_and_keeps_what_it_has(tmp_path):
    setting, halt = miniature.make_setting(tmp_path, "F1-3R4-8", views=5), StopSignal()
    halt.code = 143
    with pytest.raises(Terminated):
        train(setting, halt)
    # Of six matrices to fill, five views and validation, the first has its rows.
    assert len(list((tmp_path / "features").rglob("*.rows.npy"))) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, capsys):
    home = tmp_path / "features"
    home.mkdir()
    setting = miniature.make_setting(tmp_path, "F1-3R4-8")
    caching = dataclasses.replace(setting.caching, mode="auto")
    with small_disk(home, 2**20, read_only=True):
        _, outcomes = train(dataclasses.replace(setting, caching=caching), StopSignal())
    assert not outcomes[0].cached
    assert "No cache of blocks 1-3: they cannot be written" in capsys.readouterr().err


def test_half_precision_is_refused_where_it_does_not_reach(tmp_path):
    setting = miniature.make_setting(tmp_path, "F1-3R4-8", cache_dtype="float16")
    weights = setting.source_weights | {}
    weights["bn3/gamma"] = 1e6 * weights["bn3/gamma"]
    with pytest.raises(InputError, match=r"all that float16 holds.*float32"):
        train(dataclasses.replace(setting, source_weights=weights), StopSignal())


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
