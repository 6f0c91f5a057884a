"""Encoding many files: in this process, or in workers with bounded memory.

Workers are spawned and import no TensorFlow. They are handed where the bytes are and
read them themselves, but for archives that pass by only once.
"""

import collections
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from PIL import Image

from kerastransfer.archives.spans import Held
from kerastransfer.datasets.blob import Blob
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.records.encode import Encoded, decode, encode, write
from kerastransfer.records.patches import cut_patch

FEW = 1_000  # images that are encoded sooner than workers have started
_CHUNK = 16  # files a task
_CHUNK_BYTES = 1 << 23  # that a task brings along at most, but for its last file
_AHEAD = 4  # tasks a worker that wait or run, which bounds memory
_AHEAD_BYTES = 1 << 28  # that they bring along in all


class Rejected(NamedTuple):
    """Why an image cannot be had."""

    reason: str


Result = tuple[str, Encoded | Rejected]


def encode_blob(blob: Blob, image_size: int) -> list[Result]:
    """Read a file and encode its images; what the user can mend is a reason."""
    try:
        data = blob.where.read()
        if all(cut is None for _, cut in blob.images):
            return [(path, encode(data, image_size)) for path, _ in blob.images]
        return _patches(blob, data)
    except (DataError, MissingError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
    return [(path, Rejected(reason)) for path, _ in blob.images]


def _patches(blob: Blob, data: bytes) -> list[Result]:
    """Decode a photograph once and cut its patches."""
    photograph = decode(data)
    found: list[Result] = []
    for path, cut in blob.images:
        assert cut is not None
        try:
            patch = Image.fromarray(cut_patch(photograph, cut))
            found.append((path, write(patch)))
        except DataError as error:
            found.append((path, Rejected(str(error))))
    return found


class Encoder:
    """Encodes files; a context manager that ends its workers.

    Parameters
    ----------
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
        self, image_size: int, *, images: int, workers: int | None = None
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"Expected workers of at least 1, got {workers}.")
        self.image_size = image_size
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

    def __call__(self, blobs: Iterable[Blob]) -> Iterator[Result]:
        """Yield every image's path and result, in any order.

        Raises
        ------
        DataError
            If a worker process dies.
        """
        if self._pool is None:
            for blob in blobs:
                yield from encode_blob(blob, self.image_size)
            return
        try:
            yield from self._in_workers(self._pool, blobs)
        except BrokenProcessPool:
            raise DataError(
                "A worker process died while it encoded images, perhaps for want of "
                "memory; try again with --workers 1 to see the image that did it."
            ) from None

    def _in_workers(
        self, pool: ProcessPoolExecutor, blobs: Iterable[Blob]
    ) -> Iterator[Result]:
        waiting = _Waiting(self.workers * _AHEAD)
        for chunk, size in _chunks(blobs):
            while waiting.full(size):
                yield from waiting.first()
            waiting.add(pool.submit(_encode_chunk, chunk, self.image_size), size)
        while waiting.sizes:
            yield from waiting.first()


@dataclasses.dataclass(slots=True)
class _Waiting:
    """Tasks that wait or run, and the bytes that they hold."""

    most: int
    sizes: dict[futures.Future[list[Result]], int] = dataclasses.field(
        default_factory=collections.OrderedDict
    )

    def full(self, size: int) -> bool:
        held = sum(self.sizes.values())
        beyond = held and held + size > _AHEAD_BYTES
        return len(self.sizes) >= self.most or bool(beyond)

    def add(self, task: futures.Future[list[Result]], size: int) -> None:
        self.sizes[task] = size

    def first(self) -> Iterator[Result]:
        """Wait for any task; yield the results of all that are done."""
        done, _ = futures.wait(self.sizes, None, futures.FIRST_COMPLETED)
        for task in done:
            del self.sizes[task]
            yield from task.result()


def _chunks(blobs: Iterable[Blob]) -> Iterator[tuple[list[Blob], int]]:
    """Gather files into tasks, each with the bytes it brings along."""
    chunk: list[Blob] = []
    size = 0
    for blob in blobs:
        chunk.append(blob)
        size += len(blob.where.data) if isinstance(blob.where, Held) else 0
        if len(chunk) == _CHUNK or size >= _CHUNK_BYTES:
            yield chunk, size
            chunk, size = [], 0
    if chunk:
        yield chunk, size


def _encode_chunk(blobs: list[Blob], image_size: int) -> list[Result]:
    return [result for blob in blobs for result in encode_blob(blob, image_size)]


def _start() -> None:
    """Let the parent alone answer Ctrl-C, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # from a thread, with a queue that will never be served
