"""Which split each image goes to, whole groups together."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kerastransfer.datasets.listing import Item, Listing, SplitName
from kerastransfer.errors import DataError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.split.ordering import digests, sorted_by
from kerastransfer.records.split.quotas import Quota, Rules


@dataclasses.dataclass(frozen=True, slots=True)
class Units:
    """Images that stay together, in the order in which splits take them.

    Arrays and not tuples, for there may be millions.

    Parameters
    ----------
    members : array of shape (n,)
        Indices of images, unit after unit.
    starts : array of shape (m + 1,)
        Where each unit begins in `members`, and where the last one ends.
    """

    members: IntArray
    starts: IntArray

    def keep(self, wanted: NDArray[np.bool_]) -> "Units":
        """Return the units without the members that are not wanted."""
        owners = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        owners = owners[wanted]
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        return Units(self.members[wanted], np.append(starts, len(owners)))

    def divide(self, taken: NDArray[np.bool_]) -> tuple["Units", "Units"]:
        """Return the units that are taken, and those that are left."""
        owned = np.repeat(taken, np.diff(self.starts))
        return self.keep(owned), self.keep(~owned)


@dataclasses.dataclass(frozen=True, slots=True)
class SplitImages:
    """A listing as arrays, with the orders that decide.

    Parameters
    ----------
    labels : array of shape (n,)
        Of the listing's items.
    order : array of shape (n,)
        Indices of the items by the hash of their paths.
    units : Units
        Every image that no official val or test set holds, once; groups by the hash of
        their names, images without one by the hash of their paths.
    fixed : mapping
        The indices of the official sets, by split.
    """

    num_classes: int
    labels: IntArray
    order: IntArray
    units: Units
    fixed: Mapping[SplitName, IntArray]


def arrange(listing: Listing, rules: Rules, *, salt: str) -> SplitImages:
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
    paths = digests((item.path for item in items), len(items), salt)
    free = np.setdiff1d(np.arange(len(items)), np.concatenate([*fixed.values(), []]))
    free = free.astype(np.int64)
    return SplitImages(
        num_classes=len(listing.classes),
        labels=np.fromiter((item.label for item in items), np.int64, len(items)),
        order=sorted_by(paths),
        units=_units(free, _group_hashes(items, free, paths, salt)),
        fixed=fixed,
    )


def divide(
    images: SplitImages,
    rules: Rules,
    quotas: Mapping[int, Quota],
    *,
    reserve: bool = False,
) -> dict[SplitName, IntArray]:
    """Give every unit to a split, in the units' order.

    Test is filled first, then val; what is left is train. Under the rule ``rest`` train
    is filled first, then val; what is left is test. A unit goes to the split being
    filled while that lacks an image of one of its classes, so units of several classes
    may bring more than was asked for.

    Parameters
    ----------
    quotas : mapping of label to Quota
        Classes without one are left out.
    reserve : bool
        Whether every class keeps a unit for train before test and val are filled. The
        rule ``rest`` needs no such thing.

    Returns
    -------
    dict of split to array
        Indices of images by the hash of their paths.
    """
    known = np.zeros(images.num_classes, bool)
    known[list(quotas)] = True
    units = images.units.keep(known[images.labels[images.units.members]])
    test = {label: quota.test for label, quota in quotas.items()}
    val = {label: quota.val for label, quota in quotas.items()}
    kept, units = _reserve(units, images.labels, reserve and not rules.rest)
    if rules.rest:
        train = _rest_train(images.labels[units.members], rules, quotas)
        first, units = _take(units, images.labels, train)
        second, left = _take(units, images.labels, val)
        taken = {"train": first, "val": second, "test": left}
    else:
        first, units = _take(units, images.labels, test)
        second, left = _take(units, images.labels, val)
        taken = {"train": left, "val": second, "test": first}
    sides = {split: units.members for split, units in taken.items()}
    sides["train"] = np.concatenate([kept.members, sides["train"]])
    for split, indices in images.fixed.items():
        sides[split] = indices[known[images.labels[indices]]]
    place = np.empty_like(images.order)
    place[images.order] = np.arange(len(place))
    return {
        split: sides[split][np.argsort(place[sides[split]])]
        for split in ("train", "val", "test")
    }


def _rest_train(
    labels: IntArray, rules: Rules, quotas: Mapping[int, Quota]
) -> dict[int, int]:
    """Return how many of each class the rule ``rest`` takes for train."""
    available = np.bincount(labels, minlength=max(quotas, default=0) + 1).tolist()
    largest = rules.largest or 0
    return {
        label: min(largest, available[label] - quota.val - quota.test)
        for label, quota in quotas.items()
    }


def _reserve(units: Units, labels: IntArray, wanted: bool) -> tuple[Units, Units]:
    """Divide units into those that train keeps, one of each class, and the others.

    The rarest classes choose first, each the unit that would be the last to be taken;
    of a unit that is kept for one class, its other classes have theirs too.
    """
    kept = np.zeros(len(units.starts) - 1, bool)
    if wanted:
        owners = np.repeat(np.arange(len(kept)), np.diff(units.starts))
        pairs = np.unique(labels[units.members] * len(kept) + owners)
        classes, owners = np.divmod(pairs, max(len(kept), 1))
        borders = np.flatnonzero(np.diff(classes)) + 1
        for of_class in sorted(np.split(owners, borders), key=len):
            if not kept[of_class].any():
                kept[of_class[-1]] = True
    return units.divide(kept)


def _take(
    units: Units, labels: IntArray, wanted: Mapping[int, int]
) -> tuple[Units, Units]:
    """Divide units into those that a split takes and those it leaves."""
    lacking = dict(wanted)
    missing = sum(lacking.values())
    taken = np.zeros(len(units.starts) - 1, bool)
    for number, (start, end) in enumerate(itertools.pairwise(units.starts.tolist())):
        if missing == 0:
            break
        classes = labels[units.members[start:end]].tolist()
        if all(lacking[label] == 0 for label in classes):
            continue
        taken[number] = True
        for label in classes:
            lacks = lacking[label] > 0
            lacking[label] -= lacks
            missing -= lacks
    return units.divide(taken)


def _group_hashes(
    items: Sequence[Item], free: IntArray, paths: NDArray[np.uint64], salt: str
) -> NDArray[np.uint64]:
    """Hash the groups of images, or the paths of those without one."""
    hashes = paths[free]
    grouped = [i for i, index in enumerate(free.tolist()) if items[index].group]
    if grouped:
        names = (str(items[free[i]].group) for i in grouped)
        hashes[grouped] = digests(names, len(grouped), salt)
    return hashes


def _units(free: IntArray, hashes: NDArray[np.uint64]) -> Units:
    """Bring images of one hash together, in the order of the hashes."""
    order = sorted_by(hashes)
    changes = (hashes[order][1:] != hashes[order][:-1]).any(axis=1)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(free)]])
    return Units(free[order], starts if len(free) else np.zeros(1, np.int64))


def _refuse_split_groups(listing: Listing, official: Sequence[SplitName]) -> None:
    """Refuse a group that an official set holds in part."""
    seen: dict[str, str] = {}
    for item in listing.items:
        if item.group is None or not official:
            continue
        side = item.split if item.split in official else "train"
        if seen.setdefault(item.group, str(side)) != side:
            raise DataError(
                f"Expected group {quoted(item.group)} in one split, but the official "
                f"{seen[item.group]} and {side} sets both hold images of it; leave "
                "the official set out, so that it is drawn by groups, or read the "
                "images without groups."
            )
