"""Files whose names a table spells otherwise than the disk does."""

import os
import unicodedata
from pathlib import Path

from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted


class AlikePaths:
    """Finds files by names that differ in case, blanks or the encoding of Unicode.

    Tables come from systems to which ``IMG_1.JPG`` and ``img_1.jpg`` are one file, and
    ``e`` with an accent is one character or two.
    """

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._first: tuple[Path, Path] | None = None
        self._count = 0

    def find(self, path: Path) -> Path | None:
        """Return the one file that is alike; None where there is none, or several."""
        place = Path(path.anchor)
        for part in path.parts[1:] if path.anchor else path.parts:
            if not os.path.lexists(place / part):
                alike = self._listed(place).get(_fold(part), [])
                if len(alike) != 1:
                    return None
                part = alike[0]
            place /= part
        if not place.is_file():
            return None
        self._count += 1
        self._first = self._first or (path, place)
        return place

    def tell(self, source: str) -> None:
        """Warn of what was taken for what, if anything was."""
        if self._first is not None:
            asked, there = self._first
            report.warn(
                f"{self._count:,} paths in {source} are spelled otherwise than the "
                f"files, such as {quoted(asked.name)} for {quoted(there.name)}; those "
                "are taken."
            )

    def _listed(self, folder: Path) -> dict[str, list[str]]:
        """Return the names in a folder by what they are but for their spelling."""
        if folder not in self._names:
            by_fold: dict[str, list[str]] = {}
            for path in folder.iterdir() if folder.is_dir() else ():
                by_fold.setdefault(_fold(path.name), []).append(path.name)
            self._names[folder] = by_fold
        return self._names[folder]


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
