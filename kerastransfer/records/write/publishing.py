"""Putting records in their place: one process at a time, whole or not at all."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from kerastransfer.foundation import atomic, locks, report


@contextlib.contextmanager
def lock(out: Path, name: str) -> Iterator[None]:
    """Let one process at a time convert a dataset; a dead one's lock is gone.

    Parameters
    ----------
    out : Path
        Where records go.
    name : str
        The dataset's.
    """
    out.mkdir(parents=True, exist_ok=True)

    def announce() -> None:
        report.warn(f"Another process converts {name}; waiting for it.")

    with locks.held(locks.beside(out / name), on_wait=announce):
        yield


def replace(target: Path, write: Callable[[Path], Path]) -> Path:
    """Write beside `target`, then move there; under the lock.

    TFDS has an incomplete folder of its own within; the one here is found again after
    a killed run, and also keeps the old records until the new ones are whole.

    Parameters
    ----------
    target : Path
        The folder to make or replace.
    write : callable
        Makes a folder within the one that it is given, and returns it.

    Returns
    -------
    Path
        `target`.
    """
    with atomic.staging(target.parent) as folder:
        made = write(folder)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.replace(folder / "old")
        made.replace(target)
    return target
