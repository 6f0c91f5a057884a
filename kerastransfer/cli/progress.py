"""Progress on standard error: a bar on a terminal, else a few lines."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINES = 10  # where standard error is no terminal
_EVERY = 5.0  # seconds between two lines of a download, there

Show = Callable[[int, int], None]


@contextmanager
def progress(what: str, unit: str = "images") -> Iterator[Show]:
    """Show how far a piece of work is, how fast it goes and how long it will take.

    Parameters
    ----------
    what : str
        The work, such as ``Encoding``.
    unit : str
        What is counted.

    Yields
    ------
    callable
        To be told how many are done, and of how many.
    """
    if not sys.stderr.isatty():
        yield _lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:,.0f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield show


def _lines(what: str, unit: str) -> Show:
    start = time.monotonic()

    def show(done: int, total: int) -> None:
        if done * _LINES // total > (done - 1) * _LINES // total:
            rate = done / max(time.monotonic() - start, 1e-3)
            left = f", {duration((total - done) / rate)} left" if done < total else ""
            print(
                f"{what}: {done:,} of {total:,} ({rate:,.0f} {unit}/s{left})",
                file=sys.stderr,
                flush=True,
            )

    return show


def duration(seconds: float) -> str:
    """Spell a time: ``2 h 5 min``, ``3 min 20 s`` or ``7 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class DownloadLines:
    """Says how much has come: on a terminal in one line, else now and then."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, have: int, total: int | None) -> None:
        """Take note of the bytes there are, and of how many there will be."""
        now, done = time.monotonic(), have == total
        terminal = sys.stderr.isatty()
        if not terminal and not done and now - self._told < _EVERY:
            return
        self._told = now
        of = "" if total is None else f" of {total / 1e6:,.1f}"
        start, end = ("\r", "\n" if done else "") if terminal else ("", "\n")
        text = f"{start}{have / 1e6:,.1f}{of} MB"
        print(text, end=end, file=sys.stderr, flush=True)
