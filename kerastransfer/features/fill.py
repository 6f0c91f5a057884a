"""Filling the cache of a frozen prefix: what is missing, its cost, and doing it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer import pipeline
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import InputError
from kerastransfer.features.cache import Cache, Identity
from kerastransfer.features.extraction import ROWS, Crops, Extractor
from kerastransfer.features.image_set import ImageSet, LabelledExamples
from kerastransfer.foundation import system
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records.split.plan import SPLITS

_BATCH = 2 * ROWS
_CHUNK = 512  # outputs that are read at once
_SAMPLE = 32  # images on which the forward pass is timed, after as many to warm up
_PROBE_BYTES = 2**24  # written to learn how fast the disk is
_ROOM = 1.05  # of the disk, for what else is written meanwhile


class FractionError(ValueError):
    """Crops are no whole numbers, as those of images that are resized."""


class Filler:
    """What can be computed into a cache.

    Parameters
    ----------
    network : Network
        Whose lower blocks are run.
    preprocessing : Preprocessing
        The backbone's.
    last : int
        The last block that is run; 0 for none: crops are kept.
    wanted : sequence of ImageSet
        Images whose outputs are to be in the cache.
    """

    def __init__(
        self,
        cache: Cache,
        network: Network,
        preprocessing: Preprocessing,
        examples: pipeline.Examples,
        last: int,
        wanted: Sequence[ImageSet],
    ) -> None:
        self.cache = cache
        self._preprocessing = preprocessing
        self._examples = examples
        self._extract: Crops | Extractor = Crops()
        if last > 0:
            self._extract = Extractor(network, preprocessing, last=last)
        self.wanted = list(wanted)
        self.missing = self._check(wanted)

    @classmethod
    def open(
        cls,
        home: Path,
        records: LabelledExamples,
        network: Network,
        backbone: Backbone,
        last: int,
        wanted: Sequence[ImageSet],
        *,
        dtype: str = "float32",
    ) -> Self:
        """Look at what is in the cache of a network's outputs for some records.

        Parameters
        ----------
        home : Path
            The folder that holds all caches.
        records, network, backbone, last, wanted
            Images, what is run on them, with the weights that it has, up to which
            block, and of which images.
        dtype : {'float32', 'float16', 'uint8'}
            How outputs are kept.
        """
        identity = Identity.of(network, backbone, last, records.content_hash, dtype)
        shape: Sequence[int] = (*[backbone.preprocessing.crop] * 2, 3)
        if last > 0:
            shape = network.blocks[last - 1].output_shape[1:]
        sizes: dict[str, int] = {split: records.size(split) for split in SPLITS}
        cache = Cache(home, identity, shape, sizes)
        return cls(cache, network, backbone.preprocessing, records, last, wanted)

    @property
    def num_missing(self) -> int:
        """How many outputs are not there, or damaged."""
        return sum(map(len, self.missing))

    @property
    def num_bytes(self) -> int:
        """Bytes on disk that filling takes."""
        return self.num_missing * self.cache.row_bytes

    @property
    def total_bytes(self) -> int:
        """Bytes of all that is wanted, there or not."""
        return self.cache.row_bytes * sum(map(len, self.wanted))

    def room_problem(self, limit: int) -> str:
        """Say why outputs cannot be kept; nothing, if they can.

        Parameters
        ----------
        limit : int
            Bytes that one cache may take.
        """
        if self.total_bytes > limit:
            return (
                f"they would take {size_text(self.total_bytes)}, above the limit of "
                f"{size_text(limit)}"
            )
        place = self.cache.folder
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        if self.num_bytes * _ROOM > free:
            return (
                f"they would take {size_text(self.num_bytes)}, and {size_text(free)} "
                "are free"
            )
        return ""

    def read(self, images: ImageSet) -> NDArray[np.float32]:
        """Return outputs that are in the cache, in the images' order."""
        return np.concatenate([self._none, *self.stream_read(images)])

    def stream_read(self, images: ImageSet) -> Iterator[NDArray[np.float32]]:
        """Yield outputs that are in the cache, some hundred images at a time."""
        for split, positions in images.pieces(_CHUNK):
            rows = self.cache.rows(split, images.view, positions)
            yield np.asarray(rows, np.float32)

    def compute(self, images: ImageSet) -> NDArray[np.float32]:
        """Compute outputs and keep nothing."""
        return np.concatenate([self._none, *self.stream_compute(images)])

    def stream_compute(self, images: ImageSet) -> Iterator[NDArray[np.float32]]:
        """Compute outputs and keep nothing, a batch at a time."""
        batches = images.batches(self._examples, self._preprocessing, batch_size=_BATCH)
        for outputs, _ in self._extract.stream(batches):
            yield outputs

    def fill(self, progress: OnProgress | None = None) -> None:
        """Compute what is missing, or wait for another process that does.

        Parameters
        ----------
        progress : callable, optional
            Told how many outputs are done, and of how many.

        Raises
        ------
        OSError
            If the disk is full; what was computed before stays.
        FractionError
            If crops are no whole numbers.
        """
        if self.missing:
            self._fill(progress)
            self.missing = []
        self.cache.touch()
        for images in self.wanted:
            # Mapped now, they can be read even if somebody prunes them.
            for split, positions in images.parts:
                if len(positions):
                    self.cache.rows(split, images.view, positions[:1])

    @property
    def _none(self) -> NDArray[np.float32]:
        return np.zeros((0, *self.cache.shape), np.float32)

    def _fill(self, progress: OnProgress | None) -> None:
        with self.cache.locked():
            # Another process may have filled it meanwhile, or pruned it.
            self.missing = self._check(self.wanted)
            done, total = 0, self.num_missing
            for images in self.missing:
                for split, positions, outputs in self._stream(images):
                    self._check_range(outputs)
                    self.cache.write(split, images.view, positions, outputs)
                    done += len(positions)
                    if progress is not None:
                        progress(done, total)

    def _check_range(self, outputs: NDArray[np.float32]) -> None:
        if self.cache.dtype == outputs.dtype:
            return
        if self.cache.dtype == np.uint8:
            if not np.array_equal(outputs, outputs.astype(np.uint8)):
                raise FractionError("crops of images that are resized are no wholes")
            return
        most = np.finfo(self.cache.dtype).max
        if np.abs(outputs).max(initial=0) > most:
            raise InputError(
                f"Expected outputs within {most:,.0f}, all that {self.cache.dtype} "
                "holds, got larger ones; pass --cache-dtype float32."
            )

    def seconds_an_image(self) -> float:
        """Time reading, decoding and the forward pass on a few images.

        Raises
        ------
        FractionError
            If crops are to be kept, and theirs are no whole numbers.
        """
        largest = max(self.wanted, key=len)
        split, positions = next(largest.pieces(_SAMPLE))
        sample = ImageSet.in_split(split, positions, largest.view)
        self._check_range(self.compute(sample))
        start = time.perf_counter()
        self.compute(sample)
        return (time.perf_counter() - start) / len(sample)

    def seconds_a_byte(self) -> float:
        """Time writing to where the cache is."""
        home = self.cache.folder.parent
        home.mkdir(parents=True, exist_ok=True)
        noise = os.urandom(max(1, min(_PROBE_BYTES, self.num_bytes)))
        with tempfile.TemporaryFile(dir=home) as file:
            start = time.perf_counter()
            file.write(noise)
            file.flush()
            system.sync(file.fileno())
            return (time.perf_counter() - start) / len(noise)

    def _stream(
        self, images: ImageSet
    ) -> Iterator[tuple[str, IntArray, NDArray[np.float32]]]:
        """Yield splits, positions and their outputs, a batch at a time."""
        for split, positions in images.parts:
            part = ImageSet.in_split(split, positions, images.view)
            done = 0
            for outputs in self.stream_compute(part):
                yield split, positions[done : done + len(outputs)], outputs
                done += len(outputs)

    def _check(self, wanted: Sequence[ImageSet]) -> list[ImageSet]:
        """Return the images whose outputs are not there, or damaged."""
        missing = [
            ImageSet.in_split(
                split, self.cache.missing(split, images.view, positions), images.view
            )
            for images in wanted
            for split, positions in images.parts
        ]
        return [images for images in missing if len(images)]


def size_text(size: int) -> str:
    """Spell a size.

    >>> size_text(3 * 2**30), size_text(1_500_000)
    ('3.0 GiB', '1.5 MB')
    """
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 1e6:.1f} MB"
