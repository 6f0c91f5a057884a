"""Images of records that stand more than once, and what that means for the splits."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS

# Pairs of splits between which nothing may stand twice.
PAIRS = (("test", "train"), ("val", "train"), ("test", "val"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Images that are the same, or nearly so.

    Parameters
    ----------
    exact : bool
        Whether their bytes are the same.
    ids, splits, classes : tuple of str
        Of each image.
    """

    exact: bool
    ids: tuple[str, ...]
    splits: tuple[str, ...]
    classes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class StoredImages:
    """Every image's name, split and class, in the order of `stored_images`."""

    names: Sequence[str]
    splits: Sequence[str]
    classes: Sequence[str]

    def cluster(self, numbers: Sequence[int], *, exact: bool) -> Cluster:
        """Put some images, by their numbers, into a cluster."""
        ids, splits, classes = (
            tuple(column[number] for number in numbers)
            for column in (self.names, self.splits, self.classes)
        )
        return Cluster(exact=exact, ids=ids, splits=splits, classes=classes)


def pictures(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Return some clusters so that each picture is in one of them only.

    Parameters
    ----------
    clusters : sequence of Cluster
        Of one kind, such as those under several labels. Images with the same bytes are
        a cluster, and part of a larger one where others are nearly the same.
    """
    held = {name for each in clusters if not each.exact for name in each.ids}
    return [each for each in clusters if not (each.exact and each.ids[0] in held)]


def stored_images(records: Records) -> Iterator[tuple[str, bytes]]:
    """Yield every image's name and its file as stored: train first, then val, test."""
    import tensorflow as tf

    for split in SPLITS:
        for position in range(records.size(split)):
            example = tf.train.Example.FromString(records.serialized(split, position))
            feature = example.features.feature
            name = feature["id"].bytes_list.value[0].decode()
            yield name, feature["image"].bytes_list.value[0]


def stored_classes(records: Records) -> tuple[list[str], list[str]]:
    """Return every image's split and its class's name, as `stored_images` yields."""
    splits: list[str] = [split for split in SPLITS for _ in range(records.size(split))]
    labels = np.concatenate([records.labels(split) for split in SPLITS])
    return splits, [records.classes[label] for label in labels]


def across(
    exact: Sequence[Cluster], alike: Sequence[Cluster]
) -> dict[str, dict[str, int]]:
    """Count, by pair of splits, the images of the first that the second holds too."""
    return {
        f"{one} in {other}": {
            "exact": _held(exact, one, other),
            "near": _held(alike, one, other),
        }
        for one, other in PAIRS
    }


def _held(clusters: Sequence[Cluster], one: str, other: str) -> int:
    """Count the images of one split that another holds too."""
    names = {
        name
        for each in clusters
        if other in each.splits
        for name, split in zip(each.ids, each.splits, strict=True)
        if split == one
    }
    return len(names)
