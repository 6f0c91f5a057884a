"""What this program asks of the system that it runs on."""

import sys

from kerastransfer.errors import InputError


def refuse_unsupported() -> None:
    """Refuse a system on which nothing here was ever run.

    Raises
    ------
    InputError
        On Windows, with what serves there.
    """
    if sys.platform == "win32":
        raise InputError(
            "Expected Linux or macOS, got Windows, on which kerastransfer was never "
            "tried; run it in the Windows Subsystem for Linux."
        )
