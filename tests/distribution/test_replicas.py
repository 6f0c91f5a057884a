"""Any number of devices and processes takes the same steps as one."""

import functools
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import device_steps, small_run
from helpers.warm import WarmProcess

from kerastransfer.distribution.choice import Choice, resolve
from kerastransfer.errors import InputError

STEPS, RUN = (module.__file__ for module in (device_steps, small_run))
# Devices and images. Twelve leave two for three devices in the last batch.
DEVICES = {"1": (1, 11), "2": (2, 11), "1 of 12": (1, 12), "3 of 12": (3, 12)}
RECIPE = "F1-3FT4-7R8+FT1-4R5-8"


def ports(count):
    """Free ones of this machine; nobody else should take them within seconds."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    names = [f"127.0.0.1:{holder.getsockname()[1]}" for holder in holders]
    for holder in holders:
        holder.close()
    return ",".join(names)


def finish(*processes, timeout=240):
    told = [process.communicate(timeout=timeout)[1] for process in processes]
    return [process.returncode for process in processes], told


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A function that trains a case on some devices: the losses and weights of each."""
    place = tmp_path_factory.mktemp("steps")

    def start(name, case, *options):
        path = place / f"{name} {case}.npz"
        return path, WarmProcess(STEPS, path, "--case", case, *options)

    @functools.cache
    def train(devices, case):
        if devices == "workers":
            names = ports(2)
            options = [("--workers", names, "--worker", k) for k in range(2)]
        else:
            count, images = DEVICES[devices]
            options = [("--devices", count, "--images", images)]
        started = [start(f"{devices}{k}", case, *o) for k, o in enumerate(options)]
        codes, told = finish(*(process for _, process in started))
        assert set(codes) == {0}, told
        return [dict(np.load(path)) for path, _ in started]

    return train


# Factors and optimisers come after the gradients are summed: two devices show that they
# agree. What each device draws or counts itself is tried on every kind of devices, the
# norm of the sum in two processes, too.
SHARED = ("clipped", "dropout", "random layers", "batch statistics")
CASES = {"workers": SHARED, "3 of 12": SHARED[1:]}
PAIRS = [
    pytest.param(devices, alone, case, marks=[pytest.mark.slow] if seldom else [])
    for devices, alone in (("2", "1"), ("workers", "1"), ("3 of 12", "1 of 12"))
    for case in CASES.get(devices, device_steps.CASES)
    if case not in device_steps.REFUSED
    for seldom in [devices != "2" and case == "clipped"]
]


# Half precision rounds an image's response in another way beside other images.
TOLERANCES = {"bfloat16": 2e-2, "float16": 5e-3}


@pytest.mark.parametrize(("devices", "alone", "case"), PAIRS)
def test_devices_take_the_steps_that_one_takes(steps, devices, alone, case):
    (one,) = steps(alone, case)
    assert len(one["losses"]) == 21
    scale = max(np.abs(value).max() for name, value in one.items() if name != "losses")
    results, tolerance = steps(devices, case), TOLERANCES.get(case, 1e-5)
    for ours in results:
        np.testing.assert_allclose(ours["losses"], one["losses"], rtol=tolerance)
        for name in one.keys() - {"losses"}:
            assert np.abs(ours[name] - one[name]).max() <= tolerance * scale, name
        # Workers end with the same weights to the bit.
        for name, value in ours.items():
            np.testing.assert_array_equal(value, results[0][name], err_msg=name)


def test_the_cases_train_and_differ(steps):
    kernels = []
    for case in device_steps.CASES.keys() - device_steps.REFUSED:
        (one,) = steps("1", case)
        first, last = (one["losses"][at] for at in (slice(3), slice(-3, None)))
        assert np.abs(first - last).max() > 0.01, case
        assert all((one["conv1/kernel"] != other).any() for other in kernels)
        kernels.append(one["conv1/kernel"])


def test_what_would_differ_between_devices_is_refused(tmp_path):
    (case,) = device_steps.REFUSED
    options = ("--case", case, "--devices", 2, "--images", 10)
    codes, lines = finish(WarmProcess(STEPS, tmp_path / "none.npz", *options))
    assert codes == [1]
    assert "Block 6 cannot be trained on several devices as on one: a" in lines[0]
    assert "noise_shape begins with 5 images; use one (--devices 1)" in lines[0]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    small_run.make_images(place / "images")
    return place


def workers_of_a_run(data, out, begin=WarmProcess):
    names = ports(2)
    common = (data, RECIPE, "epochs=(3,1)", "--out", out, "--workers", names)
    return [begin(RUN, *common, "--worker", k) for k in (0, 1)]


def unforked(*command):
    """A process that loses its peer, which a forked one does not survive to tell."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never said")


def metrics(out):
    (path,) = out.glob("runs/*/metrics.jsonl")
    return path.read_text()


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    codes, told = finish(*workers_of_a_run(data, out))
    assert codes == [0, 0], told
    assert "epoch 1/4" in told[0] and "epoch 1/4" not in told[1]
    return out


@pytest.mark.parametrize(
    ("who", "number"),
    [
        (1, signal.SIGKILL),
        pytest.param(0, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(1, signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_when_a_worker_is_gone_the_others_stop_and_the_job_resumes(
    data, undisturbed, tmp_path, who, number
):
    processes = workers_of_a_run(data, tmp_path, unforked)
    wait_for(processes[0], "epoch 2/4")
    processes[who].send_signal(number)
    began = time.monotonic()
    _, told = processes[1 - who].communicate(timeout=90)
    assert time.monotonic() - began < 60
    if number == signal.SIGTERM:
        assert processes[1 - who].returncode == 143
        assert processes[who].wait(timeout=60) == 143
    else:
        processes[who].kill()
        assert processes[1 - who].returncode == 1
        assert "Another worker is gone; start the same command" in told
    processes[who].communicate()
    codes, told = finish(*workers_of_a_run(data, tmp_path))
    assert codes == [0, 0], told
    assert "Going on in phase" in told[0]
    assert metrics(tmp_path) == metrics(undisturbed)


def test_one_mirrored_device_trains_on_a_cache_as_a_single_one_does(data, tmp_path):
    """Several steps a call, which only a lone replica takes, in a mirrored strategy."""
    for strategy in ("single", "mirrored"):
        out = tmp_path / strategy
        arguments = ("epochs=(2,)", "--out", out, "--strategy", strategy)
        codes, lines = finish(WarmProcess(RUN, data, "F1-5R6-8", *arguments))
        assert codes == [0], lines
    assert metrics(tmp_path / "mirrored") == metrics(tmp_path / "single")


def test_workers_must_be_given_the_same_command(data, tmp_path):
    names = ports(2)
    common = ("--out", tmp_path, "--workers", names, "--worker")
    processes = [
        WarmProcess(RUN, data, RECIPE, "batch_size=4", *common, 0),
        WarmProcess(RUN, data, RECIPE, "batch_size=8", *common, 1),
    ]
    codes, told = finish(*processes)
    assert codes == [1, 1]
    assert "batch_size differ from the chief's" in told[1]


@pytest.mark.parametrize(
    ("choice", "gpus", "cpus", "expected"),
    [
        (Choice(), 0, 1, ("single", "CPU", 1)),
        (Choice(), 1, 1, ("single", "GPU", 1)),
        (Choice(), 4, 1, ("mirrored", "GPU", 4)),  # several GPUs need no flag
        (Choice(devices=2), 4, 1, ("mirrored", "GPU", 2)),
        (Choice(strategy="single"), 4, 1, ("single", "GPU", 1)),
        (Choice(devices=2), 0, 2, ("mirrored", "CPU", 2)),
        (Choice(strategy="mirrored"), 0, 1, ("mirrored", "CPU", 1)),
    ],
)
def test_what_a_choice_comes_to(choice, gpus, cpus, expected):
    found = resolve(choice, num_gpus=gpus, num_cpus=cpus)
    assert (found.strategy, found.kind, len(found.numbers)) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"devices": 0}, "--devices of 1 or more, got 0"),
        ({"worker": 0}, "--workers and --worker together"),
        ({"workers": ("a:1", "b:2")}, "--workers and --worker together"),
        ({"workers": ("a:1", "b:2"), "worker": 2}, "--worker from 0 to 1, got 2"),
        (
            {"workers": ("a:1",), "worker": 0, "strategy": "mirrored"},
            "does not go with --strategy mirrored",
        ),
        ({"strategy": "multiworker"}, "Expected --workers HOST:PORT"),
        ({"strategy": "single", "devices": 2}, "single is one device"),
    ],
)
def test_what_does_not_go_together_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Choice(**fields)


def test_more_devices_than_there_are():
    with pytest.raises(InputError, match="Expected 3 GPUs for --devices, found 2"):
        resolve(Choice(devices=3), num_gpus=2, num_cpus=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "in TF_CONFIG, but it is no JSON"), ("[]", "a JSON object")],
)
def test_a_broken_tf_config_is_refused(monkeypatch, text, message):
    monkeypatch.setitem(os.environ, "TF_CONFIG", text)
    with pytest.raises(InputError, match=message):
        Choice(strategy="multiworker")
