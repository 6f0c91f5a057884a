"""The members of an archive, one after the other, under names that can do no harm."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from kerastransfer.archives.spans import Readable
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

_ROOTS = ("/", "\\")
# Which nested archives to look into, by name.
Enter = Callable[[str], bool]
# Told the bytes from an archive's front to where reading has come, and the bytes read.
Passing = Callable[[int, bytes], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One regular file of an archive, or a link of an unpacked one.

    Parameters
    ----------
    name : str
        Relative POSIX path; of a member of a nested archive, both paths.
    size : int
        In bytes.
    content : Readable
        Its bytes. In an archive that can only be read from front to back it
        must be read before the next member is asked for.
    link : bool
        Whether it is a link that is not followed; then it has no bytes.
    """

    name: str
    size: int
    content: Readable
    link: bool = False


class Archive(Protocol):
    """A file or folder that holds files."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def sequential(self) -> bool:
        """Whether it can only be read from front to back."""

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """Yield its files in the order in which reading them is cheapest.

        Parameters
        ----------
        enter : callable, optional
            Says of a nested archive's name whether its own files are wanted.
        passing : callable, optional
            Told how far a tar is read; of a `sequential` one every byte of the file,
            once and in order, where this iterator is exhausted.

        Raises
        ------
        DataError
            If it is damaged or cut short, or holds links, devices or names that lead
            out of it.
        """


def safe_name(name: str, path: Path) -> str:
    """Spell a member's name as a relative POSIX path.

    Parameters
    ----------
    name : str
        As the archive has it; backslashes are taken for separators, as Windows writes.
    path : Path
        The archive, for the message.

    Raises
    ------
    DataError
        If it is absolute or leads out of the folder it would be unpacked to.
    """
    parts = name.replace("\\", "/").split("/")
    absolute = name.startswith(_ROOTS) or name[1:2] == ":"
    if absolute or ".." in parts or "\0" in name:
        raise refused(path, f"the name {quoted(name)} leads out of it")
    return "/".join(part for part in parts if part not in ("", "."))


def refused(path: Path, what: str) -> DataError:
    """Make the error for an archive that no honest dataset would be."""
    return DataError(f"Archive {quoted(path)} is refused: {what}.")
