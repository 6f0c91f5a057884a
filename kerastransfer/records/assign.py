"""Which split each image goes to, whole groups together."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kerastransfer.datasets.listing import Listing, SplitName
from kerastransfer.errors import DataError
from kerastransfer.records.quotas import Quota, Rules
from kerastransfer.records.ranks import Integers, digests, sorted_by

Unit = tuple[int, ...]  # indices of images that stay together


@dataclasses.dataclass(frozen=True, slots=True)
class Images:
    """A listing as arrays, with the orders that decide.

    Parameters
    ----------
    num_classes : int
    labels : array of shape (n,)
        Of the listing's items.
    order : array of shape (n,)
        Indices of the items by the hash of their paths.
    units : tuple of Unit
        Every image that no official val or test set holds, once; groups by the hash of
        their names, images without one by the hash of their paths.
    fixed : mapping
        The indices of the official sets, by split.
    """

    num_classes: int
    labels: Integers
    order: Integers
    units: tuple[Unit, ...]
    fixed: Mapping[SplitName, Integers]


def arrange(listing: Listing, rules: Rules, *, salt: str) -> Images:
    """Hash a listing's names into orders.

    Raises
    ------
    DataError
        If a group is in an official set and out of it.
    """
    items = listing.items
    official: list[SplitName] = ["test"] if rules.official_test else []
    official += ["val"] if rules.official_val else []
    fixed = {
        split: np.array([i for i, item in enumerate(items) if item.split == split], int)
        for split in official
    }
    _refuse_split_groups(listing, official)
    paths = digests((item.path for item in items), salt)
    free = np.setdiff1d(np.arange(len(items)), np.concatenate([*fixed.values(), []]))
    free = free.astype(np.int64)
    names = (items[i].group or items[i].path for i in free.tolist())
    return Images(
        num_classes=len(listing.classes),
        labels=np.array([item.label for item in items], np.int64),
        order=sorted_by(paths),
        units=_units(free, digests(names, salt)),
        fixed=fixed,
    )


def divide(
    images: Images, rules: Rules, quotas: Mapping[int, Quota]
) -> dict[SplitName, Integers]:
    """Give every unit to a split, in the units' order.

    Test is filled first, then val; what is left is train. Under the rule ``rest`` train
    is filled first, then val; what is left is test. A unit goes to the split being
    filled while that lacks an image of one of its classes, so units of several classes
    may bring more than was asked for.

    Parameters
    ----------
    images : Images
    rules : Rules
    quotas : mapping of label to Quota
        Classes without one are left out.

    Returns
    -------
    dict of split to array
        Indices of images by the hash of their paths.
    """
    labels = images.labels.tolist()
    units = [
        kept
        for unit in images.units
        if (kept := tuple(i for i in unit if labels[i] in quotas))
    ]
    test = {label: quota.test for label, quota in quotas.items()}
    val = {label: quota.val for label, quota in quotas.items()}
    if rules.rest:
        train = _rest_train(units, labels, rules, quotas)
        first, units = _take(units, labels, train)
        second, left = _take(units, labels, val)
        taken = {"train": first, "val": second, "test": left}
    else:
        first, units = _take(units, labels, test)
        second, left = _take(units, labels, val)
        taken = {"train": left, "val": second, "test": first}
    for split, indices in images.fixed.items():
        taken[split] = [(i,) for i in indices.tolist() if labels[i] in quotas]
    place = np.empty_like(images.order)
    place[images.order] = np.arange(len(place))
    return {split: _by_path(taken[split], place) for split in ("train", "val", "test")}


def _rest_train(
    units: Sequence[Unit],
    labels: Sequence[int],
    rules: Rules,
    quotas: Mapping[int, Quota],
) -> dict[int, int]:
    """Return how many of each class the rule ``rest`` takes for train."""
    available = dict.fromkeys(quotas, 0)
    for unit in units:
        for index in unit:
            available[labels[index]] += 1
    largest = rules.largest or 0
    return {
        label: min(largest, available[label] - quota.val - quota.test)
        for label, quota in quotas.items()
    }


def _take(
    units: Sequence[Unit], labels: Sequence[int], wanted: dict[int, int]
) -> tuple[list[Unit], list[Unit]]:
    """Divide units into those that a split takes and those it leaves."""
    missing = sum(wanted.values())
    taken: list[Unit] = []
    left: list[Unit] = []
    for place, unit in enumerate(units):
        if missing == 0:
            left += units[place:]
            break
        if all(wanted[labels[index]] == 0 for index in unit):
            left.append(unit)
            continue
        taken.append(unit)
        for index in unit:
            lacks = wanted[labels[index]] > 0
            wanted[labels[index]] -= lacks
            missing -= lacks
    return taken, left


def _by_path(units: Sequence[Unit], place: Integers) -> Integers:
    indices = np.array([index for unit in units for index in unit], np.int64)
    return indices[np.argsort(place[indices])]


def _units(free: Integers, hashes: NDArray[np.uint64]) -> tuple[Unit, ...]:
    """Bring images of one hash together, in the order of the hashes."""
    order = sorted_by(hashes)
    changes = (hashes[order][1:] != hashes[order][:-1]).any(axis=1)
    starts = np.flatnonzero(changes) + 1
    return tuple(tuple(part.tolist()) for part in np.split(free[order], starts))


def _refuse_split_groups(listing: Listing, official: Sequence[SplitName]) -> None:
    """Refuse a group that an official set holds in part."""
    seen: dict[str, str] = {}
    for item in listing.items:
        if item.group is None or not official:
            continue
        side = item.split if item.split in official else "train"
        if seen.setdefault(item.group, str(side)) != side:
            raise DataError(
                f"Expected group {item.group!r} in one split, but the official "
                f"{seen[item.group]} and {side} sets both hold images of it."
            )
