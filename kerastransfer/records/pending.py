"""Tasks of other processes that wait, run or are done, in bounded memory."""

from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Generic, NamedTuple, TypeVar

_AHEAD_BYTES = 1 << 28  # that tasks bring along, and their results hold, in all
_IMAGE_BYTES = 1 << 16  # of a result, as long as there is none; a patch has 30,000

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Load(NamedTuple):
    """What a thing asks of a worker.

    Parameters
    ----------
    size : int
        Bytes that it brings along.
    images : int
        Results that it gives.
    """

    size: int
    images: int


class Pending(Generic[Task, Answer]):
    """Tasks that wait, run or are done, and the bytes that they hold.

    A task holds what it brought along, and is counted with the results that it will
    give, as large as those of the tasks before it. Once it is done it holds its
    results, which wait here until they are asked for.
    """

    def __init__(self, most: int, weigh: Callable[[Answer], int]) -> None:
        self._most, self._weigh = most, weigh
        self._sizes: dict[futures.Future[list[Answer]], int] = {}
        self._running: dict[futures.Future[list[Answer]], Load] = {}
        self._chunks: dict[futures.Future[list[Answer]], list[Task]] = {}
        self.upcoming: list[Task] = []  # what is to be submitted next
        self._bytes, self._images = _IMAGE_BYTES, 1  # of all results so far

    def __bool__(self) -> bool:
        return bool(self._sizes)

    def full(self, load: Load) -> bool:
        """Whether another task must wait until results are taken."""
        for task in [task for task in self._running if task.done()]:
            load_of_it = self._running.pop(task)
            if task.exception() is None:
                self._sizes[task] = sum(map(self._weigh, task.result()))
                self._bytes += self._sizes[task]
                self._images += load_of_it.images
        held = sum(self._sizes.values())
        beyond = held > 0 and held + self._expected(load) > _AHEAD_BYTES
        return len(self._sizes) >= self._most or beyond

    def add(
        self, task: futures.Future[list[Answer]], load: Load, chunk: list[Task]
    ) -> None:
        """Take a task that was submitted."""
        self._chunks[task], self.upcoming = chunk, []
        self._sizes[task] = self._expected(load)
        self._running[task] = load

    def first(self) -> Iterator[Answer]:
        """Wait for any task; yield the results of all that are done."""
        done, _ = futures.wait(self._sizes, None, futures.FIRST_COMPLETED)
        for task in done:
            yield from task.result()
            self._running.pop(task, None)
            del self._sizes[task], self._chunks[task]

    def unfinished(self) -> list[Task]:
        """Return the things of which no result was given."""
        chunks = [*self._chunks.values(), self.upcoming]
        return [thing for chunk in chunks for thing in chunk]

    def _expected(self, load: Load) -> int:
        return load.size + load.images * self._bytes // self._images
