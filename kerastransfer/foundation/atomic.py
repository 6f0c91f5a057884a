"""Files and folders that are whole or not there."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kerastransfer.foundation import system

_SCRATCH = ".part-"  # how names of scratch files begin


@contextmanager
def replacing(path: Path, suffix: str = "", size: int = 0) -> Iterator[Path]:
    """Give a scratch file that takes another's place when the block ends well.

    Parameters
    ----------
    path : Path
        The file to write or replace; its folder is made where it is missing.
    suffix : str
        Ending of the scratch file's name, for writers that go by it.
    size : int
        Bytes for which there has to be room: what writes in C, as HDF5 does, tells of a
        full disk badly.

    Yields
    ------
    Path
        In the same folder. It is removed if the block fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_SCRATCH, suffix=suffix)
    scratch = Path(name)
    try:
        try:
            system.reserve(handle, size)
        finally:
            os.close(handle)
        yield scratch
        with scratch.open("r+b") as file:  # or a power cut could leave an empty file
            system.sync(file.fileno())
        system.allow_reading(scratch)  # mkstemp makes files that nobody else may read
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Parameters
    ----------
    text : str
        Written as UTF-8, with the same ends of lines on every system.
    """
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all.

    Parameters
    ----------
    value : object
        Whatever JSON can hold; NaN and infinities are refused.
    """
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return what `write_json` writes."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def remove_scratch(folder: Path) -> None:
    """Remove what processes that were killed left of `replacing`, at any depth.

    Only while no other process writes there.
    """
    for scratch in folder.rglob(f"{_SCRATCH}*"):
        if scratch.is_file():
            scratch.unlink(missing_ok=True)


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Give a private folder beside a path, for what will take its place.

    It has one name, so that what a killed process left is removed by the next one; only
    under a lock.

    Parameters
    ----------
    target : Path
        Its folder is made where it is missing.
    """
    folder = target.with_name(f".{target.name}.incomplete")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, old: Path) -> None:
    """Put a complete folder in another's place.

    Parameters
    ----------
    new, old : Path
        On one file system; `old` need not exist.
    """
    if old.exists():
        aside = new.with_name(f"{new.name}.old")
        old.rename(aside)
        new.rename(old)
        shutil.rmtree(aside)
    else:
        new.rename(old)
