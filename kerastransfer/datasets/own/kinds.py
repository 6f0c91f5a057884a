"""The kinds of a user's own images: how each is spelled and opened."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from kerastransfer.archives.opening import open_archive
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.naming import is_dropping
from kerastransfer.datasets.option import Option, OptionValue
from kerastransfer.datasets.own import (
    column_options,
    csv_file,
    folder,
    parquet_set,
    tfds_set,
)
from kerastransfer.errors import DataError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

_TABLES = (".csv", ".tsv", ".xlsx")
_PARQUET = ".parquet"
Open = Callable[[str, Path | None, Mapping[str, OptionValue]], Dataset]


@dataclasses.dataclass(frozen=True, slots=True)
class OwnKind:
    """One kind, such as ``csv:``.

    Parameters
    ----------
    metavar : str
        What follows the colon.
    open : callable
        From what follows the colon, the folder that ``--archives`` names and a value
        for each option to the dataset.
    """

    metavar: str
    open: Open
    options: tuple[Option, ...] = ()


def _open_folder(
    text: str, archives: Path | None, options: Mapping[str, OptionValue]
) -> Dataset:
    """Open a folder; say what to do with a file in its place."""
    path = Path(text).expanduser()
    if system.is_file(path):
        raise DataError(
            f"Expected a folder after 'folder:', and {quoted(text)} is a "
            f"file{_cure(path)}."
        )
    return folder.dataset(text, archives, options)


def _cure(path: Path) -> str:
    if path.suffix.lower() in _TABLES:
        return f"; for a table say csv:{path}"
    if path.suffix.lower() == _PARQUET:
        return f"; say parquet:{path}"
    try:
        open_archive(path)
    except DataError as error:
        if "unpack it" not in str(error):
            return "; name the folder that holds a folder for each class"
    return " (an archive); unpack it and name the folder that it gives"


KINDS: dict[str, OwnKind] = {
    "folder": OwnKind("DIR", _open_folder, folder.OPTIONS),
    "csv": OwnKind("FILE", csv_file.dataset, column_options.TABLE),
    "tfds": OwnKind("NAME", tfds_set.dataset, tfds_set.OPTIONS),
    "parquet": OwnKind("FILE_OR_DIR", parquet_set.dataset, parquet_set.OPTIONS),
}


def spec_of(path: Path, *, sure: bool) -> str | None:
    """Spell a path that is there, or that somebody is sure of, as a spec.

    Returns
    -------
    str or None
        None for what is no folder, table or Parquet file.
    """
    suffix = path.suffix.lower()
    if system.is_folder(path):
        return f"parquet:{path}" if _is_of_parquet(path) else f"folder:{path}"
    if suffix in _TABLES and (sure or system.is_file(path)):
        return f"csv:{path}"
    if suffix == _PARQUET and (sure or system.is_file(path)):
        return f"parquet:{path}"
    packed = suffix in (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz")
    if packed and system.is_file(path):
        return f"folder:{path}"  # which says what to do with it
    return None


def _is_of_parquet(folder: Path) -> bool:
    """Whether a folder holds Parquet files, and none that may be a class's."""
    within = [path.name for path in folder.glob("*/") if not is_dropping(path.name)]
    pattern = {(): "*.parquet", ("data",): "data/*.parquet"}.get(tuple(within))
    return pattern is not None and next(folder.glob(pattern), None) is not None
