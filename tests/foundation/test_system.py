"""Systems without POSIX, and disks that cannot do what disks do."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.disks import UNABLE, break_call
from helpers.levels import LIGHT_ROOMS, LIGHT_UP_TO, level
from helpers.odd_names import odd_paths
from helpers.without_posix import WITHOUT_POSIX

import kerastransfer as kt
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import atomic, home, system

# Light rooms that deal with files, locks, processes, terminals and archives. The others
# reckon with values in memory; that they can be imported the first test here shows.
ROOMS = ("foundation", "archives", "datasets", "weights/readers")
# Why a light test does not run without POSIX.
SKIPPED_THERE = ("about flock", "needs a terminal of POSIX", "needs os.pread")


def light_modules():
    """All of the rooms whose tests need no TensorFlow."""
    package = Path(kt.__file__).parent
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        name = name.removesuffix("__init__").removesuffix(".")
        room = any(f"{name}.".startswith(f"{light}.") for light in LIGHT_ROOMS)
        if name and (room or level(name) <= LIGHT_UP_TO):
            yield f"kerastransfer.{name}"


def test_the_light_parts_need_nothing_that_posix_alone_has():
    code = (
        "import importlib\n"
        "from kerastransfer import cli\n"
        "for name in cli.COMMANDS:\n"
        "    cli.command_module(name)\n"
        f"for name in {sorted(light_modules())}:\n"
        "    importlib.import_module(name)\n"
        "import kerastransfer as kt\n"
        "print(kt.plan('digits', 'FT1-7R8', images_per_class=5))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX + code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits: 50 training images")


@pytest.mark.slow
def test_the_light_tests_pass_without_posix(tmp_path):
    """In this process's children and in theirs, as sitecustomize stands for Windows."""
    root = Path(__file__).parents[2]
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_POSIX, encoding="utf-8")
    options = ("-m", "light", "-n", "0", "-q", "-rs")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"tests/{x}" for x in ROOMS)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5_000:]
    assert " passed" in done.stdout
    skipped = [x for x in done.stdout.splitlines() if x.startswith("SKIPPED")]
    odd = [x for x in skipped if not any(reason in x for reason in SKIPPED_THERE)]
    assert odd == []


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (RuntimeError("errno = 28, error message = 'No space left on device'"), True),
        (OSError(errno.EIO, "x"), False),
        (None, False),
    ],
)
def test_a_full_disk_is_known_whoever_says_it(error, full):
    assert system.is_full(error) is full
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    assert system.is_full(wrapped) is full


def test_a_full_disk_is_told_with_what_to_do_and_other_errors_pass(tmp_path):
    message = rf"^No space is left where '{tmp_path}' is; free some, or wait\.$"
    with (
        pytest.raises(DataError, match=message),
        system.telling_of_full_disk(tmp_path, "or wait."),
    ):
        raise ValueError("wrapped") from OSError(errno.ENOSPC, "x")
    with (
        pytest.raises(OSError, match="x"),
        system.telling_of_full_disk(tmp_path, "or wait."),
    ):
        raise OSError(errno.EIO, "x")


def test_a_folder_that_tensorflow_could_not_open_is_refused(monkeypatch, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    assert system.utf8(tmp_path / "café") == tmp_path / "café"
    monkeypatch.setenv("KERASTRANSFER_HOME", str(odd))
    for call in (
        lambda: home.records_home(),
        lambda: kt.open_run(odd),
        lambda: kt.predict(odd, ["x.png"]),
        lambda: kt.convert("digits", out=odd),
        lambda: kt.load("digits", records=odd),
    ):
        with pytest.raises(InputError, match=r"whose name is UTF-8, got '.*udce9'"):
            call()


@pytest.fixture(params=["pread", "seek"])
def way(request, monkeypatch):
    """As POSIX does it, and as Windows has to."""
    if request.param == "seek":
        for name in ("pread", "pwrite"):
            monkeypatch.delattr(os, name, raising=False)
    elif not hasattr(os, "pread"):
        pytest.skip("needs os.pread")


@pytest.mark.usefixtures("way")
def test_reads_and_writes_at_any_place(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789\r\n\n")
    with path.open("r+b", buffering=0) as file:
        assert system.read_at(file.fileno(), 3, 4) == b"456"
        assert system.write_at(file.fileno(), memoryview(b"ab"), 8) == 2
        assert system.write_at(file.fileno(), b"c", 13) == 1
        assert system.read_at(file.fileno(), 9, 7) == b"7ab\r\n\nc"
        assert system.read_at(file.fileno(), 9, 14) == b""


@pytest.mark.parametrize("number", UNABLE)
def test_a_file_is_written_where_it_cannot_be_synced_or_given_rights(
    number, tmp_path, monkeypatch
):
    for name in ("fsync", "chmod"):
        break_call(monkeypatch, os, name, number)
    atomic.write_text(tmp_path / "a.txt", "à\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa0\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_rights_that_nobody_may_change_are_left(tmp_path, monkeypatch):
    break_call(monkeypatch, os, "chmod", errno.EPERM)
    atomic.write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_is_full_or_fails_leaves_the_old_file(
    number, tmp_path, monkeypatch
):
    """NFS says of a full disk only when it is asked for the file to be there."""
    atomic.write_text(tmp_path / "a.txt", "old")
    break_call(monkeypatch, os, "fsync", number)
    with pytest.raises(OSError, match=os.strerror(number)):
        atomic.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs rights of POSIX")
def test_new_files_have_the_usual_rights(tmp_path):
    before = os.umask(0o027)
    try:
        atomic.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_a_windows_process_has_no_more_workers_than_it_can_wait_for(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    assert system.cores() == 128
    monkeypatch.setattr(sys, "platform", "win32")
    assert system.cores() == 61
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert system.cores() == 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("long", "File name too long; name another"),
        ("deep", "File name too long; name another"),
        ("zero", "embedded null byte; name another"),
        ("loop", "Too many levels of symbolic links; name another"),
    ],
)
def test_a_name_that_no_file_has_is_told(tmp_path, kind, reason):
    path = odd_paths(tmp_path)[kind]
    for ask in (system.is_file, system.is_folder):
        with pytest.raises(DataError, match=reason):
            ask(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "gone", "below a file"])
def test_what_is_no_file_is_none(tmp_path, kind):
    path = odd_paths(tmp_path)[kind]
    assert not system.is_file(path)
    assert system.is_folder(path) == (kind == "folder")
