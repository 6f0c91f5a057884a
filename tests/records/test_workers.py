"""Work in other processes: what waits is bounded, whatever the results weigh."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kerastransfer.archives.spans import Held
from kerastransfer.datasets.image_file import Cut, ImageFile
from kerastransfer.errors import DataError
from kerastransfer.records import pending
from kerastransfer.records import workers as module
from kerastransfer.records.pending import Load
from kerastransfer.records.workers import Workers
from kerastransfer.records.write.encoder import make_encoder

MEGABYTE = 1 << 20


def swell(number):
    """From nearly nothing to a megabyte, as photographs to patches."""
    return [bytes(MEGABYTE)]


def most_ahead(limit, monkeypatch):
    """Take results slowly; return how many tasks were ahead at most, at the end."""
    monkeypatch.setattr(pending, "_AHEAD_BYTES", limit)
    drawn, ahead = 0, []

    def things():
        nonlocal drawn
        for number in range(40):
            drawn += 1
            yield number

    pool = Workers(
        swell, lambda number: Load(0, module._CHUNK), weigh=len, images=9_999, workers=2
    )
    with pool:
        for received, _ in enumerate(pool(things()), start=1):
            time.sleep(0.03)  # as a disk may
            ahead.append(drawn - received)
    assert drawn == len(ahead) == 40
    return max(ahead[15:])


def test_results_that_wait_hold_new_work_back(monkeypatch):
    assert most_ahead(100 * MEGABYTE, monkeypatch) >= 7  # four tasks a worker
    assert most_ahead(3 * MEGABYTE, monkeypatch) <= 5


def test_a_task_holds_few_images_however_they_lie_in_files():
    photograph = ImageFile(
        Held(b"x"), tuple((str(i), Cut(i, i, 224)) for i in range(200))
    )
    single = [ImageFile(Held(b"x"), ((f"s{i}", None),)) for i in range(40)]
    encoder = make_encoder(256, images=9_999, workers=2)
    chunks = [chunk for chunk, _ in encoder._chunks([photograph] * 3 + single)]
    assert [len(chunk) for chunk in chunks] == [1, 1, 1, 16, 16, 8]


def test_cores_are_counted_where_the_system_does_not_say_which(monkeypatch):
    """macOS has no sched_getaffinity, and a C library without mallopt."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    load = Load(0, 1)
    assert Workers(swell, lambda number: load, images=9_999).workers == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert Workers(swell, lambda number: load, images=9_999).workers == 1


@pytest.mark.parametrize("failure", [AttributeError, OSError, TypeError])
def test_a_c_library_without_mallopt_is_no_error(failure, monkeypatch):
    def missing(name):
        raise failure

    monkeypatch.setattr(module.ctypes, "CDLL", missing)
    module._keep_memory()


def test_a_script_without_a_guard_converts_and_is_run_once(tmp_path):
    """Spawned workers would run it again, and wait for its own lock."""
    script = tmp_path / "plain.py"
    script.write_text(
        "import kerastransfer as kt\n"
        "print('begun', flush=True)\n"
        "print(kt.convert('digits', workers=2, inspect=False).records.size('train'))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "KERASTRANSFER_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    begun, size = done.stdout.split()
    assert (begun, int(size)) == ("begun", 1_197)


def die_of_odd(number):
    if number % 50 == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return [number]


@pytest.mark.parametrize(("count", "apart"), [(300, False), (60, True)])
def test_a_thing_that_ends_a_process_stands_for_itself_alone(monkeypatch, count, apart):
    if not apart:
        monkeypatch.setattr(module, "FEW", 1)
    work = Workers(
        die_of_odd,
        lambda number: Load(0, 1),
        images=count,
        workers=2,
        lost=lambda number: [-number],
        apart=apart,
    )
    with work as workers:
        results = list(workers(range(count)))
    odd = [n for n in range(count) if n % 50 == 7]
    assert sorted(results, key=abs) == [-n if n in odd else n for n in range(count)]


def never(number):
    raise AssertionError


def test_processes_that_do_not_start_are_no_fault_of_an_image(monkeypatch):
    monkeypatch.setattr(module, "_start", end_at_once)
    with (
        Workers(
            never, lambda n: Load(0, 1), images=1, lost=lambda n: [n], apart=True
        ) as workers,
        pytest.raises(DataError, match="processes that read images to start"),
    ):
        list(workers([1]))


def end_at_once():
    os._exit(3)
