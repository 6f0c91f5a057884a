"""Work on many images: in this process, or in others with bounded memory.

The others are spawned and import no TensorFlow.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, NamedTuple, TypeVar

from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import system

FEW = 1_000  # images that are done with sooner than workers have started
_CHUNK = 16  # images a task, but for those of its last thing
_CHUNK_BYTES = 1 << 23  # that a task brings along at most, but for its last thing
_AHEAD = 4  # tasks a worker that wait, run or are done, which bounds memory
_AHEAD_BYTES = 1 << 28  # that they bring along, and their results hold, in all
_IMAGE_BYTES = 1 << 16  # of a result, as long as there is none; a patch has 30,000

# glibc, malloc.h; and the bytes that a worker keeps, 32 MiB being the most allowed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 1 << 25

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


class Workers(Generic[Task, Answer]):
    """Does one kind of work; a context manager that ends its processes.

    Parameters
    ----------
    work : callable
        From a thing to its results; importable, for other processes.
    load : callable
        From a thing to its `Load`.
    weigh : callable
        From a result to the bytes that it holds.
    images : int
        How many there will be in all; few are done with in this process.
    workers : int, optional
        Processes; None for as many as there are cores.

    Raises
    ------
    InputError
        If `workers` is below 1.
    """

    def __init__(
        self,
        work: Callable[[Task], list[Answer]],
        load: Callable[[Task], Load],
        *,
        weigh: Callable[[Answer], int] = lambda result: 0,
        images: int,
        workers: int | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"Expected workers of at least 1, got {workers}.")
        self.work, self.load, self.weigh = work, load, weigh
        self.workers = workers or system.cores()
        if images < FEW:
            self.workers = 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers[Task, Answer]":
        if self.workers > 1:
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, things: Iterable[Task]) -> Iterator[Answer]:
        """Yield every thing's results, in any order.

        Raises
        ------
        DataError
            If a worker process dies.
        """
        if self._pool is None:
            for thing in things:
                yield from self.work(thing)
            return
        try:
            yield from self._in_others(self._pool, things)
        except BrokenProcessPool:
            raise DataError(
                "A worker process died over an image, perhaps for want of memory; try "
                "again with --workers 1 to see the image that did it."
            ) from None

    def _in_others(
        self, pool: ProcessPoolExecutor, things: Iterable[Task]
    ) -> Iterator[Answer]:
        waiting = _Waiting(self.workers * _AHEAD, self.weigh)
        for chunk, load in self._chunks(things):
            while waiting.full(load):
                yield from waiting.first()
            with _without_callers_main():  # a submission may start a process
                future = pool.submit(_work, self.work, chunk)
            waiting.add(future, load)
        while waiting:
            yield from waiting.first()

    def _chunks(self, things: Iterable[Task]) -> Iterator[tuple[list[Task], Load]]:
        """Gather things into tasks, each with what it asks for in all."""
        chunk: list[Task] = []
        size, images = 0, 0
        for thing in things:
            load = self.load(thing)
            chunk.append(thing)
            size += load.size
            images += load.images
            if images >= _CHUNK or size >= _CHUNK_BYTES:
                yield chunk, Load(size, images)
                chunk, size, images = [], 0, 0
        if chunk:
            yield chunk, Load(size, images)


class _Waiting(Generic[Answer]):
    """Tasks that wait, run or are done, and the bytes that they hold.

    A task holds what it brought along, and is counted with the results that it will
    give, as large as those of the tasks before it. Once it is done it holds its
    results, which wait here until they are asked for.
    """

    def __init__(self, most: int, weigh: Callable[[Answer], int]) -> None:
        self._most, self._weigh = most, weigh
        self._sizes: dict[futures.Future[list[Answer]], int] = {}
        self._running: dict[futures.Future[list[Answer]], Load] = {}
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

    def add(self, task: futures.Future[list[Answer]], load: Load) -> None:
        """Take a task that was submitted."""
        self._sizes[task] = self._expected(load)
        self._running[task] = load

    def first(self) -> Iterator[Answer]:
        """Wait for any task; yield the results of all that are done."""
        done, _ = futures.wait(self._sizes, None, futures.FIRST_COMPLETED)
        for task in done:
            yield from task.result()
            self._running.pop(task, None)
            del self._sizes[task]

    def _expected(self, load: Load) -> int:
        return load.size + load.images * self._bytes // self._images


def _work(work: Callable[[Task], list[Answer]], things: list[Task]) -> list[Answer]:
    return [result for thing in things for result in work(thing)]


@contextlib.contextmanager
def _without_callers_main() -> Iterator[None]:
    """Let a process that starts now not run the caller's script again.

    A spawned process imports the module that the program began with. A script without
    a guard would begin anew in each of them, and wait for its own lock for ever; our
    work needs nothing of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start() -> None:
    """Let the parent alone answer Ctrl-C, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _keep_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _keep_memory() -> None:
    """Keep freed memory for the next image instead of giving it back each time.

    glibc returns the top of the heap to the system after every image, which then maps
    it anew, page by page: with Pillow a quarter of the time of a 500 x 375 JPEG.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _KEPT)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # from a thread, with a queue that will never be served
