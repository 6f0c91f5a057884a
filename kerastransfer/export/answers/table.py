"""Tables of answers that anything opens: CSV, TSV, JSON lines, Parquet."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation import atomic
from kerastransfer.foundation.formats import csv_table
from kerastransfer.foundation.quoting import quoted

Rows = Iterable[Mapping[str, Any]]
_PARQUET_ROWS = 10_000  # in one group


def check(path: Path) -> None:
    """Refuse a table's path, before any work is done.

    Raises
    ------
    InputError
        If its ending is none of ours, or it is a folder.
    MissingError
        If what writes it is not installed.
    """
    if path.suffix.lower() not in WRITERS:
        raise InputError(
            f"Expected a table that ends in {', '.join(WRITERS)}, got {quoted(path)}."
        )
    if path.is_dir():
        raise InputError(f"Expected a file, and {quoted(path)} is a folder.")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingError(
                "Parquet needs pyarrow: pip install 'kerastransfer[parquet]', or name "
                "a .csv."
            ) from None


def write(path: Path, columns: Mapping[str, type], rows: Rows) -> None:
    """Write a table, whole or not at all, in the format that its ending says."""
    WRITERS[path.suffix.lower()](path, columns, rows)


def _write_csv(
    path: Path, columns: Mapping[str, type], rows: Rows, delimiter: str = ","
) -> None:
    cells = ([row[name] for name in columns] for row in rows)
    csv_table.write(path, itertools.chain([list(columns)], cells), delimiter)


def _write_tsv(path: Path, columns: Mapping[str, type], rows: Rows) -> None:
    _write_csv(path, columns, rows, delimiter="\t")


def _write_jsonl(path: Path, columns: Mapping[str, type], rows: Rows) -> None:
    with (
        atomic.replacing(path, path.suffix) as scratch,
        scratch.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for row in rows:
            file.write(json.dumps({name: row[name] for name in columns}) + "\n")


def _write_parquet(path: Path, columns: Mapping[str, type], rows: Rows) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    with (
        atomic.replacing(path, path.suffix) as scratch,
        parquet.ParquetWriter(scratch, schema) as writer,
    ):
        group: list[dict[str, Any]] = []
        for row in rows:
            group.append({name: _utf8(row[name]) for name in columns})
            if len(group) == _PARQUET_ROWS:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
        writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _utf8(value: object) -> object:
    """Return what Parquet can hold: bytes of a name that are no UTF-8 are spelt."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


WRITERS: dict[str, Callable[[Path, Mapping[str, type], Rows], None]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
