"""What becomes of classes that have too few images: refuse, cap or drop."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from kerastransfer.datasets.facts import ShortClasses
from kerastransfer.datasets.listing import Listing, SplitName
from kerastransfer.errors import DataError
from kerastransfer.records.assign import Images, divide
from kerastransfer.records.quotas import Quota, Rules, cap, make_quota
from kerastransfer.records.ranks import Integers

_NAMED = 10  # classes that a message names


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
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

    sides: Mapping[SplitName, Integers]
    quotas: Mapping[int, Quota]
    short: Mapping[int, int]


def settle(
    listing: Listing, images: Images, rules: Rules, policy: ShortClasses
) -> Settled:
    """Divide the images, treating classes that fall short as the policy says.

    Parameters
    ----------
    listing : Listing
    images : Images
        Its items.
    rules : Rules
    policy : {'error', 'cap', 'drop'}

    Returns
    -------
    Settled

    Raises
    ------
    DataError
        If classes fall short and the policy does not help.
    """
    counts = _count(images, images.units.members)
    official = _count(images, images.fixed.get("test", np.arange(0)))
    quotas = {label: make_quota(rules, n) for label, n in enumerate(counts)}
    short = {
        label: counts[label]
        for label, quota in quotas.items()
        if counts[label] < sum(quota) or (rules.official_test and official[label] == 0)
    }
    if short and (policy == "error" or (policy == "cap" and 0 in short.values())):
        raise _refuse(listing, quotas, short, policy)
    for label, n in short.items():
        if policy == "drop":
            del quotas[label]
        else:
            quotas[label] = cap(quotas[label], n)
    return _divide(listing, images, rules, policy, Settled({}, quotas, short))


def _divide(
    listing: Listing,
    images: Images,
    rules: Rules,
    policy: ShortClasses,
    settled: Settled,
) -> Settled:
    """Divide by the quotas; whole groups may still leave a class short."""
    quotas, short = dict(settled.quotas), dict(settled.short)
    sides = divide(images, rules, quotas)
    counts = {split: _count(images, side) for split, side in sides.items()}
    starved = {
        label: sum(counts[split][label] for split in counts)
        for label, quota in quotas.items()
        if counts["train"][label] < quota.train or counts["test"][label] < quota.test
    }
    if policy == "drop" and starved:
        kept = {label: quotas[label] for label in quotas if label not in starved}
        short |= starved
        return _divide(listing, images, rules, policy, Settled({}, kept, short))
    untrained = [label for label in starved if counts["train"][label] == 0]
    if starved and (policy == "error" or untrained):
        raise _refuse_groups(listing, counts, untrained or list(starved))
    return Settled(sides, quotas, short | starved)


def _count(images: Images, indices: Integers) -> list[int]:
    counts = np.bincount(images.labels[indices], minlength=images.num_classes)
    found: list[int] = counts.tolist()
    return found


def _refuse(
    listing: Listing,
    quotas: Mapping[int, Quota],
    short: Mapping[int, int],
    policy: ShortClasses,
) -> DataError:
    """Make the error that names the classes which fall short."""
    labels = [label for label in short if policy == "error" or short[label] == 0]
    told = []
    for label in labels:
        quota, name = quotas[label], listing.classes[label]
        told.append(
            f"{name!r} has {short[label]:,} of {sum(quota):,} ({quota.train} train, "
            f"{quota.val} val, {quota.test} test)"
            if short[label] < sum(quota)
            else f"{name!r} has no official test image"
        )
    if policy == "cap":
        return DataError(
            f"{len(labels):,} classes have no image to train on: {_list(told)}; choose "
            "--short-classes drop (leave them out)."
        )
    return DataError(
        f"{len(labels):,} of {len(listing.classes):,} classes fall short of images: "
        f"{_list(told)}; choose --short-classes cap (use what there is) or drop (leave "
        "them out), or a smaller --max-per-class."
    )


def _refuse_groups(
    listing: Listing, counts: Mapping[SplitName, list[int]], labels: list[int]
) -> DataError:
    told = []
    for label in labels:
        train, val, test = (counts[split][label] for split in ("train", "val", "test"))
        name = listing.classes[label]
        told.append(f"{name!r} gets {train} train, {val} val and {test} test images")
    return DataError(
        f"Whole groups leave {len(labels):,} classes short: {_list(told)}; label more "
        "groups of them, or choose --short-classes drop (leave them out)."
    )


def _list(told: list[str]) -> str:
    more = f" and {len(told) - _NAMED:,} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more
