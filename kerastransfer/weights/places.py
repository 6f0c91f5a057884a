"""Where published weights are on this machine, and how they come there."""

import importlib.util
import os
from pathlib import Path

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.foundation import report
from kerastransfer.foundation.download import download
from kerastransfer.foundation.home import home
from kerastransfer.foundation.progress import DownloadLines


def expected_path(row: PublishedWeights) -> Path | None:
    """Return where a published file is, or would be after a download.

    Returns
    -------
    Path or None
        None if the package that holds the file is not installed.
    """
    if row.of_keras:
        return _keras_home() / "models" / row.file
    if not row.package:
        return home() / "weights" / row.file
    # find_spec of a top-level name runs none of the package's code.
    spec = importlib.util.find_spec(row.package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / "models" / row.file if folders else None


def _keras_home() -> Path:
    """Return the folder in which Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def at_hand(row: PublishedWeights) -> bool:
    """Return whether a published file is on this machine."""
    path = expected_path(row)
    return path is not None and path.is_file()


def about_bytes(row: PublishedWeights) -> int:
    """Return how large a published file is, or by its weights would be."""
    if row.size is not None:
        return row.size
    return 4 * sum(block.parameters for block in backbones.get(row.backbone).blocks)


def fetch(row: PublishedWeights) -> Path:
    """Download published weights to where they are looked for.

    Returns
    -------
    Path
        The file, whose hash is the published one where there is one.

    Raises
    ------
    MissingError
        If no server gives it; the message names the file and where to put it.
    """
    path = expected_path(row)
    assert path is not None and row.urls, row.name
    if row.of_keras:
        report.say(
            f"Downloading {row.file}, about {about_bytes(row) / 1e6:.0f} MB, to "
            f"{path.parent} (licence of the weights: {row.licence})."
        )
    return download(
        row.urls,
        path,
        size=row.size,
        checksums=row.checksums,
        progress=DownloadLines(),
        otherwise=f"put it at {path}, or name it with --weights FILE"
        if row.of_keras
        else "name it with --weights FILE",
    )
