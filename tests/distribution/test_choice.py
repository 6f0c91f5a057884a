"""Processes that TF_CONFIG brings together, a chief among them."""

import json
import os
import socket
import subprocess
import sys

import pytest
from helpers import small_run
from helpers.warm import WarmProcess

from kerastransfer.distribution.choice import Choice
from kerastransfer.errors import InputError

THREE = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


def config(cluster, kind="worker", index=0):
    return {"cluster": cluster, "task": {"type": kind, "index": index}}


def tell(monkeypatch, value):
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setitem(os.environ, "TF_CONFIG", text)


@pytest.mark.parametrize(
    ("value", "several", "number"),
    [
        (config(THREE, "chief", 0), True, 0),
        (config(THREE, "worker", 0), True, 1),
        (config(THREE, "worker", 1), True, 2),
        (config({"chief": ["a:1"], "worker": ["b:1"]}, "chief"), True, 0),
        (config({"worker": ["a:1", "b:1"]}, "worker", 1), True, 1),
        (config({"chief": ["a:1"]}, "chief"), False, 0),
        (config({"worker": ["a:1"]}), False, 0),
        ({}, False, 0),
    ],
)
def test_the_chief_comes_first_and_workers_follow(monkeypatch, value, several, number):
    tell(monkeypatch, value)
    choice = Choice()
    assert (choice.several_processes, choice.number) == (several, number)
    assert choice.chief == (number == 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "a JSON object in TF_CONFIG, but it is no JSON"),
        ("[]", "a JSON object in TF_CONFIG"),
        ('{"cluster":' * 5_000, "TF_CONFIG, but it is nested too deeply"),
        ('{"task": 1, "task": 2}', "TF_CONFIG, but it holds the key 'task' twice"),
        (config([]), '"cluster" of TF_CONFIG to be an object'),
        (config({"worker": 5}), '"cluster" of TF_CONFIG .* got {"worker": 5}'),
        (config({"worker": [1, 2]}), '"cluster" of TF_CONFIG'),
        (config({"worker": "a:1,b:1"}), '"cluster" of TF_CONFIG'),
        (config({**THREE, "ps": ["d:1"]}), "got ps; every process trains"),
        (config(THREE, "evaluator"), 'type chief or worker .*, got "evaluator"'),
        (config(THREE, "ps"), 'type chief or worker .*, got "ps"'),
        (config(THREE, ["chief"]), "type chief or worker"),
        (config(THREE, "worker", "x"), 'index below 2.*got "x"'),
        (config(THREE, "worker", 2), "index below 2.*got 2"),
        (config(THREE, "worker", True), "index below 2.*got true"),
        (config({"chief": ["a:1", "b:1"]}, "chief"), "one chief in TF_CONFIG, got 2"),
        ({"cluster": THREE, "task": 5}, '"task" of TF_CONFIG to be an object'),
        ({"cluster": THREE}, '"task" of TF_CONFIG to be an object'),
    ],
)
def test_what_cannot_be_meant_is_a_line(monkeypatch, value, message):
    tell(monkeypatch, value)
    with pytest.raises(InputError, match=message) as told:
        Choice(strategy="multiworker")
    assert "\n" not in str(told.value)


def free_ports():
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]


def train(place, out, *told):
    """Start a process for each (arguments, TF_CONFIG); return their codes and lines."""
    common = (small_run.__file__, place, "F1-7R8", "epochs=(2,)", "--out", out)
    processes = [
        WarmProcess(
            *common,
            *arguments,
            env={**os.environ, "TF_CONFIG": json.dumps(value) if value else ""},
        )
        for arguments, value in told
    ]
    lines = [process.communicate(timeout=120)[1] for process in processes]
    return [process.returncode for process in processes], lines


def test_a_chief_and_a_worker_train_as_two_workers_do(tmp_path):
    small_run.make_images(tmp_path / "images")
    chief, worker = free_ports()
    cluster = {"chief": [chief], "worker": [worker]}
    codes, lines = train(
        tmp_path,
        tmp_path / "config",
        ((), config(cluster, "chief")),
        ((), config(cluster, "worker")),
    )
    assert codes == [0, 0], lines
    assert "epoch 1/2" in lines[0] and "epoch 1/2" not in lines[1]
    names = ",".join(free_ports())
    flags = [("--workers", names, "--worker", str(k)) for k in range(2)]
    codes, lines = train(
        tmp_path, tmp_path / "flags", *((each, None) for each in flags)
    )
    assert codes == [0, 0], lines
    ours, theirs = (
        next((tmp_path / name).glob("runs/*/metrics.jsonl")).read_text()
        for name in ("config", "flags")
    )
    assert ours == theirs


def test_more_devices_than_a_process_has_are_refused():
    code = (
        "from kerastransfer.distribution.start import start\n"
        "from kerastransfer.distribution.choice import Choice\n"
        "start(Choice(workers=('a:1', 'b:1'), worker=0, devices=99))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "s for --devices, found" in done.stderr
