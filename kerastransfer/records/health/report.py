"""A report on converted records: what a user would want to know before training."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerastransfer.foundation.progress import OnProgress
from kerastransfer.records.health import duplicates
from kerastransfer.records.health.clusters import (
    Cluster,
    StoredImages,
    across,
    stored_classes,
    stored_images,
)
from kerastransfer.records.health.fingerprints import (
    THUMBNAIL,
    Fingerprint,
    fingerprint,
)
from kerastransfer.records.pending import Load
from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.workers import Workers

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)

# From a width and a height in pixels to the part of the image that a crop keeps.
Kept = Callable[[int, int], float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was seen of a dataset's records.

    Parameters
    ----------
    short : mapping of str to int
        Classes that had too few images, with how many.
    rejected, damaged : mapping of str to str
        Images that were left out in conversion, and those that cannot be decoded now.
    ignored : mapping of str to int
        What conversion passed over.
    sizes : mapping of str to tuple of float
        Least, quartiles and greatest of ``width``, ``height``, in pixels as stored, and
        ``aspect``, the longer side over the shorter.
    dropped : mapping of str to float
        Of the part of an image that the centre crop leaves out: ``mean``, ``most``, and
        ``half``, the share of images that lose half or more. Fractions.
    clusters : tuple of Cluster
        Images that stand more than once.
    complete : bool
        Whether all candidates for near duplicates were looked at.
    across : mapping of str to mapping of str to int
        By pair of splits, ``test in train``: images of the first that the second holds
        too, ``exact`` and ``near`` (which counts the exact ones as well).
    conflicts : tuple of Cluster
        Clusters under more than one label.
    images : mapping of str to int or None
        How many images have what note, see `kerastransfer.records.images.notes`; None
        where records of an earlier version do not say.
    white, background : mapping and str, or None
        What is white in deep images, and what transparent ones are set on.
    """

    counts: Mapping[str, Mapping[str, int]]
    short: Mapping[str, int]
    rejected: Mapping[str, str]
    damaged: Mapping[str, str]
    ignored: Mapping[str, int]
    sizes: Mapping[str, tuple[float, ...]]
    dropped: Mapping[str, float]
    clusters: tuple[Cluster, ...]
    complete: bool
    across: Mapping[str, Mapping[str, int]]
    conflicts: tuple[Cluster, ...]
    images: Mapping[str, int] | None = None
    white: Mapping[str, int | float | None] | None = None
    background: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def inspect(
    records: Records,
    kept: Kept,
    *,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Health:
    """Look at every image of a dataset's records.

    Parameters
    ----------
    kept : callable
        The part of an image that a backbone's centre crop keeps, from its size.
    workers : int, optional
        Processes; None for as many as there are cores.
    progress : callable, optional
        Told how many images are looked at, and of how many.

    Raises
    ------
    DataError
        If a record file is damaged.
    """
    names: list[str] = []
    looks = _look(records, names, workers, progress)
    images = StoredImages(names, *stored_classes(records))
    sound = [each for each in looks if not each.reason]
    copies = _find(sound)

    def cluster(rows: Sequence[int], exact: bool) -> Cluster:
        return images.cluster([sound[row].number for row in rows], exact=exact)

    exact = [cluster(rows, True) for rows in copies.exact]
    near = [cluster(rows, False) for rows in copies.near]
    every = (*exact, *near)
    return Health(
        counts={
            split: dict(
                zip(records.classes, records.class_counts(split).tolist(), strict=True)
            )
            for split in SPLITS
        },
        short=records.metadata["short"],
        rejected=records.metadata["rejected"],
        damaged={names[each.number]: each.reason for each in looks if each.reason},
        ignored=records.metadata["ignored"],
        images=records.metadata["images"],
        white=records.metadata["white"],
        background=records.metadata["background"],
        sizes=_sizes(sound),
        dropped=_dropped(sound, kept),
        clusters=every,
        complete=copies.complete,
        across=across(exact, every),
        conflicts=tuple(each for each in every if len(set(each.classes)) > 1),
    )


def _look(
    records: Records,
    names: list[str],
    workers: int | None,
    progress: OnProgress | None,
) -> list[Fingerprint]:
    """Look at all images, in order; their names are put into `names`."""
    total = sum(records.size(split) for split in SPLITS)

    def numbered() -> Iterator[tuple[int, bytes]]:
        for number, (name, image) in enumerate(stored_images(records)):
            names.append(name)
            yield number, image

    prints: list[Fingerprint] = []
    pool: Workers[tuple[int, bytes], Fingerprint] = Workers(
        fingerprint, lambda task: Load(len(task[1]), 1), images=total, workers=workers
    )
    with pool:
        for done, each in enumerate(pool(numbered()), start=1):
            prints.append(each)
            if progress is not None:
                progress(done, total)
    return sorted(prints, key=lambda each: each.number)


def _find(looks: Sequence[Fingerprint]) -> duplicates.Duplicates:
    thumbnails = b"".join(each.thumbnail for each in looks)
    return duplicates.find(
        [each.digest for each in looks],
        np.array([each.perceptual for each in looks], np.uint64),
        np.frombuffer(thumbnails, np.uint8).reshape(-1, THUMBNAIL**2),
    )


def _sizes(looks: Sequence[Fingerprint]) -> dict[str, tuple[float, ...]]:
    sides = np.array([(each.width, each.height) for each in looks]).reshape(-1, 2)
    columns = {
        "width": sides[:, 0],
        "height": sides[:, 1],
        "aspect": sides.max(axis=1) / sides.min(axis=1),
    }
    return {name: _quantiles(values) for name, values in columns.items()}


def _quantiles(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(np.quantile(values, _QUANTILES).tolist()) if len(values) else ()


def _dropped(looks: Sequence[Fingerprint], kept: Kept) -> dict[str, float]:
    lost = np.array([1 - kept(each.width, each.height) for each in looks])
    if not len(lost):
        return {}
    return {
        "mean": float(lost.mean()),
        "most": float(lost.max()),
        "half": float((lost >= 0.5).mean()),
    }
