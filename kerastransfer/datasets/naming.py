"""Image files: which names are images, and names for folders of a user's own."""

import hashlib
import os
import re
from pathlib import Path, PurePath

from kerastransfer.errors import InputError

_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".apng"),
    *(".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".jpx", ".jpf", ".qoi"),
)

# Left behind by operating systems, disks in the network, editors and Python.
_DROPPINGS = frozenset(
    (
        *("__MACOSX", "$RECYCLE.BIN", "RECYCLER", "System Volume Information"),
        *("@eaDir", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot"),
        *("lost+found", "__pycache__", "~snapshot", "FOUND.000"),
        *("Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", "Icon\r"),
    )
)
# Copies and parts of files, whatever their bytes are.
_COPIES = (".bak", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download")


def is_dropping(name: str) -> bool:
    """Whether a folder or file is hidden, or left behind by an operating system."""
    return name.startswith((".", "~$")) or name in _DROPPINGS


def is_copy(name: str) -> bool:
    """Whether a file is an editor's copy, or a download that did not end."""
    return name.endswith("~") or name.lower().endswith(_COPIES)


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image; what its bytes are is seen later."""
    return not is_dropping(name) and PurePath(name).suffix.lower() in _SUFFIXES


def refuse_archives(kind: str, archives: Path | None) -> None:
    """Refuse a folder of archives for files that are no archive's.

    Raises
    ------
    InputError
        If `archives` is given.
    """
    if archives is not None:
        raise InputError(f"--archives does not go with {kind}: sets; leave it out.")


def absolute(text: str) -> Path:
    """Return the place that a user names, without following links.

    A link that is moved to new images stays the same dataset.
    """
    return Path(os.path.normpath(Path(text).expanduser().absolute()))


def safe_name(kind: str, title: str, path: Path) -> str:
    """Name a user's own folder or file so that it can name another folder.

    Parameters
    ----------
    kind : str
        Such as ``folder``.
    title : str
        Its own name.
    path : Path
        Absolute.

    Returns
    -------
    str
        Such as ``folder_birds_1a2b3c4d``; the digits tell equal names apart.
    """
    title = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40]
    # surrogateescape: a name of bytes that are no UTF-8 has a digest too
    location = str(path).encode("utf-8", "surrogateescape")
    return "_".join(
        filter(None, (kind, title, hashlib.sha256(location).hexdigest()[:8]))
    )
