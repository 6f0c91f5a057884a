"""Progress on standard error: bars on a terminal and in notebooks, else a few lines."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

from kerastransfer.foundation.report import say

if TYPE_CHECKING:
    from rich.progress import Progress

_LINES = 10  # where standard error is no terminal
_EVERY = 5.0  # seconds between two lines of a download, there
A_WHILE = 5.0  # seconds that work may take without a word, there

# Called with how much is done, and of how much.
OnProgress = Callable[[int, int], None]
# Called with the bytes that are there, and with how many there will be, if known.
OnBytes = Callable[[int, int | None], None]
# Given the work's name, opens something that shows how far it is.
OpenProgress = Callable[[str], AbstractContextManager[OnProgress]]


class Stage(Protocol):
    """Begins a piece of work."""

    def __call__(
        self, what: str, unit: str = "images", *, scale: int = 1, after: float = 0.0
    ) -> OnProgress:
        """Return what is to be told how much is done, and of how much.

        Parameters
        ----------
        what : str
            The work, such as ``Encoding``. Nothing is shown before it begins.
        unit : str
            What is counted.
        scale : int
            How many of what is told make one unit.
        after : float
            Seconds that the work may take without a word, where there is no terminal.
        """


@contextmanager
def progress(what: str, unit: str = "images") -> Iterator[OnProgress]:
    """Show how far a piece of work is, how fast it goes and how long it will take.

    Parameters
    ----------
    what, unit : str
        See `Stage`.

    Yields
    ------
    callable
        To be told how many are done, and of how many.
    """
    with stages() as stage:
        yield stage(what, unit)


@contextmanager
def stages() -> Iterator[Stage]:
    """Show pieces of work that follow one another.

    Yields
    ------
    Stage
    """
    bars = make_bars(sys.stderr, with_rate=True)
    if bars is None:
        yield _lines
        return
    with bars as bar:

        def stage(
            what: str, unit: str = "images", *, scale: int = 1, after: float = 0.0
        ) -> OnProgress:
            task = bar.add_task(what, start=False, visible=False, total=None, rate="")

            def show(done: int, total: int) -> None:
                bar.start_task(task)
                speed = bar.tasks[task].speed
                bar.update(
                    task,
                    completed=done // scale,
                    total=total // scale,
                    visible=True,
                    rate=f"{speed:,.0f} {unit}/s" if speed else "",
                )

            return show

        yield stage


def make_bars(stream: IO[str] | None, *, with_rate: bool = False) -> "Progress | None":
    """Make bars that are yet to be started, where bars can be drawn.

    Parameters
    ----------
    stream : text file
        Standard error, or what stands for it.
    with_rate : bool
        Whether each bar shows its count, and the text of its field ``rate``.

    Returns
    -------
    rich.progress.Progress or None
        None where `stream` is neither a terminal nor a notebook's.
    """
    if stream is None:
        return None
    notebook = "IPython" in sys.modules and stream is sys.stderr
    if not (stream.isatty() or notebook):
        return None
    from rich import progress as rich_progress
    from rich.console import Console

    console = Console(file=stream)
    # In a notebook rich draws through ipywidgets.
    widgets = console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    if not (stream.isatty() or widgets):
        return None
    columns: tuple[Any, ...] = ()
    if with_rate:
        columns = (
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("{task.fields[rate]}"),
            rich_progress.TimeRemainingColumn(),
        )
    return rich_progress.Progress(*columns, console=console, transient=True)


def _lines(
    what: str, unit: str = "images", *, scale: int = 1, after: float = 0.0
) -> OnProgress:
    begun: tuple[float, int] | None = None  # the first call's time, and what was done
    tenths_shown = 0

    def show(done: int, total: int) -> None:
        nonlocal begun, tenths_shown
        now = time.monotonic()
        begun = begun or (now, done)
        seconds, since = now - begun[0], done - begun[1]
        tenths = done * _LINES // max(total, 1)
        if tenths <= tenths_shown or seconds < after:
            return
        tenths_shown = tenths
        line = f"{what}: {done // scale:,} of {total // scale:,}"
        if seconds and since > 0:
            line += f" ({since / scale / seconds:,.0f} {unit}/s"
            left = seconds * (total - done) / since
            line += f", {duration(left)} left)" if done < total else ")"
        say(line)

    return show


def counted(number: int, noun: str) -> str:
    """Spell how many there are: ``1 epoch``, ``2,000 epochs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
        terminal = sys.stderr is not None and sys.stderr.isatty()
        if not terminal and not done and now - self._told < _EVERY:
            return
        self._told = now
        of = "" if total is None else f" of {total / 1e6:,.1f}"
        # On a terminal the next line takes the place of this one.
        say(f"{have / 1e6:,.1f}{of} MB", end="\r" if terminal and not done else "\n")
