"""A frozen prefix's outputs, or crops, on disk: computed once per image and view.

A cache is a folder named by everything that its contents follow from, so a stale one is
never found. In it, each split and view has a matrix with a row for every image of the
split. Any number of processes may read; one fills at a time.
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.features.cache_inventory import LOCK, META
from kerastransfer.features.row_file import RowFile
from kerastransfer.foundation import atomic, locks
from kerastransfer.foundation.arrays import IntArray

FORMAT = 3  # 2: batches of one size; 3: JPEGs decoded accurately


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Everything that a prefix's outputs follow from.

    Parameters
    ----------
    backbone : str
        Its name.
    cut : int
        The prefix's last block, 1 to 7; 0 for crops.
    weights : str
        SHA-256 of the weights of blocks 1 to `cut`, as they are.
    preprocessing : str
        The backbone's facts, as text.
    records : str
        Hash of the records' contents.
    dtype : {'float32', 'float16', 'uint8'}
        How outputs are kept.
    tensorflow : str
        The release that computes them.
    model : str
        SHA-256 of a model of the user's own, whose layers no name tells; else empty.
    """

    backbone: str
    cut: int
    weights: str
    preprocessing: str
    records: str
    dtype: str
    tensorflow: str
    model: str = ""

    @classmethod
    def of(
        cls, network: Network, backbone: Backbone, cut: int, records: str, dtype: str
    ) -> Self:
        """Say what the outputs of a network's prefix follow from."""
        return cls(
            backbone=backbone.name,
            cut=cut,
            weights=weights_hash(network, cut),
            preprocessing=json.dumps(backbone.preprocessing.as_dict(), sort_keys=True),
            records=records,
            dtype=dtype,
            tensorflow=importlib.metadata.version("tensorflow"),
            model="" if backbone.held is None else backbone.held().sha256,
        )

    @property
    def key(self) -> str:
        """The cache's name: 16 hexadecimal digits."""
        parts = dataclasses.asdict(self)
        if not self.model:
            del parts["model"]  # keys are what they were before there was one
        text = json.dumps([FORMAT, parts], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def weights_hash(network: Network, cut: int) -> str:
    """Return the SHA-256 of the weights of blocks 1 to `cut`, names included."""
    digest = hashlib.sha256()
    for number in range(1, cut + 1):
        for name, value in sorted(network.snapshot(number).items()):
            digest.update(f"{number}/{name} {value.dtype} {value.shape}\n".encode())
            digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()


class Cache:
    """The outputs of one prefix.

    Parameters
    ----------
    home : Path
        The folder that holds all caches; this one's is made when it is first filled.
    shape : sequence of int
        Of one output.
    sizes : mapping of str to int
        Images in each split of the records.
    """

    def __init__(
        self,
        home: Path,
        identity: Identity,
        shape: Sequence[int],
        sizes: Mapping[str, int],
    ) -> None:
        self.folder = home / identity.key
        self.dtype = np.dtype(identity.dtype).newbyteorder("<")
        self.shape = tuple(shape)
        self._sizes = dict(sizes)
        self._facts = {
            "format": FORMAT,
            **dataclasses.asdict(identity),
            "shape": list(shape),
            "sizes": self._sizes,
        }
        self._files: dict[tuple[str, int], RowFile] = {}

    @property
    def row_bytes(self) -> int:
        """Bytes of one output."""
        return math.prod(self.shape) * self.dtype.itemsize

    def rows(self, split: str, view: int, positions: IntArray) -> NDArray[Any]:
        """Return outputs in the positions' order; `missing` must have found none."""
        return self._file(split, view).read(positions)

    def missing(self, split: str, view: int, positions: IntArray) -> IntArray:
        """Check outputs against their checksums.

        Parameters
        ----------
        view : int
            Number among the ten fixed views.
        positions : array of shape (n,)

        Returns
        -------
        array of shape (k,)
            Those whose outputs are not there, or damaged; ascending.
        """
        return self._file(split, view).missing(positions)

    def write(
        self, split: str, view: int, positions: IntArray, outputs: NDArray[Any]
    ) -> None:
        """Keep outputs, in the positions' order; only while `locked`.

        Raises
        ------
        OSError
            If the disk is full; nothing that was there is lost.
        """
        self._file(split, view).write(positions, outputs)

    def touch(self) -> None:
        """Note that it is in use: pruning goes by that."""
        with contextlib.suppress(OSError):
            os.utime(self.folder / META)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process fills this cache, and keep others waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locks.held(self.folder / LOCK):
            atomic.remove_scratch(self.folder)
            atomic.write_json(self.folder / META, self._facts)
            yield

    def _file(self, split: str, view: int) -> RowFile:
        if (split, view) not in self._files:
            self._files[split, view] = RowFile(
                self.folder / f"{split}-view{view}",
                (self._sizes[split], *self.shape),
                self.dtype,
            )
        return self._files[split, view]
