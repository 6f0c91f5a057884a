"""``convert --download``: getting a dataset's archives where they are public."""

from collections.abc import Callable
from pathlib import Path

from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import read_bounded
from kerastransfer.datasets.archived.published_files import PublishedFile
from kerastransfer.datasets.archived.source import ArchiveSource
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.own.tfds_set import TfdsSet
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.download import download
from kerastransfer.foundation.progress import DownloadLines
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly

_MOST_LIST = 1 << 26  # bytes


def fetch(dataset: Dataset) -> None:
    """Download what a dataset needs and is not there yet, resuming and verifying.

    Raises
    ------
    InputError
        If its files are the user's own.
    MissingError
        If a file cannot be had this way; the message says how it can.
    DataError
        If a file is there already and is not the published one.
    """
    source = dataset.source
    if isinstance(source, TfdsSet):
        import_quietly()
        source.prepare()
        return
    if not isinstance(source, ArchiveSource):
        raise InputError(f"There is nothing to download for {quoted(dataset.spec)}.")
    for part, path in source.places():
        if path is not None and path.is_file():
            _check_there(part, path)
        elif path is None and part.urls:
            _fetch(part, source.folder)
        elif path is None and part.needed:
            raise MissingError(
                f"{quoted(part.file)} of {quoted(dataset.name)} cannot be downloaded "
                f"from here: {dataset.info.steps}, and put it in "
                f"{quoted(source.folder)}."
            )


def _fetch(part: PublishedFile, folder: Path) -> None:
    target = folder / part.file
    say(f"Downloading {part.urls[0]} to {quoted(target)}")
    download(
        part.urls,
        target,
        size=part.size,
        checksums=part.checksums,
        progress=DownloadLines(),
        otherwise=f"put it in {quoted(folder)}",
        check=_CHECKS[part.holds],
    )
    if not part.checksums:
        digest = checksums.digests(target, ["sha256"])["sha256"]
        say(f"No hash of {quoted(part.file)} is published; its sha256 is {digest}.")


def _check_there(part: PublishedFile, path: Path) -> None:
    """Refuse a file that an earlier download, or somebody, left wrong."""
    wrong = checksums.mismatch(path, part.size, part.checksums)
    wrong = wrong or _CHECKS[part.holds](path)
    if wrong:
        raise DataError(
            f"{quoted(path)} is not the published file ({wrong}); delete it and it is "
            "downloaded again, or leave --download out to take it as it is."
        )


def _check_archive(path: Path) -> str:
    """Say why a file is no archive: a server may answer with a page, or with a part."""
    try:
        next(iter(open_archive(path).members()), None)  # of a zip, after its contents
    except DataError as error:
        reason = str(error).rstrip(".")
        return (
            reason.rpartition(";")[0] or reason
        )  # without its cure, for ours is another
    return ""


def _check_list(path: Path) -> str:
    """Say why a file is no list of names."""
    data = read_bounded(path, _MOST_LIST).lstrip()
    if data.startswith(b"<") or b"\0" in data or not data:
        return f"expected a text of one name a line, got bytes {quoted(data[:8])}"
    return ""


_CHECKS: dict[str, Callable[[Path], str]] = {
    "images": _check_archive,
    "lists": _check_archive,
    "list": _check_list,
}
