"""What not every system and disk can do, and what is done there instead."""

import contextlib
import errno
import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.quoting import quoted

# What a file system answers where it cannot do something at all. (ENOTSUP is another
# number than EOPNOTSUPP on macOS; some FUSE file systems say EINVAL.)
UNSUPPORTED = frozenset(
    (
        *(errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP),
        *(errno.ENOLCK, errno.EINVAL),
    )
)
# Windows changes ends of lines in files that are opened without it.
BINARY: int = getattr(os, "O_BINARY", 0)
_WINDOWS_HANDLES = 61  # that a process can wait for at once, which bounds its workers

_seeking = threading.Lock()


def is_file(path: Path) -> bool:
    """Whether a regular file is there.

    Raises
    ------
    DataError
        If that cannot be said: the name is none that a file can have, links lead round
        in a circle, or a folder may not be looked into.
    """
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder is there; raises as `is_file` does."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """Return what is there; 0 where nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"Expected a file or folder at {str(path)[:200]!r}, and it cannot be "
            f"looked at: {reason}; name another."
        ) from None


def read_at(file: int, length: int, offset: int) -> bytes:
    """Read bytes at a place of an open file; safe in threads.

    Parameters
    ----------
    file : int
        Its descriptor; where it stands in the file may change.
    """
    if hasattr(os, "pread"):
        return os.pread(file, length, offset)
    with _seeking:  # Windows
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, length)


def write_at(file: int, data: bytes | memoryview, offset: int) -> int:
    """Write bytes at a place of an open file; return how many were."""
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, offset)
    with _seeking:  # Windows
        os.lseek(file, offset, os.SEEK_SET)
        return os.write(file, data)


def sync(file: int) -> None:
    """Bring a file to the disk, where the disk can be asked for it.

    Raises
    ------
    OSError
        If the disk is full or fails; some say so only now.
    """
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def allow_reading(path: str | os.PathLike[str]) -> None:
    """Give a new file the rights that new files have, where files have rights."""
    # A disk of another system, or in the network, may have none that can be changed.
    with contextlib.suppress(PermissionError, NotImplementedError):
        try:
            os.chmod(path, 0o666 & ~_umask())  # noqa: PTH101 (takes any path)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise


def reserve(handle: int, size: int) -> None:
    """Make sure of room for a file, where that can be asked for.

    Raises
    ------
    OSError
        If the disk has none.
    """
    if size == 0 or not hasattr(os, "posix_fallocate"):  # Linux and FreeBSD only
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it stands for, is about a full disk.

    TensorFlow has an error of its own for it, which TFDS wraps in another, and HDF5
    says it with a RuntimeError.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return True
        if "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def telling_of_full_disk(folder: Path, cure: str) -> Iterator[None]:
    """Turn what any library says of a full disk into a line.

    Parameters
    ----------
    folder : Path
        What is being written.
    cure : str
        What goes on, or can be done, once some space is free.

    Raises
    ------
    DataError
        For whatever error was raised because no space is left.
    """
    try:
        yield
    except Exception as error:
        if is_full(error):
            raise DataError(
                f"No space is left where {quoted(folder)} is; free some, {cure}"
            ) from None
        raise


def utf8(path: Path) -> Path:
    r"""Return a folder that TensorFlow is to open, whose name it must be able to read.

    Raises
    ------
    InputError
        If its bytes are no UTF-8.

    >>> utf8(Path("runs")).name
    'runs'
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"Expected a folder whose name is UTF-8, got {quoted(path)}, which "
            "TensorFlow cannot open; rename it or name another."
        ) from None
    return path


def cores() -> int:
    """Return how many cores this process may use, or all where that is not known."""
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    number = os.cpu_count() or 1
    return min(number, _WINDOWS_HANDLES) if sys.platform == "win32" else number


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
