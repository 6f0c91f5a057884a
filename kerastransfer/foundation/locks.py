"""Locks between processes. The lock of a process that died is free.

Where a file system has no locks (Lustre without ``flock``, some NFS and FUSE), a file
that is there stands for one. It is free too if its process was on this machine; one
that another machine left has to be deleted by hand, and what is refused for it says so.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from kerastransfer.errors import InputError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted

_POLL_SECONDS = 0.1
_IN_FOLDER = ".lock"


@contextlib.contextmanager
def held(
    path: Path,
    *,
    refusal: str | None = None,
    on_wait: Callable[[], None] = lambda: None,
    keep: bool = True,
) -> Iterator[None]:
    """Hold the lock of a path, which one process at a time can.

    Parameters
    ----------
    path : Path
        A lock file, which is made where it is missing; or a folder, whose lock file is
        a hidden one in it and is removed afterwards.
    refusal : str, optional
        The error's message if another process holds the lock. Without it, wait.
    on_wait : callable
        Called once, before waiting.
    keep : bool
        Whether the lock file stays when the lock is released.

    Raises
    ------
    InputError
        If another process holds the lock and there is a `refusal`.
    """
    if path.is_dir():
        path, keep = path / _IN_FOLDER, False
    lock, native = _try(path)
    if not lock.is_locked:
        if refusal is not None:
            raise InputError(refusal if native else f"{refusal} {_left(lock)}")
        if not native:
            report.warn(_left(lock))
        on_wait()
        _wait(lock, path)
    try:
        yield
    finally:
        if native and not keep:
            # While it is held: whoever waits for this file notices that it is gone.
            # (Windows refuses, and its lock removes the file itself.)
            with contextlib.suppress(OSError):
                path.unlink()
        lock.release()


def beside(path: Path) -> Path:
    """Return the hidden lock file beside a file or folder.

    >>> beside(Path("/runs/first")).as_posix()
    '/runs/.first.lock'
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 (keeps symlinks)
    return path.with_name(f".{path.name}.lock")


def _try(path: Path) -> tuple[filelock.BaseFileLock, bool]:
    """Try to acquire a lock once; tell whether it is one of the file system's."""
    # Not the library's own default: a lock may be released by another thread.
    lock: filelock.BaseFileLock = filelock.FileLock(path, thread_local=False)
    if isinstance(lock, filelock.SoftFileLock):  # a system without any, as it warned
        _acquire_at_once(lock)
        return lock, False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _acquire_at_once(lock)
            native = not caught  # it warns when it falls back by itself
        except OSError as error:
            if error.errno not in system.UNSUPPORTED:
                raise
            native = False
            path.unlink(missing_ok=True)  # of no use: nobody can lock it
            path = path.with_name(f"{path.name}.soft")
            lock = filelock.SoftFileLock(path, thread_local=False)
            _acquire_at_once(lock)
    if not native:
        report.warn(
            f"The file system of {quoted(path.parent)} has no locks; the file "
            f"{quoted(path.name)} stands for one, and must be deleted by hand if this "
            "machine crashes and another goes on; or work on a local disk "
            "(KERASTRANSFER_HOME, --runs, --out)."
        )
    return lock, native


def _left(lock: filelock.BaseFileLock) -> str:
    return (
        "If no process does any more, as after a crash of another machine, delete "
        f"{quoted(lock.lock_file)}."
    )


def _acquire_at_once(lock: filelock.BaseFileLock) -> None:
    with contextlib.suppress(filelock.Timeout):
        lock.acquire(timeout=0)


def _wait(lock: filelock.BaseFileLock, path: Path) -> None:
    while True:
        # The folder may be deleted, lock and all, by the process that is waited for.
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            lock.acquire(poll_interval=_POLL_SECONDS)
            return
