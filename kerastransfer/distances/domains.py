"""Domains from records, files and weights; all features of one network."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.network import Network
from kerastransfer.distances import cnn
from kerastransfer.distances.domain import Domain, check_classes
from kerastransfer.errors import InputError
from kerastransfer.features import closed_form, responses
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.features.image_set import ImageSet
from kerastransfer.features.source_statistics import SourceStatistics
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.reader import Records

SOURCE_SEED, TARGET_SEED = 1, 2
_BATCH = 64


@dataclasses.dataclass(frozen=True, slots=True)
class SourceNetwork:
    """A backbone with the source's weights.

    Parameters
    ----------
    weights : str
        SHA-256 of the weights' file.
    """

    backbone: Backbone
    network: Network
    weights: str

    @classmethod
    def of(
        cls, backbone: Backbone, mapping: Mapping[str, NDArray[Any]], weights: str
    ) -> "SourceNetwork":
        """Build it from a weight file's mapping."""
        return cls(backbone, responses.source_network(backbone, mapping), weights)

    def statistics(self) -> SourceStatistics:
        """Return what the weights alone tell; see `closed_form.from_weights`."""
        return closed_form.from_weights(self.network, self.backbone, self.weights)


def from_weights(source: SourceNetwork) -> Domain:
    """Return the source as its weights tell it, without an image."""
    name = f"{source.backbone.source}, from the weights"
    return Domain(name, SOURCE_SEED, statistics=source.statistics(), pretraining=True)


def from_records(
    records: Records,
    images: ImageSet,
    source: SourceNetwork,
    seed: int,
    progress: OnProgress | None = None,
) -> Domain:
    """Extract the features of images.

    Parameters
    ----------
    seed : int
        `SOURCE_SEED` or `TARGET_SEED`.
    progress : callable, optional
        Told how many images are done, and of how many.

    Raises
    ------
    DataError
        If the images are of one class.
    """
    check_classes(records.name, images.labels(records))
    blocks = responses.responses(
        source.network, source.backbone, records, images, progress
    )
    features = np.concatenate(list(blocks))
    return Domain(
        records.name, seed, features=features, images=lambda: _pixels(records, images)
    )


def from_features(file: FeatureFile, seed: int) -> Domain:
    """Take a domain from a file of features.

    Raises
    ------
    DataError
        If the images are of one class.
    """
    check_classes(file.dataset, file.labels)
    return Domain(file.dataset, seed, features=file.features)


def from_statistics(statistics: SourceStatistics) -> Domain:
    """Take the source from a file of statistics."""
    return Domain(
        statistics.dataset,
        SOURCE_SEED,
        features=statistics.sample,
        statistics=statistics,
        pretraining=statistics.count is None,  # it follows from the weights
    )


def check_network(
    path: Path, file: FeatureFile | SourceStatistics, backbone: Backbone, weights: str
) -> None:
    """Refuse features of another network.

    Parameters
    ----------
    path : Path
        The file, for the message.
    file : FeatureFile or SourceStatistics
        What it holds.
    backbone : Backbone
        That it should be of.
    weights : str
        SHA-256 that it should be of; an empty one is not compared.

    Raises
    ------
    InputError
    """
    if file.backbone != backbone.name:
        raise InputError(
            f"Expected features of {quoted(backbone.name)}, got those of "
            f"{quoted(file.backbone)} in {quoted(path)}; extract both domains with one "
            "backbone."
        )
    fit = backbone.preprocessing.fit
    if isinstance(file, FeatureFile) and file.fit != fit:
        raise InputError(
            f"Expected features of images seen with --fit {fit}, got those with --fit "
            f"{file.fit} in {quoted(path)}; say --fit {file.fit}, for both domains."
        )
    if weights and file.weights != weights:
        raise InputError(
            f"Expected features by the weights {weights[:12]}, got those by "
            f"{file.weights[:12]} in {quoted(path)}; extract both domains with the "
            "same weights."
        )


def _pixels(records: Records, images: ImageSet) -> cnn.ImageArrays:
    batches = images.batches(records, cnn.GEOMETRY, batch_size=_BATCH)
    # A batch at a time: as float32 they would take four times as much.
    small = [pixels.numpy().round().astype(np.uint8) for pixels, _ in batches]
    return np.concatenate(small)
