"""Locks between processes; a dead process's lock is gone."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.errors import InputError


@contextlib.contextmanager
def held(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock, or refuse to wait for the process that does.

    Parameters
    ----------
    path : Path
        A folder, or a lock file, which is made where it is missing.
    refusal : str
        What to say if another process holds it.

    Raises
    ------
    InputError
        In those words.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(refusal) from None
        yield
    finally:
        os.close(handle)


def leads_to(path: Path, handle: int) -> bool:
    """Whether a path still leads to an open file, which may have been replaced."""
    return path.exists() and os.path.samestat(path.stat(), os.fstat(handle))
