"""Which files are to be classified: those named, those in folders, those listed."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kerastransfer.datasets.own.folders.tree import read_tree
from kerastransfer.datasets.selection import ALL
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say


def as_paths(files: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return one path, or several, as a list."""
    several = [files] if isinstance(files, str | Path) else files
    return [Path(file) for file in several]


def image_files(named: Iterable[Path]) -> list[Path]:
    """Return files in the order in which they are named; of folders, those in them.

    What is named is taken whatever it is. In a folder, images at any depth are, in the
    order of their paths, but for those that are taken before; what is no image is
    counted and said.

    Raises
    ------
    MissingError
        If a folder holds no image.
    InputError
        If a folder cannot be read.
    """
    paths: list[Path] = []
    taken: set[str] = set()
    for path in named:
        inside = _in_folder(path) if _is_folder(path) else [path]
        for file in inside:
            place = os.path.abspath(file)  # noqa: PTH100 (keeps symlinks)
            if file is path or place not in taken:
                paths.append(file)
            taken.add(place)
    return paths


def refuse_missing(named: Sequence[Path], paths: Sequence[Path]) -> None:
    """Refuse names of which none is there; of some, the others are classified.

    Raises
    ------
    InputError
        If nothing is named.
    MissingError
        If nothing that was named is there.
    """
    if not named:
        raise InputError("Expected image files or folders, got none; name some.")
    if not any(map(_is_file, paths)):
        raise MissingError(
            f"Expected image files, and none of {len(paths):,} is there, such as "
            f"{quoted(paths[0])}; is the name right?"
        )


def _is_folder(path: Path) -> bool:
    # A name that cannot even be looked at is an answer like another: an error.
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _in_folder(folder: Path) -> list[Path]:
    try:
        tree = read_tree(folder, ALL)
    except OSError as error:
        raise InputError(
            f"Expected folders that can be read, and "
            f"{quoted(error.filename or folder)} cannot: {error.strerror}; change its "
            "rights or name another."
        ) from None
    if tree.ignored:
        counts = ", ".join(f"{n:,} {kind}" for kind, n in sorted(tree.ignored.items()))
        say(f"{quoted(folder)}: passed over {counts}.")
    names = (each.join(name) for each in tree.top.walk() for name in each.images)
    paths = [folder / name for name in sorted(names)]
    if not paths:
        raise MissingError(
            f"Expected images in {quoted(folder)}, and there is none; name another "
            "folder."
        )
    return paths


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
