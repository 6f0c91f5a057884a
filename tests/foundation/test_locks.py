"""Locks between processes."""

import ast
import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.disks import UNABLE, break_call

import kerastransfer
from kerastransfer.errors import InputError
from kerastransfer.foundation import locks
from kerastransfer.foundation.report import KerasTransferWarning

try:
    import fcntl
except ImportError:
    fcntl = None

needs_flock = pytest.mark.skipif(fcntl is None, reason="about flock")

TRY = """
import sys
from pathlib import Path
from kerastransfer import errors; from kerastransfer.foundation import locks
try:
    with locks.held(Path(sys.argv[1]), refusal="somebody has it"):
        print("held")
except errors.InputError as error:
    print(error)
"""
WAIT = """
import sys
from pathlib import Path
from kerastransfer.foundation import locks
with locks.held(Path(sys.argv[1]), on_wait=lambda: print("waits", flush=True)):
    print("held", flush=True)
"""
HOLD = """
import sys, time
from pathlib import Path
from kerastransfer.foundation import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def command(script, path):
    return [sys.executable, "-c", script, str(path)]


def another_process(path):
    ended = subprocess.run(command(TRY, path), capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture(params=["file", "folder"])
def path(request, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    return inner if request.param == "folder" else inner / "lock"


def test_one_process_at_a_time(path):
    with locks.held(path, refusal=""):
        assert another_process(path).startswith("somebody has it")
        with (
            pytest.raises(InputError, match="here too"),
            locks.held(path, refusal="here too"),
        ):
            pass
    assert another_process(path) == "held"


def test_a_process_waits_for_another(path):
    with locks.held(path):
        waiting = subprocess.Popen(
            command(WAIT, path), stdout=subprocess.PIPE, text=True
        )
        assert waiting.stdout.readline() == "waits\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
    assert waiting.communicate(timeout=30)[0] == "held\n"


def test_who_does_not_wait_is_not_told_of_waiting(path):
    ended = subprocess.run(command(WAIT, path), capture_output=True, text=True)
    assert ended.stdout == "held\n"


def test_the_lock_of_a_process_that_died_is_free(path):
    with subprocess.Popen(
        command(HOLD, path), stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert another_process(path).startswith("somebody has it")
        holder.kill()
    assert another_process(path) == "held"


def test_a_folder_that_was_locked_keeps_no_trace(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    with locks.held(folder):
        assert [path.name for path in folder.iterdir()] == [".lock"]
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.iterdir())


@needs_flock
def test_a_lock_file_that_was_replaced_is_told(tmp_path):
    """Who waited for a file that is gone holds the one that took its place."""
    path = tmp_path / "folder" / "lock"
    path.parent.mkdir()
    held, released = threading.Event(), threading.Event()

    def hold():
        with locks.held(path, keep=False):
            held.set()
            assert released.wait(30)
            path.unlink()
            path.parent.rmdir()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with locks.held(path, on_wait=released.set):
        assert path.exists()
        assert another_process(path).startswith("somebody has it")
    holder.join()


@needs_flock
@pytest.mark.parametrize("number", UNABLE)
def test_a_file_system_without_locks_is_told_and_a_file_stands_for_one(
    number, tmp_path, monkeypatch
):
    break_call(monkeypatch, fcntl, "flock", number)
    path = tmp_path / "lock"
    with pytest.warns(KerasTransferWarning, match="has no locks") as caught:
        with locks.held(path):
            assert list(tmp_path.iterdir())
            with (
                pytest.raises(InputError, match="in use"),
                locks.held(path, refusal="in use"),
            ):
                pass
        assert not list(tmp_path.iterdir())
    assert {type(item.message) for item in caught} == {KerasTransferWarning}
    assert "\n" not in str(caught[0].message)
    assert "KERASTRANSFER_HOME" in str(caught[0].message)
    assert caught[0].filename == __file__


@needs_flock
@pytest.mark.parametrize("number", UNABLE)
def test_who_is_refused_there_is_told_what_to_delete(number, tmp_path, monkeypatch):
    """A file that a crash of another machine left looks like a lock for ever."""
    break_call(monkeypatch, fcntl, "flock", number)
    marks = {errno.ENOSYS: "lock"}
    mark = tmp_path / marks.get(number, "lock.soft")
    mark.write_text("4242\nanother.machine\n", encoding="utf-8")
    with (
        pytest.warns(KerasTransferWarning),
        pytest.raises(InputError, match=r"^in use If no process") as caught,
        locks.held(tmp_path / "lock", refusal="in use"),
    ):
        pass
    assert str(caught.value).endswith(f"delete {str(mark)!r}.")
    mark.unlink()
    with pytest.warns(KerasTransferWarning), locks.held(tmp_path / "lock", refusal=""):
        assert mark.exists()


@needs_flock
def test_the_mark_of_a_process_of_this_machine_that_died_is_free(tmp_path, monkeypatch):
    break_call(monkeypatch, fcntl, "flock", errno.ENOSYS)
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    (tmp_path / "lock").write_text(f"{gone.pid}\n{socket.gethostname()}\n", "utf-8")
    with pytest.warns(KerasTransferWarning), locks.held(tmp_path / "lock", refusal=""):
        pass


@needs_flock
@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_disk_that_refuses_the_file_is_no_disk_without_locks(
    number, tmp_path, monkeypatch
):
    def refuse(path, *arguments):
        if "lock" in Path(os.fsdecode(path)).name:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(OSError, match=os.strerror(number)) as caught,
        locks.held(tmp_path / "lock"),
    ):
        pass
    assert caught.value.errno == number
    assert not list(tmp_path.iterdir())


def test_nothing_needs_posix_locks():
    package = Path(kerastransfer.__file__).parent
    for module in package.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert "fcntl" not in [alias.name for alias in node.names], module
            if isinstance(node, ast.ImportFrom):
                assert node.module != "fcntl", module
