"""Whole searches in processes of their own: killed, shared, refused, failed."""

import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from helpers import small_run, small_search
from helpers.warm import WarmProcess

from kerastransfer.errors import InputError
from kerastransfer.tuning import search_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images and records; of the test set nothing can be read."""
    place = tmp_path_factory.mktemp("data")
    small_run.make_images(place / "images")
    run = WarmProcess(small_run.__file__, place, "F1-7R8", "epochs=(1,)")
    _, told = run.communicate(timeout=300)
    assert run.returncode == 0, told
    shards = list((place / "records").rglob("*-test.tfrecord*"))
    assert shards
    for shard in shards:
        shard.write_bytes(bytes(shard.stat().st_size))
    return place


def start(data, out, *arguments, **environment):
    env = {**os.environ, **environment}
    return WarmProcess(small_search.__file__, data, out, *arguments, env=env)


def finish(process):
    out, told = process.communicate(timeout=300)
    trials = json.loads(out.splitlines()[-1]) if process.returncode == 0 else None
    return process.returncode, trials, told


def comparable(trials):
    return [
        {name: value for name, value in trial.items() if name != "seconds"}
        for trial in trials
    ]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A search that nobody disturbed: where, its trials, and how long it took."""
    out = tmp_path_factory.mktemp("whole")
    process = start(data, out)
    assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    code, trials, told = finish(process)
    assert code == 0, told
    return out, trials, time.monotonic() - begun


def test_the_best_come_first_and_settings_that_were_given_stay(whole):
    trials = whole[1]
    assert sorted(trial["number"] for trial in trials) == [1, 2, 3, 4]
    wrong = [len(trial["wrong"]) for trial in trials]
    assert wrong == sorted(wrong)
    assert {trial["config"]["epochs"][0] for trial in trials} == {4}
    assert {trial["config"]["batch_size"] for trial in trials} == {4}
    recipes = {re.sub("@[0-9.]+", "", trial["config"]["recipe"]) for trial in trials}
    assert len(recipes) > 1 and recipes <= {*small_search.RECIPES}


def test_a_search_that_is_killed_goes_on_within_its_trial(data, tmp_path, whole):
    rng = random.Random(0)
    for attempt in range(100):
        process = start(data, tmp_path)
        assert process.stdout.readline() == "ready\n"
        if attempt < 4:
            time.sleep(rng.uniform(0.1, 0.45) * whole[2])  # twice leave some to do
            process.kill()
        code, trials, told = finish(process)
        if code == 0:
            break
        assert code == -signal.SIGKILL, told
    assert attempt >= 2
    assert comparable(trials) == comparable(whole[1])
    assert not list(tmp_path.rglob("*.npz"))


def test_a_search_that_is_told_to_end_keeps_a_checkpoint(data, tmp_path, whole):
    process = start(data, tmp_path)
    for line in process.stderr:
        if line.startswith("Phase 1"):
            break
    process.terminate()
    code, _, told = finish(process)
    assert code == 143, told
    assert "stopping after this step" in told
    code, trials, told = finish(start(data, tmp_path))
    assert code == 0, told
    assert comparable(trials) == comparable(whole[1])


def test_a_bayesian_search_takes_more_trials(data, tmp_path, whole):
    shutil.copytree(whole[0] / "search", tmp_path / "search")
    code, trials, told = finish(start(data, tmp_path, "--trials", "5"))
    assert code == 0, told
    assert "Trial 5" in told and "Trial 4" not in told
    before = [trial for trial in trials if trial["number"] < 5]
    assert comparable(before) == comparable(whole[1])


def test_another_search_in_the_same_folder_is_refused(data, tmp_path, whole):
    shutil.copytree(whole[0] / "search", tmp_path / "search")
    other = ["batch_size=8", "--trials", "1"]
    code, _, told = finish(start(data, tmp_path, *other))
    assert code == 1
    assert "settings differ; name another --out, or pass --restart" in told
    code, trials, told = finish(start(data, tmp_path, *other, "--restart"))
    assert code == 0, told
    assert len(trials) == 1


def test_a_folder_that_holds_something_else_is_left_alone(data, tmp_path):
    place = tmp_path / "search" / "thesis.txt"
    place.parent.mkdir()
    place.write_text("years of work")
    for options in ([], ["--restart"]):
        code, _, told = finish(start(data, tmp_path, *options))
        assert code == 1
        assert "Expected a search or nothing" in told
    assert place.read_text() == "years of work"


@pytest.mark.slow
def test_hyperband_trains_the_best_third_longer(data, tmp_path):
    options = ("epochs=(6,)", "--tuner", "hyperband", "--trials", "6")
    code, trials, told = finish(start(data, tmp_path, *options))
    assert code == 0, told
    assert sorted(trial["share"] for trial in trials) == [1 / 3] * 3 + [1.0] * 3
    assert [trial["share"] for trial in trials[:3]] == [1.0] * 3
    epochs = {trial["share"]: trial["config"]["epochs"] for trial in trials}
    assert epochs == {1 / 3: [2], 1.0: [6]}


def test_three_failures_in_a_row_end_it_with_their_reason(data, tmp_path):
    code, _, told = finish(start(data, tmp_path, "learning_rate=(1e30,)"))
    assert code == 1
    assert "error: Three trials in a row failed, the last so: Expected a finite" in told


def listening(port, process):
    """Wait until something listens at a port; return at which addresses it does."""
    while process.returncode is None:
        found = set()
        for table in ("tcp", "tcp6"):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                address, number = local.split(":")
                if int(number, 16) == port and state == "0A":  # listens
                    # IPv4 in IPv6's clothes is what it is.
                    address = address.removeprefix("0000000000000000FFFF0000")
                    octets = int(address, 16).to_bytes(4, sys.byteorder)
                    found.add(socket.inet_ntoa(octets))
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize(
    ("host", "port"), [("", "1"), (" ", "1"), ("a", ""), ("a", "b")]
)
def test_a_chief_without_an_address_is_refused(monkeypatch, host, port):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", host)
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", port)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with pytest.raises(InputError, match="Expected an address in KERASTUNER_ORACLE_IP"):
        search_folder.chiefs_address()


@pytest.mark.slow
def test_a_chief_and_two_workers_share_a_search(data, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    place = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
    everyone = [
        start(data, tmp_path, "--trials", "6", KERASTUNER_TUNER_ID=name, **place)
        for name in ("chief", "worker0", "worker1")
    ]
    assert listening(int(port), everyone[0]) == {"127.0.0.1"}
    results = [finish(process) for process in everyone]
    told = results[0][2]
    assert f"The chief listens at 127.0.0.1:{port}, and nowhere else" in told
    assert [code for code, _, _ in results] == [0, 0, 0], results
    assert len(results[0][1]) == 6
    ran = [told.count("Trial ") // 2 for _, _, told in results]
    assert ran[0] == 0 and sum(ran) == 6 and min(ran[1:]) > 0
