"""Labelled splits of a source of many images in few files, as a listing's items."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from kerastransfer.datasets.listing import Item, SplitName
from kerastransfer.errors import DataError


@dataclasses.dataclass(frozen=True, slots=True)
class Labelled:
    """One split, or one file of it.

    Parameters
    ----------
    word : str
        What its images' paths begin with.
    split : {'train', 'val', 'test'} or None
    labels : iterable of int, str or None
        In the order in which images are stored; None, or below 0, for none.
    groups : sequence of str
        Of the same order; empty where there are none.
    """

    word: str
    split: SplitName | None
    labels: Iterable[Any]
    groups: Sequence[str | None] = ()


def items_of(
    labelled: Sequence[Labelled],
    names: Sequence[str] | None,
    where: str,
    ignored: Counter[str],
) -> tuple[tuple[str, ...], list[Item]]:
    """Return class names and ``<word>/<index>`` of every image with a label.

    Parameters
    ----------
    names : sequence of str or None
        Of the classes, where labels are numbers of declared ones; None where they name
        the classes themselves.
    where : str
        Names the source in messages.
    ignored : Counter
        Images without a label are counted there.

    Raises
    ------
    DataError
        If no image of an official split has a label, for then it would be lost, or a
        label is none of the classes.
    """
    raw = [(each, list(each.labels)) for each in labelled]
    _check_official(raw, where)
    values = {value for _, labels in raw for value in labels if _is_label(value)}
    if names is None:
        order: Any = None if all(isinstance(v, int) for v in values) else str
        ordered = sorted(values, key=order)
        indices = {value: index for index, value in enumerate(ordered)}
        classes = tuple(str(value) for value in ordered)
    else:
        indices = {index: index for index in range(len(names))}
        classes = tuple(names)
        if unknown := values - indices.keys():
            raise DataError(
                f"Expected labels from 0 to {len(names) - 1} in {where}, got "
                f"{max(unknown)}."
            )
    items = []
    for each, labels in raw:
        groups = each.groups or [None] * len(labels)
        for index, (value, group) in enumerate(zip(labels, groups, strict=True)):
            if not _is_label(value):
                ignored["images without a label"] += 1
                continue
            path = f"{each.word}/{index:07d}"
            items.append(Item(path, indices[value], each.split, group))
    return classes, items


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value >= 0


def _check_official(raw: Sequence[tuple[Labelled, Sequence[Any]]], where: str) -> None:
    counts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for each, labels in raw:
        if each.split is not None:
            counts[each.split] += sum(map(_is_label, labels))
            lost[each.split] += len(labels)
    for split, images in lost.items():
        if images and not counts[split]:
            others = "train=A,test=B"
            raise DataError(
                f"None of {images:,} images in the official {split} set of {where} has "
                "a label, so it cannot be used; say which splits are to be used in its "
                f"place with 'convert --splits {others}'."
            )
