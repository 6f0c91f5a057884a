"""Hashes of files, and whether they are the published ones."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Checksum:
    """A published digest, or the beginning of one.

    Parameters
    ----------
    algorithm : str
        As `hashlib` calls it.
    digest : str
        Lower-case hexadecimal digits; fewer than the algorithm gives where only the
        first are published.
    """

    algorithm: str
    digest: str


def digests(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Hash a file, once read, in several ways.

    Parameters
    ----------
    path : Path
        The file.
    algorithms : iterable of str
        As `hashlib` calls them.

    Returns
    -------
    dict of str to str
        Lower-case hexadecimal digits, by algorithm.
    """
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for each in hashes.values():
                each.update(chunk)
    return {name: each.hexdigest() for name, each in hashes.items()}


def mismatch(path: Path, size: int | None, checksums: Iterable[Checksum]) -> str:
    """Say in what a file differs from what was published.

    Parameters
    ----------
    path : Path
        The file.
    size : int or None
        Bytes it should have, if that is known.
    checksums : iterable of Checksum
        That should all hold.

    Returns
    -------
    str
        What was expected and what came, or nothing if all holds.
    """
    wanted = tuple(checksums)
    found = path.stat().st_size
    wrong = difference(found, {}, size, ())
    if wrong:
        return wrong
    hashes = digests(path, {checksum.algorithm for checksum in wanted})
    return difference(found, hashes, size, wanted)


def difference(
    found: int,
    hashes: Mapping[str, str],
    size: int | None,
    checksums: Iterable[Checksum],
) -> str:
    """Say in what a file's size and hashes differ from those published.

    Parameters
    ----------
    found : int
        Its bytes.
    hashes : mapping of str to str
        By algorithm, as `digests` returns them.
    size, checksums
        As `mismatch` takes them.

    Returns
    -------
    str
        What was expected and what came, or nothing if all holds.
    """
    if size is not None and found != size:
        return f"expected {size:,} bytes, got {found:,}"
    for checksum in checksums:
        digest = hashes[checksum.algorithm]
        if not digest.startswith(checksum.digest):
            return (
                f"expected a {checksum.algorithm} of {checksum.digest}, got "
                f"{digest[: len(checksum.digest)]}"
            )
    return ""
