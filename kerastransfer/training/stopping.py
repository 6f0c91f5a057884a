"""Stopping between two steps: told to by a signal, or because time is up.

Every process says with each step what it wants; the sum reaches all of them in the same
step, so that all stop at one place.
"""

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kerastransfer.errors import Terminated

_TERMINATE = 1.0  # however many say so, less than:
_TIME_IS_UP = 1024.0


@dataclasses.dataclass(frozen=True, slots=True)
class StopRequest:
    """What all processes together want.

    Parameters
    ----------
    terminated : bool
        End now, to go on another time.
    stops : bool
        Train no more, and finish with what there is.
    """

    terminated: bool = False
    stops: bool = False


class StopSignal:
    """What this process wants.

    Parameters
    ----------
    time_limit : float, optional
        Seconds of training, over all times that the run was begun.
    spent : float
        Seconds that earlier ones took.
    chief : bool
        Whether this process's clock counts.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        *,
        spent: float = 0.0,
        chief: bool = True,
    ) -> None:
        self.code = 0  # the exit code that a signal asks for
        self._limit = time_limit if chief else None
        self._start = time.monotonic() - spent

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return time.monotonic() - self._start

    def signal(self) -> float:
        """Return what is added to what the others want."""
        late = self._limit is not None and self.seconds >= self._limit
        return _TERMINATE * bool(self.code) + _TIME_IS_UP * late

    @staticmethod
    def read(total: float) -> StopRequest:
        """Understand the sum of what all want."""
        return StopRequest(
            terminated=total % _TIME_IS_UP > 0, stops=total >= _TIME_IS_UP
        )

    def check(self) -> None:
        """End this process if it was told to; nothing must be lost by that."""
        if self.code:
            self.terminate()

    def terminate(self) -> None:
        """End this process; call it once nothing is lost by that."""
        raise Terminated(self.code or 128 + signal.SIGTERM)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take note of SIGTERM and SIGINT instead of dying of them; at once the 2nd."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python gives signals to the main thread alone
            return
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.getsignal(number) for number in signals}

        def note(number: int, frame: FrameType | None) -> None:
            self.code = 128 + number
            signal.signal(number, before[signal.Signals(number)])
            # Not print: the signal may have come in the midst of one.
            name = signal.Signals(number).name
            os.write(2, f"{name}: stopping after this step.\n".encode())

        for number in signals:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


NOTHING = StopSignal()
