"""An archive that somebody has unpacked, under the names it had in the archive."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.archives.members import Enter, Member, Passing
from kerastransfer.archives.spans import FileSpan


@dataclasses.dataclass(frozen=True, slots=True)
class Folder:
    """A folder; its files' names begin with its own.

    Links to folders are not followed, and links to files only inside the folder: an
    archive that was unpacked may have made them.

    Parameters
    ----------
    path : Path
    """

    path: Path
    sequential: bool = False

    def members(
        self, enter: Enter | None = None, passing: Passing | None = None
    ) -> Iterator[Member]:
        """See `members.Archive`; nested archives are not entered."""
        home = self.path.resolve()
        for parent, folders, names in os.walk(self.path, onerror=_raise):
            folders.sort()
            for name in sorted(names):
                file = Path(parent, name)
                if file.is_symlink() and not file.resolve().is_relative_to(home):
                    continue
                if file.is_file():
                    told = file.relative_to(self.path).as_posix()
                    size = file.stat().st_size
                    yield Member(f"{self.path.name}/{told}", size, FileSpan(file))


def _raise(error: OSError) -> None:
    raise error
