"""Encoded images on their way from the archives to the records.

Archives give images in their own order and records want another; images that prove to
be undecodable change who is where. So every image is encoded once and waits here, on
disk, until the plan holds.
"""

import array
import os
from collections.abc import Collection
from pathlib import Path
from typing import Self

from kerastransfer.records.encode import Encoded


class Spool:
    """A file of encoded images by path; a context manager that removes it.

    Parameters
    ----------
    path : Path
        A new file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, int] = {}
        self._ends = array.array("Q", [0])

    def __enter__(self) -> Self:
        self._file = self._path.open("w+b")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
        except OSError:  # a full disk, again; the first time is told already
            if kind is None:
                raise
        finally:
            self._path.unlink(missing_ok=True)

    def __contains__(self, path: object) -> bool:
        return path in self._rows

    def add(self, path: str, image: Encoded) -> None:
        """Keep an image's bytes."""
        self._file.write(image.data)
        self._rows[path] = len(self._rows)
        self._ends.append(self._ends[-1] + len(image.data))

    def missing(self, paths: Collection[str]) -> list[str]:
        """Return those of some paths that are not kept yet."""
        return [path for path in paths if path not in self._rows]

    def read(self, path: str) -> bytes:
        """Return an image's bytes; all must have been added before."""
        row = self._rows[path]
        start, end = self._ends[row], self._ends[row + 1]
        return os.pread(self._file.fileno(), end - start, start)

    def flush(self) -> None:
        """Write what is still in memory; before the first `read`."""
        self._file.flush()
