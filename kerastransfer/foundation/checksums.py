"""Hashes of files, and whether they are the published ones."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
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


class Hasher:
    """Hashes of bytes that pass by.

    Parameters
    ----------
    algorithms : iterable of str
        As `hashlib` calls them.

    Examples
    --------
    >>> hasher = Hasher(["md5"])
    >>> hasher.update(b"abc")
    >>> hasher.digests()
    {'md5': '900150983cd24fb0d6963f7d28e17f72'}
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in algorithms
        }

    def update(self, data: bytes) -> None:
        """Take note of the next bytes."""
        for hasher in self._hashes.values():
            hasher.update(data)

    def digests(self) -> dict[str, str]:
        """Return lower-case hexadecimal digits, by algorithm."""
        return {name: hasher.hexdigest() for name, hasher in self._hashes.items()}


def digests(
    path: Path,
    algorithms: Iterable[str],
    progress: Callable[[int], None] | None = None,
) -> dict[str, str]:
    """Hash a file, once read, in several ways.

    Parameters
    ----------
    path : Path
        The file.
    algorithms : iterable of str
        As `hashlib` calls them.
    progress : callable, optional
        Told how many bytes are read.

    Returns
    -------
    dict of str to str
        Lower-case hexadecimal digits, by algorithm.
    """
    hashes, have = Hasher(algorithms), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hashes.update(chunk)
            have += len(chunk)
            if progress is not None:
                progress(have)
    return hashes.digests()


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
    num_bytes = path.stat().st_size
    wrong = difference(num_bytes, {}, size, ())
    if wrong:
        return wrong
    hashes = digests(path, {checksum.algorithm for checksum in wanted})
    return difference(num_bytes, hashes, size, wanted)


def difference(
    num_bytes: int,
    hashes: Mapping[str, str],
    size: int | None,
    checksums: Iterable[Checksum],
) -> str:
    """Say in what a file's size and hashes differ from those published.

    Parameters
    ----------
    num_bytes : int
        Its bytes.
    hashes : mapping of str to str
        By algorithm, as `digests` returns them.
    size, checksums
        As `mismatch` takes them.

    Returns
    -------
    str
        What was expected and what came, or nothing if all holds.

    Examples
    --------
    >>> difference(2, {}, 3, ())
    'expected 3 bytes, got 2'
    >>> difference(3, {"md5": "900150983cd2"}, 3, [Checksum("md5", "9001")])
    ''
    """
    if size is not None and num_bytes != size:
        return f"expected {size:,} bytes, got {num_bytes:,}"
    for checksum in checksums:
        digest = hashes[checksum.algorithm]
        if not digest.startswith(checksum.digest):
            return (
                f"expected a {checksum.algorithm} of {checksum.digest}, got "
                f"{digest[: len(checksum.digest)]}"
            )
    return ""
