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
from typing import Generic

from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation import system
from kerastransfer.records.pending import Answer, Load, Pending, Task

FEW = 1_000  # images that are done with sooner than workers have started
_CHUNK = 16  # images a task, but for those of its last thing
_CHUNK_BYTES = 1 << 23  # that a task brings along at most, but for its last thing
_AHEAD = 4  # tasks a worker that wait, run or are done, which bounds memory

# glibc, malloc.h; and the bytes that a worker keeps, 32 MiB being the most allowed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 1 << 25


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
    lost : callable, optional
        From a thing over which a process died to what stands for its results. Without
        it that is an error.
    apart : bool
        Whether few are done in another process too, for they may end it.

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
        lost: Callable[[Task], list[Answer]] | None = None,
        apart: bool = False,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"Expected workers of at least 1, got {workers}.")
        self.work, self.load, self.weigh = work, load, weigh
        self.workers = workers or system.cores()
        if images < FEW:
            self.workers = 1
        self._lost, self._apart = lost, apart
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers[Task, Answer]":
        if self.workers > 1 or self._apart:
            self._pool = _new_pool(self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, things: Iterable[Task]) -> Iterator[Answer]:
        """Yield every thing's results, in any order.

        Raises
        ------
        DataError
            If a worker process dies, and nothing stands for what it died over.
        """
        if self._pool is None:
            for thing in things:
                yield from self.work(thing)
            return
        chunks = self._chunks(things)
        while True:
            waiting: Pending[Task, Answer] = Pending(self.workers * _AHEAD, self.weigh)
            try:
                yield from self._in_others(self._pool, chunks, waiting)
                return
            except BrokenProcessPool:
                if self._lost is None:
                    raise DataError(
                        "A worker process died over an image, perhaps for want of "
                        "memory; 'kerastransfer convert' with --workers 1 ends at the "
                        "image that did it."
                    ) from None
            self._pool.shutdown()
            yield from self._one_by_one(waiting.unfinished(), self._lost)
            self._pool = _new_pool(self.workers)

    def _in_others(
        self,
        pool: ProcessPoolExecutor,
        chunks: Iterator[tuple[list[Task], Load]],
        waiting: Pending[Task, Answer],
    ) -> Iterator[Answer]:
        for chunk, load in chunks:
            waiting.upcoming = chunk
            while waiting.full(load):
                yield from waiting.first()
            waiting.add(_submit(pool, self.work, chunk), load, chunk)
        while waiting:
            yield from waiting.first()

    def _one_by_one(
        self, things: Iterable[Task], lost: Callable[[Task], list[Answer]]
    ) -> Iterator[Answer]:
        """Do things each alone, to know which of them ends a process."""
        pool: ProcessPoolExecutor | None = None
        for thing in things:
            pool = pool or _tried_pool()
            try:
                yield from _submit(pool, self.work, [thing]).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = None
                yield from lost(thing)
        if pool is not None:
            pool.shutdown()

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


def _new_pool(workers: int) -> ProcessPoolExecutor:
    spawned = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=spawned, initializer=_start)


def _tried_pool() -> ProcessPoolExecutor:
    """Return a pool of one process that starts: else no thing is to blame."""
    pool = _new_pool(1)
    try:
        _submit(pool, list, []).result()
    except BrokenProcessPool:
        raise DataError(
            "Expected processes that read images to start, and they end at once; is "
            "memory left?"
        ) from None
    return pool


def _submit(
    pool: ProcessPoolExecutor,
    work: Callable[[Task], list[Answer]],
    things: list[Task],
) -> futures.Future[list[Answer]]:
    with _without_callers_main():  # a submission may start a process
        return pool.submit(_work, work, things)


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
