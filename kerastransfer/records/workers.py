"""Encoding many images: in this process, or in workers with bounded memory.

Workers are spawned and import no TensorFlow.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.records.encode import Encoded, encode

FEW = 1_000  # images that are encoded sooner than workers have started
_CHUNK = 16  # images a task
_AHEAD = 4  # tasks a worker that wait or run, which bounds memory

Read = Callable[[str], bytes]


class Rejected(NamedTuple):
    """Why an image cannot be had."""

    reason: str


Results = Iterator[tuple[int, Encoded | Rejected]]


def encode_one(read: Read, path: str, image_size: int) -> Encoded | Rejected:
    """Read and encode one image; what the user can mend is a reason, not an error."""
    try:
        return encode(read(path), image_size)
    except (DataError, MissingError) as error:
        return Rejected(str(error))
    except OSError as error:
        return Rejected(f"the file cannot be read: {error.strerror or error}")


class Encoder:
    """Encodes lists of images; a context manager that ends its workers.

    Parameters
    ----------
    read : callable
        From a path to bytes; picklable.
    image_size : int
    images : int
        How many there will be in all; few are encoded in this process.
    workers : int, optional
        Processes; None for as many as there are cores.

    Raises
    ------
    InputError
        If `workers` is below 1.
    """

    def __init__(
        self, read: Read, image_size: int, *, images: int, workers: int | None = None
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"Expected workers of at least 1, got {workers}.")
        self.read, self.image_size = read, image_size
        self.workers = workers or len(os.sched_getaffinity(0))
        if images < FEW:
            self.workers = 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Encoder":
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

    def __call__(self, paths: Sequence[str]) -> Results:
        """Yield every image's index and result, in any order.

        Raises
        ------
        DataError
            If a worker process dies.
        """
        if self._pool is None:
            for index, path in enumerate(paths):
                yield index, encode_one(self.read, path, self.image_size)
            return
        try:
            yield from self._in_workers(self._pool, paths)
        except BrokenProcessPool:
            raise DataError(
                "A worker process died while it encoded images, perhaps for want of "
                "memory; try again with --workers 1 to see the image that did it."
            ) from None

    def _in_workers(self, pool: ProcessPoolExecutor, paths: Sequence[str]) -> Results:
        waiting: set[futures.Future[list[Encoded | Rejected]]] = set()
        starts: dict[futures.Future[list[Encoded | Rejected]], int] = {}
        for start in range(0, len(paths), _CHUNK):
            chunk = paths[start : start + _CHUNK]
            task = pool.submit(_encode_chunk, self.read, chunk, self.image_size)
            starts[task] = start
            waiting.add(task)
            if len(waiting) == self.workers * _AHEAD:
                done, waiting = futures.wait(waiting, None, futures.FIRST_COMPLETED)
                yield from _unpack(done, starts)
        for task in futures.as_completed(waiting):
            yield from _unpack({task}, starts)


def _unpack(
    done: set[futures.Future[list[Encoded | Rejected]]],
    starts: dict[futures.Future[list[Encoded | Rejected]], int],
) -> Results:
    for task in done:
        yield from enumerate(task.result(), starts.pop(task))


def _encode_chunk(
    read: Read, paths: Sequence[str], image_size: int
) -> list[Encoded | Rejected]:
    return [encode_one(read, path, image_size) for path in paths]


def _start() -> None:
    """Let the parent alone answer Ctrl-C, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # from a thread, with a queue that will never be served
