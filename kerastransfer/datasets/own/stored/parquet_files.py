"""Parquet files, opened by pyarrow where it is installed."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.quoting import quoted

_LFS = b"version https://git-lfs"
_MOST_GROUP = 1 << 33  # bytes of a row group, unpacked


def open_file(file: Path) -> Any:
    """Open a file; nothing but its footer has been read.

    Returns
    -------
    pyarrow.parquet.ParquetFile

    Raises
    ------
    MissingError
        If it is not there, or pyarrow is not installed.
    DataError
        If it is none, is damaged, or states sizes that no memory holds.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingError(
            "Parquet files are read by pyarrow, which is not installed; install it "
            "with 'pip install kerastransfer[parquet]'."
        ) from None
    with _explaining(file):
        if _starts(file, _LFS):
            raise DataError(
                f"{quoted(file)} is a pointer of Git LFS, not the file itself; get it "
                "with 'git lfs pull'."
            )
        opened = parquet.ParquetFile(file)
        groups = (
            opened.metadata.row_group(number).total_byte_size
            for number in range(opened.metadata.num_row_groups)
        )
        if max(groups, default=0) > _MOST_GROUP:
            raise DataError(
                f"{quoted(file)} holds a row group of more than {_MOST_GROUP:,} bytes; "
                "write it in smaller ones."
            )
        return opened


def columns_of(file: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Read some columns whole, as Python's values by their names."""
    with _explaining(file):
        table = open_file(file).read(columns=list(columns))
        return {name: table.column(name).to_pylist() for name in columns}


def batches(file: Path, column: str, size: int) -> Iterator[list[Any]]:
    """Yield one column's values, of some rows at a time."""
    opened = open_file(file)
    with _explaining(file):
        for batch in opened.iter_batches(batch_size=size, columns=[column]):
            yield batch.column(0).to_pylist()


@contextlib.contextmanager
def _explaining(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if isinstance(error, MissingError):
            raise
        raise MissingError(f"File {quoted(file)} is not there.") from None
    except DataError:
        raise
    except Exception as error:  # a damaged file makes pyarrow raise almost anything
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(
            f"{quoted(file)} cannot be read as a Parquet file: {reason}; get it again."
        ) from None


def _starts(file: Path, magic: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(magic)) == magic
