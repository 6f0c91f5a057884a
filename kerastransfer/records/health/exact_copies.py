"""The quick part of a look at records: images with the same bytes as another."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records.health.clusters import (
    Cluster,
    StoredImages,
    across,
    stored_classes,
    stored_images,
)
from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS


def find(records: Records, *, progress: OnProgress | None = None) -> list[Cluster]:
    """Compare the stored bytes of all images; decodes none.

    Parameters
    ----------
    progress : callable, optional
        Told how many images are looked at, and of how many.

    Raises
    ------
    DataError
        If a record file is damaged.
    """
    splits, classes = stored_classes(records)
    rows = defaultdict[bytes, list[int]](list)
    names: list[str] = []
    for name, image in stored_images(records):
        rows[hashlib.sha256(image).digest()].append(len(names))
        names.append(name)
        if progress is not None:
            progress(len(names), len(splits))
    images = StoredImages(names, splits, classes)
    return [images.cluster(same, exact=True) for same in rows.values() if len(same) > 1]


def sentence(records: Records, clusters: Sequence[Cluster]) -> str:
    """Say in a line what stands twice.

    Parameters
    ----------
    clusters : sequence of Cluster
        All that `find` gave.
    """
    total = sum(records.size(split) for split in SPLITS)
    if not clusters:
        return f"No two of {total:,} images have the same bytes."
    copies = sum(len(each.ids) - 1 for each in clusters)
    conflicts = sum(len(set(each.classes)) > 1 for each in clusters)
    leaks = [
        f"{held['exact']:,} of {pair.replace(' in ', ' stand in ')}"
        for pair, held in across(clusters, clusters).items()
        if held["exact"]
    ]
    said = [f"{copies:,} of {total:,} images have the same bytes as another"]
    said += [*leaks] if leaks else ["none in two splits"]
    if conflicts:
        said.append(f"{conflicts:,} pictures under two labels or more")
    return "; ".join(said) + "."


def is_harmful(clusters: Sequence[Cluster]) -> bool:
    """Return whether copies stand in two splits or under two labels."""
    return any(
        len(set(each.splits)) > 1 or len(set(each.classes)) > 1 for each in clusters
    )
