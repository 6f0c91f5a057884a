"""Where kerastransfer keeps what it makes: records, weights and features."""

import os
import sys
from pathlib import Path

import platformdirs

from kerastransfer.foundation import system

VARIABLE = "KERASTRANSFER_HOME"


def home() -> Path:
    r"""Return ``$KERASTRANSFER_HOME``, or without it the user's cache folder.

    That is ``~/.cache/kerastransfer`` on Linux, ``~/Library/Caches/kerastransfer`` on
    macOS and ``%LOCALAPPDATA%\kerastransfer\Cache`` on Windows. The path is absolute;
    the folder need not exist yet.

    >>> home().is_absolute()
    True
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else _default()
    return system.utf8(
        Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 (keeps symlinks)
    )


def _default() -> Path:
    if sys.platform in ("darwin", "win32"):
        return Path(platformdirs.user_cache_dir("kerastransfer", appauthor=False))
    # Not $XDG_CACHE_HOME: what was made before this was asked for is found here.
    return Path("~/.cache/kerastransfer")


def records_home() -> Path:
    """Return the folder in which records are looked for when none is named."""
    return home() / "records"


def features_home() -> Path:
    """Return the folder that holds the outputs of frozen prefixes."""
    return home() / "features"


def archives_home() -> Path:
    """Return the folder in which a dataset's archives are looked for by its name."""
    return home() / "archives"
