"""Rows that are there already, so that work which was killed goes on where it was.

Beside the table lies a file with a line for what is asked and a line a row. A line that
was cut off, by a full disk or a kill, is left out with all that follow it.
"""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from kerastransfer.errors import InputError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say

ENDING = ".unfinished"
_BEGIN = b'{"files": '  # of the line that says what is asked


def beside(table: Path) -> Path:
    """Return the path of a table's journal."""
    return table.with_name(f"{table.name}{ENDING}")


class Journal:
    """The rows of a table that is being made.

    Parameters
    ----------
    file : text file
        Open for writing, after the rows that are there.
    done : int
        How many those are.
    """

    def __init__(self, path: Path, file: IO[bytes], done: int) -> None:
        self._path, self._file, self.done = path, file, done

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, and bring them to the disk."""
        self._file.write(b"".join(map(_line, rows)))
        self._file.flush()
        system.sync(self._file.fileno())
        self.done += len(rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Read all rows again."""
        with self._path.open("rb") as file:
            file.readline()
            for line in file:
                yield json.loads(line)


@contextlib.contextmanager
def opened(table: Path, asked: Mapping[str, Any], batch: int = 1) -> Iterator[Journal]:
    """Open a table's journal, new or as far as it came.

    It is left there if the block fails, and removed if it ends well.

    Parameters
    ----------
    asked : mapping
        What the rows depend on. A journal of another question is put aside, and that is
        said.
    batch : int
        Rows that come together: of those that were cut off, none is taken.

    Raises
    ------
    InputError
        If a file of that name is no journal.
    """
    path = beside(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    size, done = _sound(path, asked, batch)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | system.BINARY, 0o666)
    with os.fdopen(handle, "r+b") as file:
        file.truncate(size)
        file.seek(size)
        journal = Journal(path, file, done)
        if size == 0:
            file.write(_line(asked))
        yield journal
    path.unlink()


def _sound(path: Path, asked: Mapping[str, Any], batch: int) -> tuple[int, int]:
    """Return how many bytes of a journal are sound, and how many rows they hold."""
    if not path.exists() or not path.stat().st_size:
        return 0, 0
    ends: list[int] = []
    with path.open("rb") as file:
        first = file.readline()
        if not first.endswith(b"\n") and first.startswith(_BEGIN[: len(first)]):
            return 0, 0  # it was cut off before the first row
        header = _content(first)
        if not isinstance(header, dict) or header.keys() != asked.keys():
            raise InputError(
                f"Expected rows of an unfinished table in {quoted(path)}, got "
                "something else; move it away, or name another --out."
            )
        if header != json.loads(_line(asked)):
            aside = _free(path)
            say(
                f"{path.name} is of other images, another model or other options: it "
                f"is now {aside.name}, and the table is begun anew."
            )
            path.replace(aside)
            return 0, 0
        ends.append(file.tell())
        for line in file:
            if _content(line) is None:
                break
            ends.append(ends[-1] + len(line))
    rows = len(ends) - 1
    rows -= rows % batch
    return ends[rows], rows


def _free(path: Path) -> Path:
    """Return a name beside a path that no file has."""
    names = (path.with_name(f"{path.name}.before{n}") for n in itertools.count(1))
    return next(name for name in names if not name.exists())


def _content(line: bytes) -> Any:
    """Return what a line holds; None where it is no whole one."""
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(content), sort_keys=True).encode() + b"\n"
