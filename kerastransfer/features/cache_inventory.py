"""The caches of frozen prefixes that are on disk: listing and deleting them.

Needs no TensorFlow.
"""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

from kerastransfer.foundation import json_file, locks
from kerastransfer.foundation.quoting import quoted

META = "cache.json"
LOCK = "lock"
_DETAILS = {"backbone", "cut", "dtype", "records"}  # what a person is told


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A cache as a person sees it.

    Parameters
    ----------
    details : dict
        What ``cache.json`` says; empty where it cannot be read.
    size : int
        Bytes on disk.
    used : float
        When it was last used: seconds since 1970.
    """

    folder: Path
    details: dict[str, Any]
    size: int
    used: float


def entries(home: Path) -> list[Entry]:
    """List the caches in a folder, the last used first.

    Parameters
    ----------
    home : Path
        Need not exist.
    """
    caches = []
    for path in home.glob(f"*/{META}"):
        details = _read_details(path)
        files = [file.stat() for file in path.parent.iterdir() if file.is_file()]
        # What is sparse is not there; Windows does not say so.
        size = sum(
            512 * stat.st_blocks if hasattr(stat, "st_blocks") else stat.st_size
            for stat in files
        )
        caches.append(Entry(path.parent, details, size, path.stat().st_mtime))
    return sorted(caches, key=lambda entry: -entry.used)


def _read_details(path: Path) -> dict[str, Any]:
    """Return what describes a cache; nothing where it is damaged."""
    try:
        details = json_file.read_object(path)
    except (ValueError, OSError):
        return {}
    whole = details.keys() >= _DETAILS and isinstance(details["records"], str)
    return details if whole else {}


def remove(entry: Entry) -> None:
    """Delete a cache's own files.

    Raises
    ------
    InputError
        If another process fills it.
    """
    refusal = f"Expected nobody to fill {quoted(entry.folder)}; prune it later."
    with locks.held(entry.folder / LOCK, refusal=refusal, keep=False):
        for path in (*_own_files(entry.folder), entry.folder / META):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other files are not ours to delete
        entry.folder.rmdir()


def _own_files(folder: Path) -> list[Path]:
    """List rows, and what a kill left of a file that was being written."""
    return [*folder.glob("*.npy"), *folder.glob(".part-*")]
