"""What is asked of advice; needs no TensorFlow."""

import dataclasses
import math
import signal

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

FILE = "advice.json"
STOPPED = "it was interrupted"  # how a pilot ended at Ctrl-C
INTERRUPTED = 128 + signal.SIGINT
MARGIN = 0.01
TIME_LIMIT = 10.0  # minutes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Parameters
    ----------
    images_per_class : int, optional
        Training images of each class; by default all there are.
    minutes : float
        After so many there is an answer.
    margin : float
        Difference of accuracy, as a fraction, that does not matter.
    words : tuple of str
        Flags that the command to train repeats.
    """

    images_per_class: int | None = None
    minutes: float = TIME_LIMIT
    margin: float = MARGIN
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.minutes < math.inf:
            raise InputError(
                f"Expected --time-limit above 0, got {quoted(self.minutes)}."
            )
        if not 0 < self.margin < 1:
            raise InputError(
                f"Expected --margin between 0 and 1, got {quoted(self.margin)}: a "
                "fraction of the images."
            )
