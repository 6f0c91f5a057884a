"""What a plan holds, for whoever checks it before anything is trained."""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Listing
from kerastransfer.foundation.progress import counted
from kerastransfer.records.split.group_counts import GroupCounts
from kerastransfer.records.split.plan import SPLITS, SplitPlan
from kerastransfer.records.split.quotas import read_rules

_MOST_CLASSES = 24  # that are shown; of more, the largest and the smallest
_LARGEST, _SMALLEST = 12, 6
_FORMAT = re.compile(r"the (\S+(?: 2000)?) data cannot be decoded")
_KINDS = 8  # of what was left out


def _rejected_kind(reason: str) -> str:
    """Name a kind of image that cannot be decoded by why it cannot."""
    named = _FORMAT.match(reason)
    return f"{named.group(1) if named else 'other'} images that cannot be decoded"


def origins(listing: Listing, info: DatasetInfo) -> dict[str, str]:
    """Say of val and test whether they are official, or what they are drawn from."""
    rules = read_rules(listing, info, None)
    is_official = {"val": rules.official_val, "test": rules.official_test}
    official_sets = {split for split, official in is_official.items() if official}
    pool = {item.split for item in listing.items} - official_sets
    others = "the other images" if official_sets else "all images"
    others = "train" if pool == {"train"} else others
    words = {}
    for split in ("val", "test"):
        place = listing.origins.get(split)
        official = f"official, {place}" if place else "official"
        words[split] = official if is_official[split] else f"drawn from {others}"
    if rules.rest:
        words["test"] = "all images that are neither train nor val"
    return words


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Classes, images of each, and where the splits come from.

    Parameters
    ----------
    counts : mapping of str to sequence of int
        Images of each class, by split.
    origins : mapping of str to str
        Of val and test, in words; empty for records of earlier releases.
    notes : sequence of str
        What was understood of the source, in sentences.
    left_out : mapping of str to int
        What was passed over, in words, and how often.
    groups : GroupCounts, optional
        Where images have groups.
    """

    classes: Sequence[str]
    counts: Mapping[str, Sequence[int]]
    origins: Mapping[str, str]
    notes: Sequence[str]
    left_out: Mapping[str, int]
    groups: GroupCounts | None = None

    @classmethod
    def of_plan(
        cls, plan: SplitPlan, listing: Listing, info: DatasetInfo
    ) -> "Overview":
        """Look at a plan before anything is written."""
        return cls(
            classes=plan.classes,
            counts=plan.counts,
            origins=origins(listing, info),
            notes=listing.notes,
            left_out=listing.ignored,
            groups=GroupCounts.of_plan(plan),
        )

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any]) -> "Overview":
        """Look at records by what they say of themselves."""
        undecodable = Counter(map(_rejected_kind, metadata["rejected"].values()))
        return cls(
            classes=metadata["classes"],
            counts=metadata["counts"],
            origins=metadata["origins"],
            notes=metadata["notes"],
            left_out={**metadata["ignored"], **undecodable},
            groups=GroupCounts.of_metadata(metadata["groups"]),
        )

    def __str__(self) -> str:
        return "\n".join([*self.class_lines(), *self.lines()])

    def class_lines(self) -> list[str]:
        """Return a row for each class: its images by split."""
        totals = [sum(self.counts[s][i] for s in SPLITS) for i in range(self._size)]
        shown: list[int | None] = list(range(self._size))
        if self._size > _MOST_CLASSES:
            ordered = sorted(range(self._size), key=lambda i: -totals[i])
            shown = [*ordered[:_LARGEST], None, *ordered[-_SMALLEST:]]
        width = max(
            [len("class"), *(len(self.classes[i]) for i in shown if i is not None)]
        )
        heads = [*SPLITS, *(["groups"] if self.groups else [])]
        lines = [f"{'class':<{width}}" + "".join(f"{head:>9}" for head in heads)]
        for i in shown:
            if i is None:
                hidden = self._size - _LARGEST - _SMALLEST
                lines.append(f"... {hidden:,} classes of sizes in between")
                continue
            numbers = [self.counts[split][i] for split in SPLITS]
            numbers += [self.groups.of_class(i)] if self.groups else []
            cells = "".join(f"{number:>9,}" for number in numbers)
            lines.append(f"{self.classes[i]:<{width}}{cells}")
        return lines

    def places(self) -> list[str]:
        """Return where test and val come from, and how the source was read."""
        lines = []
        for split in ("test", "val"):
            place = self.origins.get(split, "these records do not say where from")
            size = sum(self.counts[split])
            lines.append(f"{split:<12} {counted(size, 'image')}, {place}")
        lines += self.groups.lines(self.classes) if self.groups else []
        return lines + [f"read         {note}" for note in self.notes]

    def lines(self) -> list[str]:
        """Return what there is to say of all classes together."""
        lines = self.places()
        if self.left_out:
            lines.append(f"left out     {self._left_out()}")
        return lines

    @property
    def _size(self) -> int:
        return len(self.classes)

    def _left_out(self) -> str:
        largest = sorted(self.left_out.items(), key=lambda row: -row[1])
        parts = [f"{count:,} {what}" for what, count in largest[:_KINDS]]
        others = [count for _, count in largest[_KINDS:]]
        if others:
            parts.append(f"{sum(others):,} more, of {len(others):,} kinds")
        return ", ".join(parts)
