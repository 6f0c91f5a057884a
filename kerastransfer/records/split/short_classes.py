"""What becomes of classes that have too few images: refuse, cap or drop."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from kerastransfer.datasets.dataset import ShortClasses
from kerastransfer.datasets.listing import Listing, SplitName
from kerastransfer.errors import DataError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.split.assign import SplitImages, divide
from kerastransfer.records.split.quotas import Quota, Rules, cap, make_quota, share

_NAMED = 10  # classes that a message names


@dataclasses.dataclass(frozen=True, slots=True)
class Allocation:
    """Sides chosen, and by which quotas.

    Parameters
    ----------
    sides : mapping of split to array
        Indices of images by the hash of their paths; may exceed the quotas.
    quotas : mapping of label to Quota
        Of the classes that are kept.
    short : mapping of label to int
        Classes that were capped or dropped, with their images.
    """

    sides: Mapping[SplitName, IntArray]
    quotas: Mapping[int, Quota]
    short: Mapping[int, int]


def allocate(
    listing: Listing, images: SplitImages, rules: Rules, policy: ShortClasses
) -> Allocation:
    """Divide the images, treating classes that fall short as the policy says.

    Parameters
    ----------
    images : SplitImages
        The listing's items.
    policy : {'error', 'cap', 'drop'}

    Raises
    ------
    DataError
        If classes fall short and the policy is to refuse them.
    """
    counts = _count(images, images.units.members)
    official = _count(images, images.fixed.get("test", np.arange(0)))
    quotas = {label: make_quota(rules, n) for label, n in enumerate(counts)}
    short = {
        label: counts[label]
        for label, quota in quotas.items()
        if counts[label] < sum(quota) or (rules.official_test and official[label] == 0)
    }
    if short and policy == "error":
        raise _refuse(listing, quotas, short)
    full = dict(quotas)
    for label, n in short.items():
        if policy == "drop" or n == 0:  # nothing to train on
            del quotas[label], full[label]
        else:
            quotas[label] = cap(quotas[label], n)
    while True:
        sides = divide(images, rules, quotas)
        by_split = {split: _count(images, side) for split, side in sides.items()}
        starved = _starved(quotas, by_split)  # whole groups may leave a class short
        if not starved or policy != "drop":
            break
        short |= starved
        quotas = {label: quotas[label] for label in quotas if label not in starved}
    if starved and policy == "error":
        raise _refuse_groups(listing, by_split, list(starved))
    if any(by_split["train"][label] == 0 for label in starved):
        sides = _divide_evenly(images, rules, quotas, full)
        by_split = {split: _count(images, side) for split, side in sides.items()}
        starved = _starved(quotas, by_split)
    return Allocation(sides, quotas, short | starved)


def _divide_evenly(
    images: SplitImages,
    rules: Rules,
    quotas: Mapping[int, Quota],
    full: Mapping[int, Quota],
) -> dict[SplitName, IntArray]:
    """Divide groups that hold many small classes, so that each class is trained.

    Capped, a small class wants nearly all of its images in test and val. Those of many
    such classes together lie in nearly all groups, and no group is left for train. So
    here a class that is short wants of each split its share, and before that one of
    its groups is kept for train.
    """
    counts = _count(images, images.units.members)
    shares = {
        label: quota if quota == full[label] else share(full[label], counts[label])
        for label, quota in quotas.items()
    }
    return divide(images, rules, shares, reserve=True)


def _starved(
    quotas: Mapping[int, Quota], counts: Mapping[SplitName, list[int]]
) -> dict[int, int]:
    """Return the classes that whole groups leave short, with their images."""
    return {
        label: sum(counts[split][label] for split in counts)
        for label, quota in quotas.items()
        if counts["train"][label] < quota.train or counts["test"][label] < quota.test
    }


def _count(images: SplitImages, indices: IntArray) -> list[int]:
    counts = np.bincount(images.labels[indices], minlength=images.num_classes)
    numbers: list[int] = counts.tolist()
    return numbers


def _refuse(
    listing: Listing, quotas: Mapping[int, Quota], short: Mapping[int, int]
) -> DataError:
    """Make the error that names the classes which fall short."""
    reasons = []
    for label, images in short.items():
        quota, name = quotas[label], listing.classes[label]
        reasons.append(
            f"{quoted(name)} has {images:,} of {sum(quota):,} ({quota.train} train, "
            f"{quota.val} val, {quota.test} test)"
            if images < sum(quota)
            else f"{quoted(name)} has no official test image"
        )
    return DataError(
        f"{len(short):,} of {len(listing.classes):,} classes fall short of images: "
        f"{_list(reasons)}; choose --short-classes cap (use what there is) or drop "
        "(leave them out), or a smaller --max-per-class."
    )


def _refuse_groups(
    listing: Listing, counts: Mapping[SplitName, list[int]], labels: list[int]
) -> DataError:
    reasons = []
    for label in labels:
        train, val, test = (counts[split][label] for split in ("train", "val", "test"))
        name = listing.classes[label]
        groups = {i.group or i.path for i in listing.items if i.label == label}
        reasons.append(
            f"{quoted(name)} gets {train} train, {val} val and {test} test images "
            f"({counted(len(groups), 'group')})"
        )
    return DataError(
        f"Whole groups leave {len(labels):,} classes short: {_list(reasons)}; label "
        "more groups of them, or choose --short-classes cap (use what there is) or "
        "drop (leave them out)."
    )


def _list(reasons: list[str]) -> str:
    more = f" and {len(reasons) - _NAMED:,} more" if len(reasons) > _NAMED else ""
    return ", ".join(reasons[:_NAMED]) + more
