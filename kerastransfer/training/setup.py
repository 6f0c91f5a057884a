"""What a recipe is trained on, and with."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.config.train_config import TrainConfig
from kerastransfer.distribution.replicas import Replicas
from kerastransfer.features.image_set import LabelledExamples
from kerastransfer.records import reader
from kerastransfer.training.batches import ImageBatches
from kerastransfer.training.caching import Caching


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainSetup:
    """What a recipe is trained on, and with.

    Parameters
    ----------
    config : TrainConfig
    backbone : Backbone
    records : LabelledExamples
    num_classes : int
    train_positions, val_positions : array of int
        Which images.
    source_weights : mapping of str to array
        The pretrained weights; empty where the recipe keeps none.
    replicas : Replicas
    caching : Caching
    """

    config: TrainConfig
    backbone: Backbone
    records: LabelledExamples
    num_classes: int
    train_positions: NDArray[np.int64]
    val_positions: NDArray[np.int64]
    source_weights: Mapping[str, NDArray[Any]]
    replicas: Replicas
    caching: Caching

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        backbone: Backbone,
        records: reader.Records,
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
            train_positions=records.variant(config.images_per_class, config.draw),
            val_positions=np.arange(records.size("val")),
            source_weights=source_weights,
            replicas=replicas,
            caching=caching,
        )


def image_batches(setting: TrainSetup) -> ImageBatches:
    """Give the setting's images as a source of batches."""
    return ImageBatches(
        examples=setting.records,
        train_positions=setting.train_positions,
        val_positions=setting.val_positions,
        preprocessing=setting.backbone.preprocessing,
        config=setting.config,
    )
