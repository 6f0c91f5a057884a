"""Where kerastransfer keeps what it makes: records, weights and features."""

import os
from pathlib import Path

VARIABLE = "KERASTRANSFER_HOME"


def home() -> Path:
    """Return ``$KERASTRANSFER_HOME``, or ``~/.cache/kerastransfer`` without it.

    Returns
    -------
    Path
        Absolute; it need not exist yet.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else Path("~/.cache/kerastransfer")
    return Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 (keeps symlinks)


def records_home() -> Path:
    """Return the folder in which records are looked for when none is named."""
    return home() / "records"


def features_home() -> Path:
    """Return the folder that holds the outputs of frozen prefixes."""
    return home() / "features"


def archives_home() -> Path:
    """Return the folder in which a dataset's archives are looked for by its name."""
    return home() / "archives"
