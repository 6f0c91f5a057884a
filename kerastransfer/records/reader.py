"""Converted records, read without TensorFlow: counts, labels, variants and examples."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import Preformatted
from kerastransfer.records import manifest
from kerastransfer.records.array_record import ArrayRecordShards
from kerastransfer.records.shards import Shards, open_shards, read_format, read_lengths
from kerastransfer.records.split.ordering import rank_major
from kerastransfer.records.split.plan import SPLITS

_SHOWN = 10  # classes that text names


class Records(Preformatted):
    """One converted dataset; see `open_records`.

    Parameters
    ----------
    path : Path
        The folder that holds ``dataset_info.json`` and the shards.
    metadata : mapping
        As `manifest.read` returns it.
    lengths : mapping of str to tuple of int
        Records in each shard, by split.
    file_format : {'tfrecord', 'array_record'}
    """

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, Any],
        lengths: Mapping[str, tuple[int, ...]],
        file_format: str = "tfrecord",
    ) -> None:
        self.path = path
        self.metadata = metadata
        self.name: str = metadata["dataset"]
        # What they were made from, where it is known: see `records.find`.
        self.dataset: Dataset | None = None
        self.classes: tuple[str, ...] = tuple(metadata["classes"])
        self.content_hash = manifest.content_hash(metadata)
        self._sizes = {split: sum(parts) for split, parts in lengths.items()}
        self._shards: dict[str, Shards | ArrayRecordShards] = {
            split: open_shards(path, self.name, split, lengths[split], file_format)
            for split in SPLITS
        }

    def __repr__(self) -> str:
        return f"Records({str(self.path)!r})"

    def __str__(self) -> str:
        sizes = ", ".join(f"{self.size(split):,} {split}" for split in SPLITS)
        names = ", ".join(self.classes[:_SHOWN])
        more = len(self.classes) - _SHOWN
        return (
            f"{self.name}: {sizes} images of {len(self.classes):,} classes "
            f"({names}{f' and {more:,} more' if more > 0 else ''}), in {self.path}"
        )

    def size(self, split: str) -> int:
        """Return how many images a split holds."""
        if split not in SPLITS:
            raise InputError(f"Expected split train, val or test, got {quoted(split)}.")
        return self._sizes[split]

    def class_counts(self, split: str) -> IntArray:
        """Return how many images of each class a split holds.

        Returns
        -------
        array of shape (n_classes,), int64
        """
        self.size(split)  # refuses an unknown one
        return np.array(self.metadata["counts"][split], np.int64)

    def labels(self, split: str) -> IntArray:
        """Return every image's label, by position; reads no image.

        Returns
        -------
        array of shape (n,), int64
        """
        counts = self.class_counts(split)
        labels = np.repeat(np.arange(len(counts)), counts)
        # positions are in the order of (rank, class)
        return labels[rank_major(np.arange(len(labels)), labels)[1]]

    def variant(self, images_per_class: int | None, draw: int = 0) -> IntArray:
        """Return the training positions of a variant.

        Parameters
        ----------
        images_per_class : int or None
            None for all. Classes with fewer give what they have; see
            `variant_counts`.
        draw : int
            0 for the stored order, of which a variant is a prefix; 1 to 4 for others.
            Variants of one draw are nested.

        Returns
        -------
        array of shape (k,), int64
            Positions in train.

        Raises
        ------
        InputError
            If no class has that many images, or there is no such draw.
        """
        draws = self.metadata["draws"]
        if not 0 <= draw <= len(draws):
            raise InputError(f"Expected a draw from 0 to {len(draws)}, got {draw}.")
        size = int(self.variant_counts(images_per_class).sum())
        order = np.array(draws[draw - 1]) if draw else np.arange(self.size("train"))
        return order[:size].astype(np.int64)

    def positions(self, images_per_class: int | None, draw: int) -> dict[str, IntArray]:
        """Return which images of each split a run uses; see `variant`."""
        return {
            "train": self.variant(images_per_class, draw),
            "val": np.arange(self.size("val")),
            "test": np.arange(self.size("test")),
        }

    def variant_counts(self, images_per_class: int | None) -> IntArray:
        """Return how many images of each class a variant really has.

        Parameters
        ----------
        images_per_class : int or None
            None for all.

        Returns
        -------
        array of shape (n_classes,), int64

        Raises
        ------
        InputError
            If it is below 1 or no class has that many images.
        """
        counts = self.class_counts("train")
        if images_per_class is None:
            return counts
        if not 1 <= images_per_class <= counts.max():
            raise InputError(
                f"Expected images_per_class from 1 to {counts.max():,}, the training "
                f"images of the largest class in {self.name}, got {images_per_class:,}."
            )
        return np.minimum(counts, images_per_class)

    def serialized(self, split: str, position: int) -> bytes:
        """Return one image as a serialised ``tf.train.Example``; safe in threads.

        Parameters
        ----------
        split : {'train', 'val', 'test'}

        Raises
        ------
        InputError
            If there is no such position.
        DataError
            If a record file is damaged.
        """
        if not 0 <= position < self.size(split):
            raise InputError(
                f"Expected a position from 0 to {self.size(split) - 1:,} in {split}, "
                f"got {position:,}."
            )
        return self._shards[split].read(position)

    def survey(self) -> Iterator[tuple[Path, int, str]]:
        """Check every record's checksum; see `shards.Shards.survey`."""
        for split in SPLITS:
            yield from self._shards[split].survey()


def open_records(path: Path) -> Records:
    """Open the records in a folder.

    Parameters
    ----------
    path : Path
        Such as ``records/digits/1.0.0``.

    Raises
    ------
    MissingError
        If there are none.
    DataError
        If they are damaged, or are not kerastransfer's.
    """
    path = Path(path)
    info = manifest.read_json(path / "dataset_info.json")
    metadata = manifest.read(path)
    lengths = read_lengths(info, path / "dataset_info.json")
    for split in SPLITS:
        counted, stored = sum(metadata["counts"][split]), sum(lengths[split])
        if counted != stored:
            raise DataError(
                f"Expected {counted:,} {split} images in {quoted(path)}, but its "
                f"shards hold {stored:,}; convert the dataset again."
            )
    file_format = read_format(info, path / "dataset_info.json")
    return Records(path, metadata, lengths, file_format)
