"""The first sheet of an Excel workbook (.xlsx) as rows of text."""

import io
import itertools
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.quoting import quoted

_ZIP = b"PK\x03\x04"
_PART = "xl/workbook.xml"
_MOST_BYTES = 1 << 29  # of all of it, unpacked
_MOST_ROWS = 1 << 20  # as many as Excel has


class Sheet(NamedTuple):
    """Rows with their numbers, from 1, and what to tell of them."""

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def is_workbook(data: bytes) -> bool:
    """Whether bytes are those of a zip, as a workbook is."""
    return data.startswith(_ZIP)


def read_sheet(data: bytes, where: str) -> Sheet:
    """Read the first sheet that is not hidden, with the values formulas had.

    Raises
    ------
    MissingError
        If openpyxl is not installed.
    DataError
        If it is no workbook, or too large.
    """
    _check(data, where)
    try:
        import openpyxl
    except ImportError:
        raise MissingError(
            f"{where} is an Excel workbook, which openpyxl reads; install it with "
            "'pip install kerastransfer[excel]', or save the sheet as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [s for s in book.worksheets if s.sheet_state == "visible"]
        sheet = (sheets or book.worksheets)[0]
        rows = tuple(_rows(sheet))
    except Exception as error:  # a damaged workbook makes it raise almost anything
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(
            f"{where} is no workbook that can be read: {reason}; save it anew, or as "
            "CSV."
        ) from None
    others = [each.title for each in book.worksheets if each is not sheet]
    names = ", ".join(map(repr, others))
    left = f", not {names}" if others else ""
    return Sheet(
        rows, (f"sheet {quoted(sheet.title)} is read{left}",) if others else ()
    )


def _check(data: bytes, where: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        raise DataError(f"{where} is a damaged zip file, no table.") from None
    if all(info.filename != _PART for info in infos):
        raise DataError(
            f"Expected a table (text or .xlsx) in {where}, and it is a zip file; "
            "unpack it and name the table."
        )
    size = sum(info.file_size for info in infos)
    if size > _MOST_BYTES:
        raise DataError(
            f"Expected a workbook of at most {_MOST_BYTES:,} bytes when unpacked in "
            f"{where}, got {size:,}; save the sheet as CSV."
        )


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[str, ...]]]:
    rows = itertools.islice(sheet.iter_rows(values_only=True), _MOST_ROWS)
    for number, values in enumerate(rows, start=1):
        cells = tuple(_text(value) for value in values)
        if any(cells):
            yield number, cells


def _text(value: object) -> str:
    """Spell a cell as one reads it: whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
