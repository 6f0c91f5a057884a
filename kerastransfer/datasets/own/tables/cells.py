"""A table's cells: of delimited text, whatever the delimiter, or of an Excel sheet."""

import csv
import dataclasses
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

from kerastransfer.datasets.naming import is_image
from kerastransfer.datasets.own.tables import text, workbook
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SEP = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # what Excel reads and writes
_TRIED = 100  # rows that a delimiter is judged by
_NO_TABLES = {
    b"<!doctype": "a web page; get the file itself",
    b"<html": "a web page; get the file itself",
    b"version https://git-lfs": "a pointer of Git LFS; run 'git lfs pull'",
    b"{": "JSON; write a table with a row for each image",
}
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class TableRow(NamedTuple):
    """One row of cells, blanks at their ends stripped.

    Parameters
    ----------
    number : int
        Of its line, or row, in the file.
    """

    number: int
    cells: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table of as many cells in each row as it has columns.

    Parameters
    ----------
    header : tuple of str
        Names of the columns; ``1``, ``2`` and so on where the file has none.
    named : bool
        Whether the file has a header.
    row_word : {'line', 'row'}
        What a row is called in messages.
    notes : tuple of str
        What to tell of how the file was read.
    """

    header: tuple[str, ...]
    rows: tuple[TableRow, ...]
    named: bool = True
    row_word: str = "line"
    notes: tuple[str, ...] = ()

    def column(self, index: int) -> list[str]:
        """Return a column's cells."""
        return [row.cells[index] for row in self.rows]


def read_table(data: bytes, where: str, encoding: str | None = None) -> Table:
    """Read a table from a file's bytes: text, or an Excel workbook.

    Parameters
    ----------
    where : str
        Names the file in messages.
    encoding : str, optional
        Of text; see `text.decode`.

    Raises
    ------
    DataError
        If it cannot be read; the message names the line.
    """
    if data.startswith(_OLD_EXCEL):
        raise DataError(
            f"{where} is an old Excel workbook (.xls); save it as .xlsx or as CSV."
        )
    if workbook.is_workbook(data):
        sheet = workbook.read_sheet(data, where)
        rows = (TableRow(number, cells) for number, cells in sheet.rows)
        return _table(list(rows), where, "row", sheet.notes)
    for start, kind in _NO_TABLES.items():
        if data.lstrip()[: len(start)].lower() == start:
            raise DataError(f"Expected a table (text or .xlsx) in {where}, got {kind}.")
    decoded = text.decode(data, where, encoding)
    notes = (decoded.note,) if decoded.note else ()
    # A mark that a second program has put before the first one's.
    return _of_text(decoded.text.lstrip("\ufeff"), where, notes)


def _of_text(content: str, where: str, notes: tuple[str, ...]) -> Table:
    said = _SEP.match(content)
    skipped = 1 if said else 0
    body = content[said.end() :] if said else content
    delimiter = said[1] if said else _delimiter(body, where)
    if delimiter != ",":
        kind = _DELIMITERS.get(delimiter, quoted(delimiter))
        notes = (*notes, f"columns are told apart by {kind}")
    rows = [
        TableRow(row.number + skipped, row.cells)
        for row in _parse(body, delimiter, where)
    ]
    return _table(rows, where, "line", notes)


def _parse(body: str, delimiter: str, where: str) -> Iterator[TableRow]:
    """Yield rows that are not empty, in the words of the strict dialect."""
    reader = csv.reader(
        io.StringIO(body, newline=""),
        strict=True,
        delimiter=delimiter,
        skipinitialspace=delimiter == " ",
    )
    try:
        for cells in reader:
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped):
                yield TableRow(reader.line_num, stripped)
    except csv.Error as error:
        _fail(where, "line", reader.line_num, str(error))


def _delimiter(body: str, where: str) -> str:
    """Return what the columns are told apart by: a comma where it may be one."""
    first = next((line for line in body.splitlines() if line.strip()), "")
    possible = [mark for mark in _DELIMITERS if mark in first]
    if not possible:
        words = first.split()
        listed = len(words) == 2 and is_image(words[0])
        return " " if listed else ","
    even = [mark for mark in possible if _is_even(body, mark)]
    return (even or possible)[0]


def _is_even(body: str, mark: str) -> bool:
    """Whether the first rows have two columns or more, and all the same number."""
    try:
        rows = list(itertools.islice(_parse(body, mark, ""), _TRIED))
    except DataError:
        return False
    widths = {len(row.cells) for row in rows}
    return len(widths) == 1 and min(widths) > 1


def _table(
    rows: list[TableRow], where: str, row_word: str, notes: tuple[str, ...]
) -> Table:
    if not rows:
        _fail(
            where,
            row_word,
            1,
            "expected a header 'path,label[,split,group]', got nothing",
        )
    header = rows[0].cells
    named = not any(is_image(cell) and "." in cell for cell in header)
    if named:
        rows = rows[1:]
    else:
        header = tuple(str(number) for number in range(1, len(header) + 1))
        notes = (*notes, "it has no header")
    fitted = [_fit(row, header, where, row_word) for row in rows]
    return _without_empty(Table(header, tuple(fitted), named, row_word, notes), where)


def _fit(row: TableRow, header: Sequence[str], where: str, row_word: str) -> TableRow:
    """Cut empty cells that stand behind the last column; refuse other widths."""
    width = len(header)
    cells = row.cells[:width] if not any(row.cells[width:]) else row.cells
    if len(cells) != width:
        _fail(
            where,
            row_word,
            row.number,
            f"expected {width} columns, got {len(cells)}",
        )
    return TableRow(row.number, cells)


def _without_empty(table: Table, where: str) -> Table:
    """Drop columns without a name and without a cell, as Excel leaves some."""
    kept = [
        index
        for index, name in enumerate(table.header)
        if name or any(table.column(index))
    ]
    if len(kept) == len(table.header):
        return table
    return dataclasses.replace(
        table,
        header=tuple(table.header[index] for index in kept),
        rows=tuple(
            TableRow(row.number, tuple(row.cells[index] for index in kept))
            for row in table.rows
        ),
    )


def _fail(where: str, row_word: str, number: int, reason: str) -> NoReturn:
    raise DataError(f"{where}, {row_word} {number:,}: {reason}.")
