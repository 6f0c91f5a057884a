"""What all phases of a recipe are trained on, and with."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer import surgery
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.features.image_set import LabelledExamples
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.surgery import BlockPlan
from kerastransfer.training.batches import ImageBatches
from kerastransfer.training.caching import Caching


class RunRecords(LabelledExamples, Protocol):
    """Records that a run can be made from: all of a dataset, or without a fold."""

    classes: tuple[str, ...]
    metadata: Mapping[str, Any]

    def positions(self, images_per_class: int | None, draw: int) -> dict[str, IntArray]:
        """Return which images of each split a run uses."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainSetup:
    """What all phases of a recipe are trained on, and with.

    Parameters
    ----------
    records : LabelledExamples
        The examples of all splits.
    positions : mapping of str to array of shape (n,)
        Which examples of each split are used: ``train``, ``val`` and ``test``.
    source_weights : mapping of str to array
        The pretrained weights; empty where the recipe keeps none.
    replicas : Replicas
        The devices that train together.
    caching : Caching
        Whether and where outputs of frozen blocks are kept.
    """

    config: TrainConfig
    backbone: Backbone
    records: LabelledExamples
    num_classes: int
    positions: Mapping[str, NDArray[np.int64]]
    source_weights: Mapping[str, NDArray[Any]]
    replicas: Replicas
    caching: Caching

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        backbone: Backbone,
        records: RunRecords,
        source_weights: Mapping[str, NDArray[Any]],
        replicas: Replicas,
        caching: Caching,
    ) -> Self:
        """Take the images that a config names from records."""
        return cls(
            config=config,
            backbone=backbone,
            records=records,
            num_classes=len(records.classes),
            positions=records.positions(config.images_per_class, config.draw),
            source_weights=source_weights,
            replicas=replicas,
            caching=caching,
        )

    def images(self) -> ImageBatches:
        """Return the training and validation images as a source of batches."""
        return ImageBatches(
            examples=self.records,
            train_positions=self.positions["train"],
            val_positions=self.positions["val"],
            preprocessing=self.backbone.preprocessing,
            config=self.config,
        )

    def make_network(self) -> Network:
        """Make the network that the first phase begins with, on all devices."""
        with self.replicas.strategy.scope():
            return surgery.draw(
                self.config.recipe.phases[0],
                self.backbone,
                self.num_classes,
                self.config.seed,
                self.source_weights,
            )

    def plans(self, index: int) -> tuple[BlockPlan, ...]:
        """Work out what a phase, by its number from 0, does to each block."""
        config = self.config
        phase = config.recipe.phases[index]
        return surgery.plan(phase, self.backbone, self.num_classes, config.batch_norm)

    def class_weights(self) -> NDArray[np.float32] | None:
        """Return a weight for each class's losses; None where all count alike."""
        if self.config.class_weights != "auto":
            return None
        labels = self.records.labels("train")[self.positions["train"]]
        return balanced_weights(labels, self.num_classes)


def balanced_weights(
    labels: NDArray[np.int64], num_classes: int
) -> NDArray[np.float32]:
    """Weigh classes so that each counts as much as any other.

    Parameters
    ----------
    labels : array of shape (n,)
        Of the training images.

    Returns
    -------
    array of shape (num_classes,)
        n / (classes * images of the class), as scikit-learn's "balanced"; 0 for a
        class without images.
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = np.count_nonzero(counts)
    return np.where(counts, len(labels) / (present * np.maximum(counts, 1)), 0).astype(
        np.float32
    )
