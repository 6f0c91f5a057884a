"""How many groups each class and each split has."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Self

from kerastransfer.foundation.progress import counted
from kerastransfer.records.split.plan import SPLITS, SplitPlan

_NAMED = 5  # classes in a line


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """The groups of a plan; a group is in one split, and may be of several classes.

    Parameters
    ----------
    totals : mapping of str to int
        Groups in each split.
    by_class : mapping of str to sequence of int
        Groups of each class, by split.
    alone : mapping of str to int
        Images in each split that have no group.
    alone_by_class : sequence of int
        Images of each class that have no group.
    of_several : int
        Groups that hold images of more than one class.
    """

    totals: Mapping[str, int]
    by_class: Mapping[str, Sequence[int]]
    alone: Mapping[str, int]
    alone_by_class: Sequence[int]
    of_several: int

    @classmethod
    def of_plan(cls, plan: SplitPlan) -> Self | None:
        """Count the groups of a plan; None where no image has one."""
        by_class: dict[str, list[int]] = {}
        totals: dict[str, int] = {}
        alone: dict[str, int] = {}
        alone_by_class, of_several = [0] * len(plan.classes), 0
        for split in SPLITS:
            groups: list[set[str]] = [set() for _ in plan.classes]
            alone[split] = 0
            for place in plan.places(split):
                if place.group is None:
                    alone[split] += 1
                    alone_by_class[place.label] += 1
                else:
                    groups[place.label].add(place.group)
            totals[split] = len(set().union(*groups))
            by_class[split] = [len(each) for each in groups]
            of_several += sum(n > 1 for n in Counter(chain(*groups)).values())
        if not any(totals.values()):
            return None
        return cls(
            totals=totals,
            by_class=by_class,
            alone=alone,
            alone_by_class=alone_by_class,
            of_several=of_several,
        )

    @classmethod
    def of_metadata(cls, entry: Mapping[str, Any] | None) -> Self | None:
        """Return what `as_dict` was called on; None where records have no groups."""
        return None if entry is None else cls(**entry)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts in plain Python, ready for JSON."""
        return dataclasses.asdict(self)

    def of_class(self, label: int) -> int:
        """Return how many groups a class has in all splits."""
        return sum(self.by_class[split][label] for split in SPLITS)

    def lines(self, classes: Sequence[str]) -> list[str]:
        """Say how many groups the splits have, and which classes have but one.

        Parameters
        ----------
        classes : sequence of str
            Names by label.
        """
        parts = [f"{self.totals[split]:,} in {split}" for split in SPLITS]
        lines = [f"groups       {', '.join(parts)}; none is in two of them"]
        if self.of_several:
            are = "is" if self.of_several == 1 else "are"
            lines.append(f"             {self.of_several:,} {are} of several classes")
        alone = sum(self.alone.values())
        if alone:
            has = "has" if alone == 1 else "have"
            lines.append(f"no group     {counted(alone, 'image')} {has} none")
        single = [
            classes[label]
            for label in range(len(classes))
            if self.of_class(label) == 1 and not self.alone_by_class[label]
        ]
        if single:
            names = ", ".join(map(repr, single[:_NAMED]))
            more = f" and {len(single) - _NAMED:,} more" if len(single) > _NAMED else ""
            lines.append(
                f"one group    {names}{more}: a class of one group cannot be in both "
                "train and test"
            )
        return lines


def are_group_counts(value: Any, num_classes: int) -> bool:
    """Whether an entry of records' metadata holds counts of so many classes."""
    if not isinstance(value, dict):
        return False
    if set(value) != {field.name for field in dataclasses.fields(GroupCounts)}:
        return False
    by_split = [value[name] for name in ("totals", "by_class", "alone")]
    if not all(
        isinstance(each, dict) and set(each) == set(SPLITS) for each in by_split
    ):
        return False
    rows = [*value["by_class"].values(), value["alone_by_class"]]
    rows += [list(each.values()) for each in (value["totals"], value["alone"])]
    rows.append([value["of_several"]])
    lengths = [num_classes] * (len(SPLITS) + 1) + [len(SPLITS)] * 2 + [1]
    return all(
        isinstance(row, list)
        and len(row) == length
        and all(type(number) is int and number >= 0 for number in row)
        for row, length in zip(rows, lengths, strict=True)
    )
