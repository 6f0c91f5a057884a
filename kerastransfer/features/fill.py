"""Filling the cache of a frozen prefix: what is missing, its cost, and doing it."""

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.features.cache import Cache
from kerastransfer.features.extraction import ROWS, Extractor
from kerastransfer.features.row_file import IntArray
from kerastransfer.foundation.progress import OnProgress

_BATCH = 2 * ROWS
_SAMPLE = 32  # images on which the forward pass is timed, after as many to warm up
_PROBE_BYTES = 2**24  # written to learn how fast the disk is


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Outputs that are to be in a cache.

    Parameters
    ----------
    split : str
    number : int
        Of the view, among the ten fixed ones.
    view : array of shape (3,)
        (top, left, mirror).
    positions : array of shape (n,)
    """

    split: str
    number: int
    view: NDArray[np.float32]
    positions: IntArray

    @classmethod
    def centre(cls, split: str, positions: IntArray) -> Self:
        """Want the centre view, which is the first of the ten."""
        return cls(split, 0, views.CENTRE, positions)


class Filler:
    """What can be computed into a cache.

    Parameters
    ----------
    cache : Cache
    network : Network
        Whose prefix.
    preprocessing : Preprocessing
        The backbone's.
    examples : Examples
    cut : int
        The prefix's last block.
    wanted : sequence of Wanted
    """

    def __init__(
        self,
        cache: Cache,
        network: Network,
        preprocessing: Preprocessing,
        examples: pipeline.Examples,
        cut: int,
        wanted: Sequence[Wanted],
    ) -> None:
        self.cache = cache
        self._facts = preprocessing
        self._examples = examples
        self._extract = Extractor(network, preprocessing, last=cut)
        self.wanted = list(wanted)
        self.missing = self._check(wanted)

    @property
    def num_missing(self) -> int:
        """How many outputs are not there, or damaged."""
        return sum(len(part.positions) for part in self.missing)

    @property
    def num_bytes(self) -> int:
        """Bytes on disk that filling takes."""
        return self.num_missing * self.cache.row_bytes

    @property
    def total_bytes(self) -> int:
        """Bytes of all that is wanted, there or not."""
        return self.cache.row_bytes * sum(len(p.positions) for p in self.wanted)

    def read(self, part: Wanted) -> NDArray[np.float32]:
        """Return outputs that are in the cache, in the order of the positions."""
        rows = self.cache.rows(part.split, part.number, part.positions)
        return np.asarray(rows, np.float32)

    def compute(self, part: Wanted) -> NDArray[np.float32]:
        """Compute outputs and keep nothing."""
        return self._extract(self._batches(part))[0]

    def fill(self, show: OnProgress | None = None) -> None:
        """Compute what is missing, or wait for another process that does.

        Parameters
        ----------
        show : callable, optional
            Told how many outputs are done, and of how many.

        Raises
        ------
        OSError
            If the disk is full; what was computed before stays.
        """
        if self.missing:
            self._fill(show)
            self.missing = []
        self.cache.touch()
        for part in self.wanted:
            # Mapped now, they can be read even if somebody prunes them.
            if len(part.positions):
                self.cache.rows(part.split, part.number, part.positions[:1])

    def _fill(self, show: OnProgress | None) -> None:
        with self.cache.locked():
            # Another process may have filled it meanwhile, or pruned it.
            self.missing = self._check(self.wanted)
            done, total = 0, self.num_missing
            for part in self.missing:
                for some, outputs in self._stream(part):
                    self._check_range(outputs)
                    self.cache.write(part.split, part.number, some, outputs)
                    done += len(some)
                    if show is not None:
                        show(done, total)

    def _check_range(self, outputs: NDArray[np.float32]) -> None:
        if self.cache.dtype == outputs.dtype:
            return
        most = np.finfo(self.cache.dtype).max
        if np.abs(outputs).max(initial=0) > most:
            raise InputError(
                f"Expected outputs within {most:,.0f}, all that {self.cache.dtype} "
                "holds, got larger ones; pass --cache-dtype float32."
            )

    def seconds_an_image(self) -> float:
        """Time reading, decoding and the forward pass on a few images."""
        part = max(self.wanted, key=lambda part: len(part.positions))
        some = dataclasses.replace(part, positions=part.positions[:_SAMPLE])
        self.compute(some)
        start = time.perf_counter()
        self.compute(some)
        return (time.perf_counter() - start) / len(some.positions)

    def seconds_a_byte(self) -> float:
        """Time writing to where the cache is."""
        home = self.cache.folder.parent
        home.mkdir(parents=True, exist_ok=True)
        noise = os.urandom(max(1, min(_PROBE_BYTES, self.num_bytes)))
        with tempfile.TemporaryFile(dir=home) as file:
            start = time.perf_counter()
            file.write(noise)
            file.flush()
            os.fsync(file.fileno())
            return (time.perf_counter() - start) / len(noise)

    def _stream(self, part: Wanted) -> Iterator[tuple[IntArray, NDArray[np.float32]]]:
        """Yield positions and their outputs, a batch at a time."""
        done = 0
        for outputs, _ in self._extract.stream(self._batches(part)):
            yield part.positions[done : done + len(outputs)], outputs
            done += len(outputs)

    def _batches(self, part: Wanted) -> tf.data.Dataset:
        return pipeline.batches(
            self._examples,
            part.split,
            part.positions,
            np.broadcast_to(part.view, (len(part.positions), 3)),
            self._facts,
            batch_size=_BATCH,
        )

    def _check(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        found = [
            dataclasses.replace(
                part,
                positions=self.cache.missing(part.split, part.number, part.positions),
            )
            for part in wanted
        ]
        return [part for part in found if len(part.positions)]
