"""Encoded images on their way from the archives to the records.

Archives give images in their own order and records want another; images that prove to
be undecodable change who is where. So every image is encoded once and waits here, on
disk where there are many, until the plan holds.
"""

import array
import os
from collections.abc import Collection
from pathlib import Path
from typing import Self

from kerastransfer.foundation import system
from kerastransfer.records.write.stored_image import Encoded

_IN_MEMORY = 1 << 28  # bytes, beyond which a file is used
_BUFFER = 1 << 22  # bytes that are written to it at once


class Spool:
    """Encoded images by path; a context manager that leaves no file.

    Parameters
    ----------
    path : Path
        A file that may be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, int] = {}
        self._ends = array.array("Q", [0])
        self._memory = bytearray()
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._path.unlink(missing_ok=True)

    def add(self, path: str, image: Encoded) -> None:
        """Keep an image's bytes."""
        self._memory += image.data
        self._rows[path] = len(self._rows)
        self._ends.append(self._ends[-1] + len(image.data))
        if len(self._memory) > (_IN_MEMORY if self._file is None else _BUFFER):
            self._roll()

    def missing(self, paths: Collection[str]) -> list[str]:
        """Return those of some paths that are not kept yet."""
        return [path for path in paths if path not in self._rows]

    def read(self, path: str) -> bytes:
        """Return an image's bytes."""
        row = self._rows[path]
        start, end = self._ends[row], self._ends[row + 1]
        written = self._ends[-1] - len(self._memory)
        if start >= written:
            return bytes(memoryview(self._memory)[start - written : end - written])
        assert self._file is not None
        return system.read_at(self._file, end - start, start)

    def _roll(self) -> None:
        """Write what is in memory to the file."""
        if self._file is None:
            how = os.O_RDWR | os.O_CREAT | os.O_EXCL | system.BINARY
            self._file = os.open(self._path, how, 0o600)
        rest = memoryview(self._memory)
        while rest:
            rest = rest[system.write_at(self._file, rest, self._ends[-1] - len(rest)) :]
        self._memory = bytearray()
