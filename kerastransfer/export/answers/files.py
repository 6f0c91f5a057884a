"""Which files are to be classified: those named, those in folders, those listed."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kerastransfer.datasets.own.folders.tree import read_tree
from kerastransfer.datasets.selection import ALL
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say


def as_paths(files: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return one path, or several, as a list."""
    several = [files] if isinstance(files, str | Path) else files
    return [Path(file) for file in several]


def image_files(named: Iterable[Path]) -> list[Path]:
    """Return files in the order in which they are named; of folders, those in them.

    A file is taken once, and one that is named is taken whatever it is. In a folder,
    images at any depth are, in the order of their paths; what is no image is counted
    and said.

    Raises
    ------
    MissingError
        If nothing that was named is there, or a folder holds no image.
    """
    named = list(named)
    paths: dict[Path, None] = {}
    for path in named:
        if _is_folder(path):
            paths |= dict.fromkeys(_in_folder(path))
        else:
            paths[path] = None
    _refuse_missing(named, list(paths))
    return list(paths)


def _is_folder(path: Path) -> bool:
    # A name that cannot even be looked at is an answer like another: an error.
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _in_folder(folder: Path) -> list[Path]:
    try:
        tree = read_tree(folder, ALL)
    except OSError as error:
        raise InputError(
            f"Expected a folder that can be read, and {quoted(folder)} cannot: "
            f"{error.strerror}; change its rights or name another."
        ) from None
    names = (each.join(name) for each in tree.top.walk() for name in each.images)
    passed_over = tree.ignored + tree.top.lost()
    if passed_over:
        counts = ", ".join(f"{n:,} {kind}" for kind, n in sorted(passed_over.items()))
        say(f"{quoted(folder)}: passed over {counts}.")
    return [folder / name for name in sorted(names)]


def _refuse_missing(named: Sequence[Path], paths: Sequence[Path]) -> None:
    """Refuse names of which none is there; of some, the others are classified."""
    if not named:
        raise InputError("Expected image files or folders, got none; name some.")
    if not paths:
        raise MissingError(
            f"Expected images in {quoted(named[0])}, and there is none; name another "
            "folder."
        )
    if not any(system.is_file(path) for path in paths):
        raise MissingError(
            f"Expected image files, and none of {len(paths):,} is there, such as "
            f"{quoted(paths[0])}; is the name right?"
        )


def listed(text: bytes) -> list[Path]:
    r"""Return the names in a list: one a line, or each ended by a NUL.

    Examples
    --------
    >>> [path.name for path in listed(b"a b.png\nc.png\n")]
    ['a b.png', 'c.png']
    >>> [path.name for path in listed(b"one\nname.png\0")]
    ['one\nname.png']
    """
    names = text.split(b"\0") if b"\0" in text else text.splitlines()
    return [Path(os.fsdecode(name)) for name in names if name]


def fingerprint(paths: Iterable[Path]) -> str:
    """Return a digest of names, sizes and times, which changes where a file does."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path) + b"\0")
        try:
            status = path.stat()
        except (OSError, ValueError):
            continue
        digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
