"""What the person who waits is told: lines on standard error, and warnings.

Results go elsewhere. A warning points at the line outside this package from which it
was reached, however deep the code that gives it lies.
"""

import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])


class KerasTransferWarning(UserWarning):
    """Something that was done, and that the person who called may not expect."""


def say(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Warn of something that goes on all the same."""
    warnings.warn(text, KerasTransferWarning, stacklevel=_level())


def _level() -> int:
    """Count the frames from `warn` to the first one outside the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
