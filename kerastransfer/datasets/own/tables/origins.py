"""Where the files are that a table names, as its writer saw them."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from kerastransfer.datasets.naming import is_image

_TRIED = 100  # paths that a origin is judged by before all are looked at
# Added to names without one, as some tables have them.
_ENDINGS = (".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG", ".tif", ".bmp", ".webp")


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """What paths of a table are relative to.

    Parameters
    ----------
    folder : Path
        Absolute.
    ending : str
        What is added to each path; empty for nothing.
    """

    folder: Path
    ending: str = ""

    def file(self, path: str) -> Path:
        """Return a path's file: spelled as it is, or else with slashes forward."""
        file = self._whole(path)
        if "\\" in path and not is_file(file):
            return self._whole(path.replace("\\", "/"))
        return file

    def name(self, file: Path) -> str:
        """Spell a file in one way: relative where it lies within, else absolute."""
        inside = file.is_relative_to(self.folder)
        return (file.relative_to(self.folder) if inside else file).as_posix()

    def _whole(self, path: str) -> Path:
        return Path(os.path.normpath(self.folder / (path + self.ending)))


def is_file(path: Path) -> bool:
    """Whether a file is there; False for what no file can be called."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def find_origin(paths: Sequence[str], folders: Iterable[Path]) -> Origin:
    """Say what paths are relative to: the first origin where all files are.

    Parameters
    ----------
    paths : sequence of str
        All of a table.
    folders : iterable of Path
        Where they may be, the likeliest first.

    Returns
    -------
    Origin
        Where most are, if they are all in none.
    """
    endings = [""]
    if paths and not any(is_image(PurePath(path).name) for path in paths):
        endings += _ENDINGS
    origins = [Origin(folder, ending) for ending in endings for folder in folders]
    tried = paths[:_TRIED]
    hits = {origin: sum(is_file(origin.file(p)) for p in tried) for origin in origins}
    best = [origin for origin in origins if hits[origin] == len(tried)]
    for origin in best:
        if len(best) == 1 or all(is_file(origin.file(path)) for path in paths):
            return origin
    return max(origins, key=lambda origin: hits[origin])
