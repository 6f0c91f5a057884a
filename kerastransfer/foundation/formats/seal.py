"""A folder's seal: what its files held when they were written, so that edits are told.

The seal is a file as ``sha256sum`` writes it, which ``sha256sum --check SHA256SUMS``
reads. It tells of accidents and edits; it is no signature.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kerastransfer.errors import DataError
from kerastransfer.foundation import atomic, checksums, report
from kerastransfer.foundation.quoting import quoted

FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_LARGEST = 1 << 20  # bytes of a seal


def write(
    folder: Path, names: Iterable[str], coming: Mapping[str, str] | None = None
) -> None:
    """Seal a folder's files.

    Parameters
    ----------
    names : iterable of str
        Relative to the folder, with forward slashes.
    coming : mapping of str to str, optional
        Texts of files that are written after the seal, by name.
    """
    sums = {name: sha256(folder / name) for name in names}
    for name, text in (coming or {}).items():
        sums[name] = hashlib.sha256(text.encode()).hexdigest()
    _write(folder, sums)


def add(folder: Path, name: str) -> None:
    """Seal one more file, or one that was written anew; others keep their sums.

    A file that was damaged since must not be sealed as it is.
    """
    there = (_read(folder / FILE) or {}) if (folder / FILE).is_file() else {}
    kept = {each: digest for each, digest in there.items() if (folder / each).exists()}
    _write(folder, {**kept, name: sha256(folder / name)})


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return checksums.digests(path, ("sha256",))["sha256"]


def check(folder: Path, cure: str, *, read: Iterable[str] = ()) -> None:
    """Refuse a folder whose files are not those that were sealed.

    Parameters
    ----------
    cure : str
        What to do, which ends the error's message.
    read : iterable of str
        Names of files that are read where they are there, and so may not be added.

    Raises
    ------
    DataError
        If a file was changed, added or removed; the message names it.

    Warns
    -----
    KerasTransferWarning
        If there is no seal: earlier releases left none.
    """
    if not (folder / FILE).is_file():
        report.warn(
            f"{quoted(folder)} has no {FILE}, as earlier releases left none: whether "
            "its files are as they were written is not known."
        )
        return
    changes = differences(folder, read)
    if changes:
        raise DataError(
            f"Expected the files in {quoted(folder)} as they were written, and "
            f"{'; '.join(changes[:5])}{' ...' if len(changes) > 5 else ''}; {cure}."
        )


def differences(folder: Path, read: Iterable[str] = ()) -> list[str]:
    """Say which files are not as they were sealed; see `check`."""
    sums = _read(folder / FILE)
    if sums is None:
        return [f"{FILE} is damaged"]
    changes = [
        f"{name} was added"
        for name in sorted(read)
        if name not in sums and (folder / name).is_file()
    ]
    for name, digest in sums.items():
        path = folder / name
        if not path.is_file():
            changes.append(f"{name} is gone")
        elif sha256(path) != digest:
            changes.append(f"{name} was changed")
    return changes


def _write(folder: Path, sums: Mapping[str, str]) -> None:
    lines = (f"{sums[name]}  {name}\n" for name in sorted(sums))
    atomic.write_text(folder / FILE, "".join(lines))


def _read(path: Path) -> dict[str, str] | None:
    """Read a seal; None where it is damaged, or names files of other folders."""
    if path.stat().st_size > _LARGEST:
        return None
    *lines, end = path.read_bytes().decode(errors="replace").split("\n")
    matches = [_LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in matches if match is not None}
    whole = len(sums) == len(matches) > 0 and not end
    return sums if whole and all(map(_is_inside, sums)) else None


def _is_inside(name: str) -> bool:
    odd = set(name) & {"\0", ":", "\\"}  # a drive, or a separator, of Windows
    return not (odd or ".." in name.split("/") or name.startswith("/"))
