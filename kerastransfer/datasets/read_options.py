"""What is asked of reading a dataset's files beside what they hold, and the answer."""

import dataclasses

from kerastransfer.foundation.progress import OnProgress


@dataclasses.dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a dataset's files are read.

    Parameters
    ----------
    hashed : bool
        Whether to hash large archives too; small ones are in any case.
    progress : callable, optional
        Told how many bytes of the archives are read, and of how many.
    """

    hashed: bool = False
    progress: OnProgress | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """An archive as it is on disk.

    Parameters
    ----------
    size : int or None
        Bytes; None for a folder.
    sha256 : str or None
        None for a folder, and for a large file that was not hashed.
    differs : str
        In what it differs from what was published, if it does.
    unverified : str
        Why its hash was not held against a published one, if it was not.
    """

    name: str
    size: int | None
    sha256: str | None
    differs: str = ""
    unverified: str = ""
