"""Measures of images: `features` and `distance`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.api.given import (
    Data,
    Location,
    dataset_of,
    path_of,
    records_folder_of,
)
from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.foundation import keras_settings

if TYPE_CHECKING:
    from kerastransfer.distances.distance_table import Distances
    from kerastransfer.features.feature_file import FeatureFile


@keras_settings.ours
def features(
    data: Data,
    *,
    out: Location,
    split: str | None = None,
    backbone: str | None = None,
    fit: Fit = "crop",
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
    weights: Location | None = None,
) -> "FeatureFile":
    """Write a backbone's features (block 7's output) of images to a file, and open it.

    Features that training or `distance` computed before are taken from the cache.

    Parameters
    ----------
    data : str, path, pandas.DataFrame, pair of arrays, or Records
        As for `train`.
    out : path
        Ends in ``.npz``; replaced where it exists.
    split : {'train', 'val', 'test'}, optional
        By default all, in that order.
    backbone : str, optional
        By default that of `train`.
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network; see `train`.
    archives, records : path, optional
        Folders of the dataset's published files, and of converted datasets.
    options : mapping of str to value, optional
        Of the dataset itself; see `train`.
    weights : path, optional
        File of the pretrained weights.
    """
    from kerastransfer.features.extract import extract

    return extract(
        dataset_of(data, archives, options, records),
        backbone=backbone,
        fit=fit,
        split=split,
        out=Path(out),
        weights=path_of(weights),
        records=records_folder_of(data, records),
    )


@keras_settings.ours
def distance(
    target: Data,
    source: Data | None = None,
    *,
    metrics: Sequence[str] = ("cosine", "mmd"),
    images_per_class: int | None = None,
    max_images: int = 2_000,
    split: str | None = None,
    backbone: str | None = None,
    fit: Fit = "crop",
    pretraining_source: bool = False,
    records: Location | None = None,
    weights: Location | None = None,
    plot: Location | None = None,
) -> "Distances":
    """Measure how far images are from what a backbone was pretrained on.

    Parameters
    ----------
    target : str, path, pandas.DataFrame, pair of arrays, or Records
        As for `train`; or a ``.npz`` file of `features`.
    source : like `target`, optional
        Where the distance is measured from; by default what the backbone's weights
        tell of its pretraining images. A ``.npz`` file may also hold statistics.
    metrics : sequence of str
        Of ``cosine``, ``mmd``, ``kernel_mmd``, ``svm`` and ``cnn``; the last three
        need a source.
    images_per_class : int, optional
        Labelled training images of each class; looks up what the study advises.
    max_images : int
        Images that are drawn of a dataset that has more.
    split : {'train', 'val', 'test'}, optional
        Of both datasets; by default all.
    backbone : str, optional
        By default that of the files, else that of `train`.
    fit : {'crop', 'pad', 'squash'}
        How images that are not square are brought to the network; see `train`.
    pretraining_source : bool
        Whether the source is what the backbone was pretrained on.
    records, weights : path, optional
        Folder of converted datasets, and file of the pretrained weights.
    plot : path, optional
        Image file that gets the features of both in a plane.

    Returns
    -------
    Distances
        Prints as the study's table with the target in it.
    """
    from kerastransfer.distances.between import between

    return between(
        _domain(target, records),
        None if source is None else _domain(source, records),
        backbone=backbone,
        fit=fit,
        metrics=metrics,
        max_images=max_images,
        images_per_class=images_per_class,
        split=split,
        pretraining_source=pretraining_source,
        weights=path_of(weights),
        records=records_folder_of(target, records),
        plot=path_of(plot),
    )


def _domain(data: Data, records: Location | None) -> Dataset | Path:
    """Return images, or the path of a file of features or statistics."""
    is_file = isinstance(data, str | Path) and Path(data).suffix == ".npz"
    return Path(data) if is_file else dataset_of(data, records=records)
