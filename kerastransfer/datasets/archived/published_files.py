"""The files a dataset is published in: where to get them, and finding them on disk."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from kerastransfer.datasets.naming import is_image
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.quoting import quoted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One published file.

    Parameters
    ----------
    file : str
        Its name.
    urls : tuple of str
        Mirrors; empty where it cannot be had without an account, or at all.
    size : int, optional
        Bytes.
    checksums : tuple of Checksum
        As published; all of them hold.
    folders : tuple of str
        What it unpacks to; a folder of such a name is taken in its place.
    holds : {'images', 'lists', 'list'}
        An archive of images (and lists), an archive of lists only, or one list itself.
    needed : bool
        Whether nothing can be done without it.
    """

    file: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    folders: tuple[str, ...] = ()
    holds: Literal["images", "lists", "list"] = "images"
    needed: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class LocatedFile:
    """A part on disk.

    Parameters
    ----------
    path : Path
        The file, or the folder that was unpacked from it.
    """

    part: PublishedFile
    path: Path


Known = Callable[[str], bool]


def find(
    parts: Sequence[PublishedFile],
    folder: Path,
    *,
    name: str,
    steps: str = "",
    known: Known = lambda name: True,
    example: str = "",
) -> tuple[LocatedFile, ...]:
    """Find a dataset's parts in the folder that ``--archives`` names.

    Parameters
    ----------
    folder : Path
        Holds the files or what they unpack to; or is one unpacked itself.
    name : str
        The dataset's, for messages.
    steps : str
        How to get what cannot be downloaded, for messages.
    known : callable
        Whether a file of some name belongs to the dataset. A folder without one is not
        taken: some names, such as a year's, are those of other datasets' folders too.
    example : str
        A name that is known, for messages.

    Returns
    -------
    tuple of LocatedFile
        Parts that are not needed may be missing, but not all of them.

    Raises
    ------
    MissingError
        If a part that is needed is not there; the message says how to get it.
    DataError
        If `folder` is a file.
    """
    if system.is_file(folder):
        raise DataError(
            "Expected --archives to name the folder that holds "
            f"{quoted(parts[0].file)}, got the file {quoted(folder)}."
        )
    entries = _entries(folder)
    places = ((part, _place(part, entries, known)) for part in parts)
    located = [LocatedFile(part, path) for part, path in places if path is not None]
    have = {each.part.file for each in located}
    missing = [part for part in parts if part.needed and part.file not in have]
    if missing or not located:
        lost = missing or list(parts)
        other = _other_names(lost, entries, example)
        raise MissingError(_tell(lost, folder, name, steps, other))
    return tuple(located)


def place(part: PublishedFile, folder: Path, known: Known) -> Path | None:
    """Find one part in a folder; see `find`. None where it is not there."""
    return _place(part, _entries(folder), known)


def _place(part: PublishedFile, entries: dict[str, Path], known: Known) -> Path | None:
    file = entries.get(part.file.lower())
    if file is not None and system.is_file(file):
        return file
    for name in part.folders:
        unpacked = entries.get(name.lower())
        if (
            unpacked is not None
            and system.is_folder(unpacked)
            and _holds(unpacked, known)
        ):
            return unpacked
    return None


def _entries(folder: Path) -> dict[str, Path]:
    """Return what is in a folder, and itself, by names in lower case."""
    try:
        entries = {entry.name.lower(): entry for entry in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {folder.name.lower(): folder, **entries}


def _holds(folder: Path, known: Known) -> bool:
    """Whether any file below a folder is known; most often one of the first is."""
    for parent, _, names in os.walk(folder):
        place = Path(folder.name, Path(parent).relative_to(folder)).as_posix()
        if any(known(f"{place}/{name}") for name in names):
            return True
    return False


def _other_names(
    parts: Sequence[PublishedFile], entries: dict[str, Path], example: str
) -> str:
    """Say what a folder of the right name holds in the place of what it should."""
    for name in (name for part in parts for name in part.folders):
        unpacked = entries.get(name.lower())
        if unpacked is None or not system.is_folder(unpacked):
            continue
        for parent, folders, names in os.walk(unpacked):
            folders.sort()
            images = sorted(each for each in names if is_image(each))
            if images:
                place = Path(parent, images[0]).relative_to(unpacked.parent)
                return (
                    f" ({quoted(unpacked)} is there, but holds names such as "
                    f"{quoted(place.as_posix())}, expected {quoted(example)})"
                )
    return ""


def _tell(
    missing: Sequence[PublishedFile], folder: Path, name: str, steps: str, other: str
) -> str:
    names = ", ".join(quoted(part.file) for part in missing)
    unpacked = sorted({f for part in missing for f in part.folders})
    instead = f" (or what they unpack to: {', '.join(unpacked)})" if unpacked else ""
    public = all(part.urls for part in missing)
    download = f"get them with 'kerastransfer convert --dataset {name} --download'"
    how = download if public else steps
    return (
        f"The files of {quoted(name)} are not in {quoted(folder)}: "
        f"{names}{instead}{other}; {how}, or name their folder with --archives DIR."
    )
