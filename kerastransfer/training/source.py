"""Where a phase's batches come from: images, or activations computed once.

Both give the same images in the same order with the same views, so a run with cached
activations and one without are the same computation.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer import pipeline, views
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.training.config import TrainConfig

Batch = tuple[tf.Tensor, tf.Tensor]


class Source(Protocol):
    """Batches of a training and a validation set."""

    @property
    def first(self) -> int:
        """The block that takes the batches: 1 for images."""

    @property
    def num_images(self) -> int:
        """Images in the training set."""

    def train(self, epoch: int) -> Iterable[Batch]:
        """Give an epoch's batches, each image once, shuffled, each in one view."""

    def val(self) -> Iterable[Batch]:
        """Give the validation set in order, in the centre view."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Batches of crops, straight from the records.

    Parameters
    ----------
    examples : Examples
        The records.
    train_positions, val_positions : array of int
        Which examples of the splits.
    facts : Preprocessing
        The backbone's.
    config : TrainConfig
        For seed, views, augmentation and batch size.
    """

    examples: pipeline.Examples
    train_positions: NDArray[np.int64]
    val_positions: NDArray[np.int64]
    facts: Preprocessing
    config: TrainConfig
    first: int = 1

    @property
    def num_images(self) -> int:
        """See `Source`."""
        return len(self.train_positions)

    def train(self, epoch: int) -> Iterable[Batch]:
        """See `Source`."""
        config, positions = self.config, self.train_positions
        if config.augment == "random":
            chosen = views.random(config.seed, epoch, positions, config.mirror)
        else:
            numbers = views.choose(config.seed, epoch, positions, config.views)
            chosen = views.fixed(config.views)[numbers]
        order = views.order(config.seed, epoch, positions)
        return self._batches("train", positions[order], chosen[order])

    def view(self, view: NDArray[np.float32]) -> Iterable[Batch]:
        """Give the training set in stored order, in one view."""
        return self._batches("train", self.train_positions, view)

    def val(self) -> Iterable[Batch]:
        """See `Source`."""
        return self._batches("val", self.val_positions, views.CENTRE)

    def _batches(
        self, split: str, positions: NDArray[np.int64], chosen: NDArray[np.float32]
    ) -> tf.data.Dataset:
        return pipeline.batches(
            self.examples,
            split,
            positions,
            np.broadcast_to(chosen, (len(positions), 3)),
            self.facts,
            batch_size=self.config.batch_size,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """Batches of a frozen prefix's outputs, held in memory.

    Parameters
    ----------
    train_outputs : array of shape (views, n, ...)
    train_labels : array of shape (n,)
    val_outputs, val_labels : arrays
        Of the centre view.
    positions : array of shape (n,)
        The training examples' positions; shuffling and views follow from them.
    config : TrainConfig
        For seed, views and batch size.
    first : int
        The block that takes the outputs.
    """

    train_outputs: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    val_outputs: NDArray[np.float32]
    val_labels: NDArray[np.int64]
    positions: NDArray[np.int64]
    config: TrainConfig
    first: int

    @property
    def num_images(self) -> int:
        """See `Source`."""
        return len(self.positions)

    def train(self, epoch: int) -> Iterator[Batch]:
        """See `Source`."""
        config = self.config
        chosen = views.choose(config.seed, epoch, self.positions, config.views)
        order = views.order(config.seed, epoch, self.positions)
        for rows in _slices(order, config.batch_size):
            yield self.train_outputs[chosen[rows], rows], self.train_labels[rows]

    def val(self) -> Iterator[Batch]:
        """See `Source`."""
        for rows in _slices(np.arange(len(self.val_labels)), self.config.batch_size):
            yield self.val_outputs[rows], self.val_labels[rows]


def _slices(order: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]
