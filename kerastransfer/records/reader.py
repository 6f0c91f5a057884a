"""Converted records, read without TensorFlow: counts, labels, variants and examples."""

import html
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import report
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records import manifest
from kerastransfer.records.array_record import ArrayRecordShards
from kerastransfer.records.images import notes
from kerastransfer.records.remembered import read_as_before, refuse_other_options
from kerastransfer.records.shards import Shards, open_shards, read_format, read_lengths
from kerastransfer.records.split.ordering import rank_major
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.write.convert import convert, records_path

_SHOWN = 10  # classes that text names


class Records:
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
        # What they were made from, where it is known: see `find_or_convert`.
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

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def size(self, split: str) -> int:
        """Return how many images a split holds."""
        if split not in SPLITS:
            raise InputError(f"Expected split train, val or test, got {split!r}.")
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
                f"Expected {counted:,} {split} images in {str(path)!r}, but its shards "
                f"hold {stored:,}; convert the dataset again."
            )
    file_format = read_format(info, path / "dataset_info.json")
    return Records(path, metadata, lengths, file_format)


def find_or_convert(
    dataset: Dataset,
    records_dir: Path | None = None,
    *,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Records:
    """Open a dataset's records; convert it first where its images are at hand.

    Records that are there are taken as they were made. A user's own files are looked
    at again, and converted again with the same options when they have changed.

    Parameters
    ----------
    records_dir : Path, optional
        The folder that holds ``<name>/1.0.0``; None for the usual one.
    workers, progress
        See `convert.convert`.

    Raises
    ------
    MissingError
        If there are no records and the images are not at hand; the message holds the
        command that makes them.
    DataError
        If the records are damaged, or a conversion fails.
    """
    dataset.source.check()
    out = records_home() if records_dir is None else Path(records_dir)
    path = records_path(dataset, out)
    if not path.exists():
        if not dataset.info.auto_convert:
            raise MissingError(
                f"No records of {dataset.name!r} in {str(out)!r}; "
                f"{_way_to_records(dataset, out)}."
            )
        report.warn(f"Converting {dataset.spec} to {str(path)!r} on first use.")
        convert(dataset, out, workers=workers, progress=progress)
        for line in notes.lines(manifest.read(path)):
            report.say(line)
    elif dataset.info.may_change:
        metadata = manifest.read(path)
        dataset = read_as_before(dataset, metadata)
        convert(
            dataset,
            out,
            **{name: metadata[name] for name in manifest.OPTIONS},
            workers=workers,
            progress=progress,
        )
    else:
        refuse_other_options(dataset, manifest.read(path), path)
    records = open_records(path)
    records.dataset = dataset
    return records


def _way_to_records(dataset: Dataset, out: Path) -> str:
    """Say how to get records that are not there."""
    if dataset.info.steps and not dataset.info.parts:
        return dataset.info.steps
    return f"make them with '{_command(dataset, out)}'"


def _command(dataset: Dataset, out: Path) -> str:
    words = ["kerastransfer", "convert", "--dataset", dataset.spec]
    parts = dataset.info.parts
    public = bool(parts) and all(part.urls for part in parts if part.needed)
    words += ["--download"] if public else ["--archives", "DIR"]
    words += ["--out", str(out)] if out != records_home() else []
    return shlex.join(words)
