"""Stopping between two steps: on a signal, or because the time limit is reached.

Every process votes with each step; the votes are summed over all processes with that
step's gradients, so that all of them stop after the same step.
"""

import dataclasses
import enum
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import Terminated


class StopReason(enum.StrEnum):
    """Why a phase ended; the values stand in ``result.json`` and in checkpoints.

    >>> StopReason("time limit")
    <StopReason.TIME_LIMIT: 'time limit'>
    """

    EPOCHS = "epochs"
    PATIENCE = "patience"
    TIME_LIMIT = "time limit"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """What the processes that train together ask for.

    Parameters
    ----------
    terminate : bool
        Write a checkpoint and end the process; the run goes on another time.
    finish : bool
        Train no more, and finish the run with the best weights so far.
    """

    terminate: bool = False
    finish: bool = False

    @classmethod
    def from_votes(cls, votes: NDArray[Any]) -> Self:
        """Read the votes of all processes: one for either is enough.

        Parameters
        ----------
        votes : array of shape (2,)
            Sum of what `StopSignal.votes` gives in each process.

        Examples
        --------
        >>> StopRequest.from_votes(np.array([0.0, 1.0]))
        StopRequest(terminate=False, finish=True)
        """
        to_terminate, to_finish = votes
        return cls(terminate=bool(to_terminate > 0), finish=bool(to_finish > 0))


class StopSignal:
    """Whether this process has been told to stop, or has trained for long enough.

    Parameters
    ----------
    time_limit : float, optional
        Seconds of training, counted over all times that the run was started.
    spent : float
        Seconds of training that earlier starts of the run took.
    chief : bool
        Whether this process is the one whose clock counts.

    Examples
    --------
    >>> StopSignal(time_limit=60.0, spent=61.0).votes()
    array([0., 1.], dtype=float32)
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

    def votes(self) -> NDArray[np.float32]:
        """Return this process's two votes, 0 or 1: to terminate, and to finish."""
        time_is_up = self._limit is not None and self.seconds >= self._limit
        return np.array([bool(self.code), time_is_up], np.float32)

    def check(self) -> None:
        """End this process if a signal came; call it where nothing is lost by that."""
        if self.code:
            self.terminate()

    def terminate(self) -> None:
        """End this process; call it where nothing is lost by that."""
        raise Terminated(self.code or 128 + signal.SIGTERM)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the first SIGTERM or SIGINT into a vote; let the second one kill."""
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
