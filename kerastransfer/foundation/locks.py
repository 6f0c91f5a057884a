"""Locks between processes. The lock of a process that died is free."""

import contextlib
import errno
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from kerastransfer.errors import InputError
from kerastransfer.foundation import report

# What a file system without locks answers.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
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
            raise InputError(refusal)
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
    """Try to acquire a lock once; tell whether the file system has locks."""
    # Not the library's own default: a lock may be released by another thread.
    lock: filelock.BaseFileLock = filelock.FileLock(path, thread_local=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _acquire_at_once(lock)
            native = not caught  # it warns when it falls back by itself
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            native = False
            path.unlink(missing_ok=True)  # of no use: nobody can lock it
            path = path.with_name(f"{path.name}.soft")
            lock = filelock.SoftFileLock(path, thread_local=False)
            _acquire_at_once(lock)
    if not native:
        report.warn(
            f"The file system of {str(path.parent)!r} has no locks; the file "
            f"{path.name!r} stands for one, and must be removed by hand if a machine "
            "crashes."
        )
    return lock, native


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
