"""Classify any number of files into a table, and go on where that was stopped."""

import dataclasses
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.errors import InputError
from kerastransfer.export.answers import files, journal, table
from kerastransfer.export.answers.row import columns, failed, row_of
from kerastransfer.foundation import locks, system
from kerastransfer.foundation.progress import progress
from kerastransfer.foundation.quoting import quoted

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Predictor


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTable:
    """A table of answers that was written.

    Parameters
    ----------
    path : Path
    files, failed : int
        Rows, and how many of them are of files that could not be read.
    """

    path: Path
    files: int
    failed: int

    def __str__(self) -> str:
        answered = self.files - self.failed
        text = f"{answered:,} of {self.files:,} files classified: {self.path}"
        if self.failed:
            text += f" ({self.failed:,} could not be read; the column error says why)"
        return text


def classify(
    predictor: "Predictor", named: Iterable[Path], out: Path, *, top: int = 1
) -> AnswerTable:
    """Classify files and folders into a table with a row a file.

    The rows are in the order of `files.image_files`. What was stopped goes on where it
    was, as long as images, model and options are the same.

    Parameters
    ----------
    out : Path
        Ends in ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``; replaced as a whole once
        the table is complete.
    top : int
        Classes of each answer, the most probable first.

    Raises
    ------
    InputError
        If `out` ends otherwise, nothing is named, or another process makes the same
        table.
    MissingError
        If there is no image.
    DataError
        If no space is left.
    """
    table.check(out)
    if top < 1:
        raise InputError(f"Expected --top > 0, got {top}.")
    named = list(named)
    paths = files.image_files(named)
    files.refuse_missing(named, paths)
    top = min(top, len(predictor.classes))
    asked = {
        "kerastransfer": "answers",
        "files": files.fingerprint(paths),
        "model": predictor.identity,
        "top": top,
    }
    full = system.telling_of_full_disk(
        out, "and the same command goes on from what is there."
    )
    lock = locks.held(
        locks.beside(out),
        keep=False,
        refusal=f"Another process makes {quoted(out)}; wait for it, or name another.",
    )
    with full, lock, journal.opened(out, asked, predictor.batch_size) as kept:
        before = kept.done
        _fill(kept, predictor, paths, top)
        cured = _tried_again(kept, predictor, top, before)
        rows = (cured.get(row["path"], row) for row in kept.rows())
        table.write(out, columns(top), rows)
        bad = sum(failed(cured.get(row["path"], row)) for row in kept.rows())
    return AnswerTable(path=out, files=len(paths), failed=bad)


def _fill(
    kept: journal.Journal, predictor: "Predictor", paths: list[Path], top: int
) -> None:
    """Add a row for each file that has none yet."""
    # Whole batches are kept, so that those to come are the ones they would have been.
    left = paths[kept.done :]
    with progress("Classifying", "files") as show:
        for batch in predictor.batches(left, top, apart=True):
            kept.add([row_of(each, top) for each in batch])
            show(kept.done, len(paths))


def _tried_again(
    kept: journal.Journal, predictor: "Predictor", top: int, before: int
) -> dict[str, dict[str, Any]]:
    """Read files again that could not be read before work was stopped.

    Rights may have been given since, or a reader been installed.
    """
    bad = [row["path"] for row in itertools.islice(kept.rows(), before) if failed(row)]
    if not bad:
        return {}
    batches = predictor.batches([Path(path) for path in bad], top, apart=True)
    rows = (row_of(each, top) for batch in batches for each in batch)
    return {row["path"]: row for row in rows}
