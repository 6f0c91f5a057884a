"""An archive that somebody has unpacked, under the names it had in the archive."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.archives.members import Enter, Member, Passing
from kerastransfer.archives.spans import FileSpan, Unreadable
from kerastransfer.archives.tars import Tar


@dataclasses.dataclass(frozen=True, slots=True)
class FolderArchive:
    """A folder; its files' names begin with its own.

    Links to files inside the folder are followed: an archive that was unpacked may
    have made them. Links to folders, and those that lead out or nowhere, are told.
    """

    path: Path
    sequential: bool = False

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """See `members.Archive`; nested ones must be plain tars."""
        home = self.path.resolve()
        for parent, folders, names in os.walk(self.path, onerror=_raise):
            folders.sort()
            linked = (name for name in folders if Path(parent, name).is_symlink())
            for name in sorted((*names, *linked)):
                yield from self._file(Path(parent, name), home, enter)

    def _file(self, file: Path, home: Path, enter: Enter | None) -> Iterator[Member]:
        """Yield a file; or, of a tar to look into, its files."""
        name = f"{self.path.name}/{file.relative_to(self.path).as_posix()}"
        # realpath, for resolve raises where links lead round in a circle
        target = Path(os.path.realpath(file)) if file.is_symlink() else file
        inside = target is file or target.is_relative_to(home)
        if inside and file.is_file():
            if enter is not None and enter(name):
                for member in Tar(file).members():
                    inner = f"{name}/{member.name}"
                    yield dataclasses.replace(member, name=inner)
            else:
                yield Member(name, file.stat().st_size, FileSpan(file))
        elif file.is_symlink():
            yield Member(name, 0, Unreadable("it is a link"), link=True)


def _raise(error: OSError) -> None:
    raise error
