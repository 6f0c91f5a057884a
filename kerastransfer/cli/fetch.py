"""``convert --download``: getting a dataset's archives where they are public."""

import sys
from pathlib import Path

from kerastransfer import checksums
from kerastransfer.cli.progress import DownloadLines
from kerastransfer.cli.tensorflow_import import import_quietly
from kerastransfer.datasets.archive_source import ArchiveSource
from kerastransfer.datasets.facts import Dataset
from kerastransfer.datasets.parts import Part, place
from kerastransfer.datasets.tfds_set import TfdsSet
from kerastransfer.download import download
from kerastransfer.errors import InputError, MissingError


def fetch(dataset: Dataset) -> None:
    """Download what a dataset needs and is not there yet, resuming and verifying.

    Parameters
    ----------
    dataset : Dataset

    Raises
    ------
    InputError
        If its files are the user's own.
    MissingError
        If a file cannot be had this way; the message says how it can.
    """
    source = dataset.source
    if isinstance(source, TfdsSet):
        import_quietly()
        source.prepare()
        return
    if not isinstance(source, ArchiveSource):
        raise InputError(f"There is nothing to download for {dataset.spec!r}.")
    missing = [part for part in source.parts if place(part, source.folder) is None]
    for part in missing:
        if part.urls:
            _fetch(part, source.folder)
        elif part.needed:
            raise MissingError(
                f"{part.file!r} of {dataset.name!r} cannot be downloaded from here: "
                f"{dataset.facts.steps}, and put it in {str(source.folder)!r}."
            )


def _fetch(part: Part, folder: Path) -> None:
    target = folder / part.file
    print(f"Downloading {part.urls[0]} to {str(target)!r}", file=sys.stderr)
    download(
        part.urls,
        target,
        size=part.size,
        checksums=part.checksums,
        progress=DownloadLines(),
        otherwise=f"put it in {str(folder)!r}",
    )
    if not part.checksums:
        digest = checksums.digests(target, ["sha256"])["sha256"]
        print(
            f"No hash of {part.file!r} is published; its sha256 is {digest}.",
            file=sys.stderr,
        )
