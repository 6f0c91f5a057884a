"""What kind of archive a path is, by its first bytes and never by its name."""

import tarfile
from pathlib import Path

from kerastransfer.archives.folders import FolderArchive
from kerastransfer.archives.members import Archive
from kerastransfer.archives.tars import COMPRESSIONS, CompressedTar, Tar
from kerastransfer.archives.zips import Zip
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# Archives that are told but not read, by their first bytes.
_OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z file",
    b"Rar!\x1a\x07": "a RAR file",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard",
    b"PK\x07\x08": "one part of a zip that was split",
}
_PAGES = (b"<!do", b"<htm", b"<?xm")


def open_archive(path: Path) -> Archive:
    """Open a tar, a compressed tar, a zip or a folder.

    Returns
    -------
    Archive
        Nothing but its first bytes has been read.

    Raises
    ------
    MissingError
        If it is not there.
    DataError
        If it is none of these.
    """
    if system.is_folder(path):
        return FolderArchive(path)
    if not system.is_file(path):
        raise MissingError(f"Archive {quoted(path)} is not there.")
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_ZIP):
        return Zip(path)
    for magic, opener in COMPRESSIONS.items():
        if head.startswith(magic):
            return CompressedTar(path, opener)
    if _is_tar(head):
        return Tar(path)
    raise _unread(path, head)


def _unread(path: Path, head: bytes) -> DataError:
    """Make the error for a file that is no archive, or one that is not read."""
    kind, cure = "", "delete it and get it again"
    if head.lstrip()[:4].lower() in _PAGES:
        kind = " (a web page, as a server sends in place of a file)"
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            kind, cure = f" ({name})", "unpack it and name the folder"
    return DataError(
        f"Expected {quoted(path)} to be a tar, tar.gz or zip file, got bytes "
        f"{quoted(head[:8])}{kind}; {cure}."
    )


def _is_tar(head: bytes) -> bool:
    """Whether a block is a tar header: its checksum holds, whichever the dialect."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
