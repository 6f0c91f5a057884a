"""Records of which one fold is held out: what one run of a cross-validation sees."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerastransfer.errors import InputError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.reader import Records
from kerastransfer.records.split.folds import Fold
from kerastransfer.records.split.plan import SPLITS


class FoldPool:
    """The images of train and val of some records, in one row; test is not among them.

    Parameters
    ----------
    images_per_class : int or None
        Of the variant whose training images are taken.
    draw : int
        Its draw.
    val : array of int, optional
        Which images of val; by default all.
    """

    def __init__(
        self,
        records: Records,
        images_per_class: int | None,
        draw: int,
        val: IntArray | None = None,
    ) -> None:
        self.records = records
        train = records.variant(images_per_class, draw)
        val = np.arange(records.size("val")) if val is None else val
        self.num_train = len(train)
        self._positions = np.concatenate([train, val])
        labels = records.labels("train")[train], records.labels("val")[val]
        self.labels: IntArray = np.concatenate(labels)
        text = f"{records.content_hash} {self._positions.tolist()} {len(train)}"
        self.content_hash = hashlib.sha256(text.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def places(self) -> dict[str, IntArray]:
        """Where the images stand in the records: those of train come first."""
        cut = self.num_train
        return {"train": self._positions[:cut], "val": self._positions[cut:]}

    def serialized(self, index: int) -> bytes:
        """Return one image as a serialised ``tf.train.Example``."""
        if not 0 <= index < len(self):
            raise InputError(
                f"Expected an image from 0 to {len(self) - 1:,}, got {index:,}."
            )
        split = "train" if index < self.num_train else "val"
        return self.records.serialized(split, int(self._positions[index]))


class FoldRecords:
    """What a run of one fold takes for its records; the fold stands for the test set.

    Every split holds the whole pool, and `positions` says which of it are used: so what
    frozen blocks make of an image is computed once for all folds.

    Parameters
    ----------
    fold : Fold
        Indices into the pool.
    """

    def __init__(self, pool: FoldPool, fold: Fold) -> None:
        self._pool = pool
        self._fold = fold
        self.classes: tuple[str, ...] = pool.records.classes
        self.metadata: Mapping[str, Any] = pool.records.metadata
        self.content_hash = pool.content_hash

    @property
    def fold_hash(self) -> str:
        """Hash of the pool and of who is where in this fold."""
        parts = [self._fold.train, self._fold.val, self._fold.held_out]
        text = f"{self.content_hash} {[part.tolist() for part in parts]}"
        return hashlib.sha256(text.encode()).hexdigest()

    def size(self, split: str) -> int:
        """Return how many images the pool has."""
        if split not in SPLITS:
            raise InputError(f"Expected split train, val or test, got {quoted(split)}.")
        return len(self._pool)

    def labels(self, split: str) -> IntArray:
        """Return every image's label, by its index in the pool."""
        self.size(split)  # refuses an unknown one
        return self._pool.labels

    def positions(self, images_per_class: int | None, draw: int) -> dict[str, IntArray]:
        """Return the fold's images of each split; the pool is of one variant already.

        ``test`` are the images that are held out.
        """
        fold = self._fold
        return {"train": fold.train, "val": fold.val, "test": fold.held_out}

    def serialized(self, split: str, position: int) -> bytes:
        """Return one image as a serialised ``tf.train.Example``; safe in threads."""
        self.size(split)
        return self._pool.serialized(position)
