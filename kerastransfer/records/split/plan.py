"""The plan: every image's split and rank, from names and labels alone.

Per class, images are ordered by the SHA-256 of ``split_seed:dataset:path``, and whole
groups by that of ``split_seed:dataset:group``; so a plan depends on neither the order
of a listing nor the release of a random generator. Train is written in the order of
(rank, class): the variant with n images per class is a prefix of it.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ShortClasses
from kerastransfer.datasets.listing import Item, Listing, SplitName
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.arrays import IntArray
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.split.assign import SplitImages, arrange
from kerastransfer.records.split.ordering import digests, rank_major, sorted_by
from kerastransfer.records.split.quotas import MaxPerClass, Rules, read_rules
from kerastransfer.records.split.short_classes import Allocation, allocate

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
DRAWS = 4  # besides draw 0, the stored order
POLICIES: tuple[ShortClasses, ...] = ("error", "cap", "drop")


class Place(NamedTuple):
    """Where one image goes.

    Parameters
    ----------
    rank : int
        Its place in its class's order within the split.
    label : int
        Index into the plan's classes.
    path : str
        Its path in the listing.
    point : (int, int) or None
        Row and column of a patch's point.
    """

    rank: int
    label: int
    path: str
    group: str | None
    point: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Who is where.

    Parameters
    ----------
    name : str
        The dataset's.
    classes : tuple of str
        Names by label; without the classes that were dropped.
    train, val, test : tuple of Place
        In the order of (rank, label), which is that of the records.
    draws : tuple of arrays of shape (n_train,), int64
        Draws 1 to 4: permutations of train's positions, in the order of (rank, label)
        of their own ranks. Draw 0 is the stored order.
    short : mapping of str to int
        Classes that fell short and were capped or dropped, with their images.
    hash : str
        SHA-256 of the lines ``split<tab>rank<tab>label<tab>path``, train, val, test.
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[Place, ...]
    val: tuple[Place, ...]
    test: tuple[Place, ...]
    draws: tuple[IntArray, ...]
    short: Mapping[str, int]
    hash: str

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        listing: Listing | None = None,
        *,
        split_seed: int = 0,
        max_per_class: MaxPerClass = None,
        short_classes: ShortClasses | None = None,
    ) -> "SplitPlan":
        """Plan a dataset, as its conversion does.

        Parameters
        ----------
        listing : Listing, optional
            Of the dataset, or of a part of it; None to list it now.
        split_seed, max_per_class, short_classes
            See `make_plan`.
        """
        return make_plan(
            dataset.listing() if listing is None else listing,
            dataset.info,
            name=dataset.name,
            salt=dataset.salt or dataset.name,
            split_seed=split_seed,
            max_per_class=max_per_class,
            short_classes=short_classes,
        )

    def places(self, split: str) -> tuple[Place, ...]:
        """Return train, val or test."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]

    @property
    def counts(self) -> dict[str, list[int]]:
        """Images of each class, by split."""
        return {split: self._count(split) for split in SPLITS}

    def _count(self, split: str) -> list[int]:
        labels = [place.label for place in self.places(split)]
        numbers: list[int] = np.bincount(labels, minlength=len(self.classes)).tolist()
        return numbers


def make_plan(
    listing: Listing,
    info: DatasetInfo,
    *,
    name: str,
    salt: str,
    split_seed: int = 0,
    max_per_class: MaxPerClass = None,
    short_classes: ShortClasses | None = None,
) -> SplitPlan:
    """Give every image a split and a rank.

    Parameters
    ----------
    info : DatasetInfo
        Its test rule, val and train sizes decide.
    salt : str
        What splits and ranks are hashed with; `SplitPlan.of` takes the dataset's.
    split_seed : int
        Another seed is another split.
    max_per_class : int, 'all' or None
        Training images per class to keep at most; None for as many as the largest
        published size.
    short_classes : {'error', 'cap', 'drop'}, optional
        What becomes of a class with too few images: refuse, use what there is (at least
        one for train, the rest for val and test in proportion; where whole groups would
        leave none for train, a share for each split), or leave it out. A class without
        an image to train on is left out in any case. None for the dataset's own.

    Raises
    ------
    InputError
        If an argument is out of its range.
    DataError
        If classes fall short, a split is left without an image, or a group is in an
        official set and out of it.
    """
    policy = short_classes or info.short_classes
    _check_arguments(max_per_class, policy)
    rules = read_rules(listing, info, max_per_class)
    images = arrange(listing, rules, salt=f"{split_seed}:{salt}")
    settled = allocate(listing, images, rules, policy)
    relabel = {label: new for new, label in enumerate(sorted(settled.quotas))}
    places = {
        split: tuple(
            Place(rank, relabel[item.label], item.path, item.group, item.point)
            for rank, item in _ranked(listing, images, settled, rules, split)
        )
        for split in SPLITS
    }
    _check_size(places, relabel)
    salts = [f"{split_seed}:{draw}:{salt}" for draw in range(1, DRAWS + 1)]
    return SplitPlan(
        name=name,
        classes=tuple(listing.classes[label] for label in relabel),
        train=places["train"],
        val=places["val"],
        test=places["test"],
        draws=tuple(_draw(places["train"], salt) for salt in salts),
        short={listing.classes[label]: n for label, n in settled.short.items()},
        hash=_hash(places),
    )


def _check_arguments(max_per_class: MaxPerClass, policy: str) -> None:
    if policy not in POLICIES:
        raise InputError(
            f"Expected short_classes error, cap or drop, got {quoted(policy)}."
        )
    if isinstance(max_per_class, int) and max_per_class > 0:
        return
    if max_per_class not in (None, "all"):
        raise InputError(
            "Expected max_per_class of at least 1, or 'all', got "
            f"{quoted(max_per_class)}."
        )


def _ranked(
    listing: Listing,
    images: SplitImages,
    settled: Allocation,
    rules: Rules,
    split: SplitName,
) -> Iterator[tuple[int, Item]]:
    """Yield the images that a split keeps, in the order of (rank, class)."""
    ranks, order = rank_major(settled.sides[split], images.labels)
    limits = _limits(settled, rules, split)
    for rank, index in zip(ranks.tolist(), order.tolist(), strict=True):
        item = listing.items[index]
        if limits is None or rank < limits[item.label]:
            yield rank, item


def _limits(
    settled: Allocation, rules: Rules, split: SplitName
) -> Mapping[int, int] | None:
    """Return how many images of each class a split keeps; None for all.

    Published sizes hold exactly; whole groups that bring more are left out in part.
    """
    quotas = settled.quotas
    if split == "train":
        return dict.fromkeys(quotas, rules.most) if rules.most is not None else None
    if split == "val" and rules.val is not None and not rules.official_val:
        return {label: quota.val for label, quota in quotas.items()}
    if split == "test" and rules.test is not None:
        return {label: quota.test for label, quota in quotas.items()}
    return None


def _check_size(
    places: Mapping[SplitName, Sequence[Place]], classes: Collection[int]
) -> None:
    if len(classes) < 2:
        raise DataError(
            f"Expected at least two classes with enough images, got {len(classes)}."
        )
    for split in SPLITS:
        if not places[split]:
            raise DataError(
                f"No image is left for {split}: every class is too small; at least one "
                "class needs three images (or groups)."
            )


def _draw(train: Sequence[Place], salt: str) -> IntArray:
    """Return the permutation of train's positions that a salt draws."""
    order = sorted_by(digests((place.path for place in train), len(train), salt))
    labels = np.array([place.label for place in train], np.int64)
    return rank_major(order, labels)[1]


def _hash(places: Mapping[SplitName, Sequence[Place]]) -> str:
    digest = hashlib.sha256()
    for split in SPLITS:
        for place in places[split]:
            line = f"{split}\t{place.rank}\t{place.label}\t{place.path}\n"
            digest.update(line.encode())
    return digest.hexdigest()
