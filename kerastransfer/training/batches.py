"""Where a phase's batches come from: images, or what was computed of them once.

Both give the same images in the same order with the same views, so a run with a cache
and one without are the same computation. Batches can be divided over
replicas, and an epoch can be begun at any of its batches.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import WHOLE, ReplicaRange
from kerastransfer.foundation.arrays import IntArray


class ReplicaBatch(NamedTuple):
    """A replica's part of a batch.

    Parameters
    ----------
    inputs, labels : tensors or arrays of shape (n, ...), (n,)
    rows : array of shape (n,), int32
        The images' places in the whole batch.
    weights : array of shape (n,), float32
        1, or 0 for an image that only keeps a replica from having none.
    """

    inputs: Any
    labels: Any
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]


class Batch(NamedTuple):
    """A batch, as far as this process has it.

    Parameters
    ----------
    size : int
        Images in the whole batch, over all replicas.
    shares : tuple of ReplicaBatch
        Of each replica in this process.
    """

    size: int
    shares: tuple[ReplicaBatch, ...]


class BatchSource(Protocol):
    """Batches of a training and a validation set."""

    @property
    def first(self) -> int:
        """The block that takes the batches: 1 for images."""

    @property
    def dtype(self) -> str:
        """Of the inputs."""

    @property
    def num_images(self) -> int:
        """Images in the training set."""

    def train(
        self, epoch: int, part: ReplicaRange = WHOLE, start: int = 0
    ) -> Iterator[Batch]:
        """Give an epoch's batches, each image once, shuffled, each in one view.

        Parameters
        ----------
        epoch : int
            From 0; order and views follow from it.
        part : ReplicaRange
            The replicas whose shares to give.
        start : int
            The first batch to give.
        """

    def val(self) -> Iterable[tuple[Any, Any]]:
        """Give the validation set in order, in the centre view: inputs and labels."""


def share_rows(size: int, part: ReplicaRange) -> list[tuple[NDArray[np.int32], float]]:
    """Divide a batch's rows over the replicas of this process.

    Parameters
    ----------
    size : int
        Rows of the whole batch.
    part : ReplicaRange
        The replicas of this process.

    Returns
    -------
    list of (array, float)
        For each local replica its rows, and the weight of a row: 1, unless the batch
        has fewer rows than there are replicas. Then every replica takes all rows, so
        that batch norms see the batch as it is, and a row weighs 1 / replicas.
    """
    if size < part.count:
        whole = np.arange(size, dtype=np.int32)
        return [(whole, 1 / part.count)] * part.local
    shares = []
    # The first ones take what is over: a smaller batch then has no larger share.
    per_replica, over = divmod(size, part.count)
    for replica in range(part.first, part.first + part.local):
        start, end = (n * per_replica + min(n, over) for n in (replica, replica + 1))
        shares.append((np.arange(start, end, dtype=np.int32), 1.0))
    return shares


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageBatches:
    """Batches of crops, straight from the records.

    Parameters
    ----------
    examples : Examples
        The records.
    train_positions, val_positions : array of int
        Which examples of the splits.
    preprocessing : Preprocessing
        The backbone's.
    config : TrainConfig
        For seed, views, augmentation and batch size.
    """

    examples: pipeline.Examples
    train_positions: IntArray
    val_positions: IntArray
    preprocessing: Preprocessing
    config: TrainConfig
    first: int = 1
    dtype: str = "float32"

    @property
    def num_images(self) -> int:
        """See `BatchSource`."""
        return len(self.train_positions)

    def train(
        self, epoch: int, part: ReplicaRange = WHOLE, start: int = 0
    ) -> Iterator[Batch]:
        """See `BatchSource`."""
        config, positions = self.config, self.train_positions
        if config.augment == "random":
            crops = views.random(config.seed, epoch, positions, config.mirror)
        else:
            numbers = views.choose(config.seed, epoch, positions, config.views)
            crops = views.fixed(config.views)[numbers]
        order = views.order(config.seed, epoch, positions)
        batches = _slices(order, config.batch_size)[start:]
        shared = [share_rows(len(batch), part) for batch in batches]
        rows_here = [
            batch[np.concatenate([rows for rows, _ in rows_of])]
            for batch, rows_of in zip(batches, shared, strict=True)
        ]
        loaded = self._load("train", rows_here, crops)
        for batch, rows_of, (inputs, labels) in zip(
            batches, shared, loaded, strict=True
        ):
            yield Batch(len(batch), _share(rows_of, inputs, labels))

    def val(self) -> Iterable[tuple[tf.Tensor, tf.Tensor]]:
        """See `BatchSource`."""
        return pipeline.batches(
            self.examples,
            "val",
            self.val_positions,
            np.broadcast_to(views.CENTRE, (len(self.val_positions), 3)),
            self.preprocessing,
            batch_size=self.config.batch_size,
        )

    def _load(
        self, split: str, rows: Sequence[IntArray], crops: NDArray[np.float32]
    ) -> Iterable[tuple[tf.Tensor, tf.Tensor]]:
        """Load a batch for each list of rows; all but the last are of one length."""
        if not rows:
            return []
        if len(rows[-1]) > len(rows[0]):  # see `share_rows`
            parts = (self._load(split, some, crops) for some in (rows[:-1], rows[-1:]))
            return itertools.chain.from_iterable(parts)
        joined = np.concatenate(rows)
        return pipeline.batches(
            self.examples,
            split,
            self.train_positions[joined],
            crops[joined],
            self.preprocessing,
            batch_size=len(rows[0]),
        )


class Outputs(Protocol):
    """A frozen prefix's outputs, or crops, by view, split and position."""

    def rows(self, split: str, view: int, positions: IntArray) -> NDArray[Any]:
        """Return the outputs for some positions, in their order."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CachedBatches:
    """Batches of a frozen prefix's outputs, or of crops that were decoded before.

    Parameters
    ----------
    outputs : Outputs
        Such as a cache.
    train_positions, val_positions : array of int
        Which examples of the splits; their order and views follow from them.
    train_labels, val_labels : array of int
        Of these examples.
    config : TrainConfig
        For seed, views and batch size.
    first : int
        The block that takes the outputs: 1 for crops.
    """

    outputs: Outputs
    train_positions: IntArray
    val_positions: IntArray
    train_labels: IntArray
    val_labels: IntArray
    config: TrainConfig
    first: int

    @property
    def dtype(self) -> str:
        """See `BatchSource`: crops stay the whole numbers that they are kept as."""
        return "float32" if self.first > 1 else "uint8"

    @property
    def num_images(self) -> int:
        """See `BatchSource`."""
        return len(self.train_positions)

    def train(
        self, epoch: int, part: ReplicaRange = WHOLE, start: int = 0
    ) -> Iterator[Batch]:
        """See `BatchSource`."""
        config, positions = self.config, self.train_positions
        numbers = views.choose(config.seed, epoch, positions, config.views)
        view_of = views.indices(config.views)[numbers]
        order = views.order(config.seed, epoch, positions)
        for batch in _slices(order, config.batch_size)[start:]:
            rows_of = share_rows(len(batch), part)
            rows = batch[np.concatenate([rows for rows, _ in rows_of])]
            inputs = self._inputs(positions[rows], view_of[rows])
            yield Batch(len(batch), _share(rows_of, inputs, self.train_labels[rows]))

    def val(self) -> Iterator[tuple[NDArray[Any], IntArray]]:
        """See `BatchSource`."""
        for rows in _slices(np.arange(len(self.val_labels)), self.config.batch_size):
            inputs = self.outputs.rows("val", 0, self.val_positions[rows])
            yield inputs.astype(self.dtype), self.val_labels[rows]

    def _inputs(self, positions: IntArray, view_of: IntArray) -> NDArray[Any]:
        """Gather one view of each position."""
        inputs: NDArray[Any] | None = None
        for view in np.unique(view_of):
            of_view = view_of == view
            outputs = self.outputs.rows("train", int(view), positions[of_view])
            if inputs is None:
                inputs = np.empty((len(positions), *outputs.shape[1:]), self.dtype)
            inputs[of_view] = outputs
        assert inputs is not None
        return inputs


def _share(
    shared: list[tuple[NDArray[np.int32], float]], inputs: Any, labels: Any
) -> tuple[ReplicaBatch, ...]:
    """Divide this process's rows of a batch into its replicas' shares."""
    shares, start = [], 0
    for rows, weight in shared:
        end = start + len(rows)
        weights = np.full(len(rows), weight, np.float32)
        shares.append(ReplicaBatch(inputs[start:end], labels[start:end], rows, weights))
        start = end
    return tuple(shares)


def _slices(order: IntArray, size: int) -> list[IntArray]:
    return [order[start : start + size] for start in range(0, len(order), size)]
