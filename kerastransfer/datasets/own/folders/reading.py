"""From a tree of folders to classes and splits: what it means, and what is refused."""

import dataclasses
from collections import Counter
from pathlib import Path

from kerastransfer.datasets import class_names
from kerastransfer.datasets.own.folders import wrappers
from kerastransfer.datasets.own.folders.doubts import refuse_doubts
from kerastransfer.datasets.own.folders.layout import (
    FolderLayout,
    Part,
    loose_images,
)
from kerastransfer.datasets.own.folders.splits_above import (
    class_folders,
    read_splits_above,
)
from kerastransfer.datasets.own.folders.splits_below import read_splits_below
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.selection import Selection
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted


def read_layout(
    top: Folder, root: Path, selection: Selection, *, inner_are_groups: bool = False
) -> FolderLayout:
    """Say which images are of which class and split.

    Parameters
    ----------
    inner_are_groups : bool
        Whether the user says what the folders within a class's own are: groups, such
        as patients, who may be in several classes.

    Raises
    ------
    DataError
        If that is not known, or a class or an official set is lost.
    """
    trail = wrappers.look_through(top)
    layout = read_splits_above(trail[-1], root)
    if layout is None:
        layout = _without_splits_above(trail[-1], root, selection)
    refuse_doubts(
        layout.parts,
        quoted(root),
        selection,
        has_splits=bool(layout.origins),
        inner_are_groups=inner_are_groups,
    )
    layout = dataclasses.replace(
        layout,
        trail=tuple(folder.path for folder in trail[1:]),
        ignored=Counter(layout.ignored) + loose_images(trail[:-1]),
        is_first=layout.is_first and len(trail) == 1,
    )
    return _with_classes_matched(layout)


def _without_splits_above(
    home: Folder, root: Path, selection: Selection
) -> FolderLayout:
    classes = class_folders(home, root)
    ignored = loose_images([home])
    ignored["folders without images"] += len(home.folders) - len(classes)
    layout = read_splits_below(classes, root, selection)
    if layout is None:
        layout = FolderLayout(
            parts=tuple(Part(None, each.name, each) for each in classes)
        )
    return dataclasses.replace(layout, ignored=+ignored)


def _with_classes_matched(layout: FolderLayout) -> FolderLayout:
    """Let names of classes that differ in their spelling alone be one class."""
    groups: dict[str, list[str]] = {}
    for part in layout.parts:
        groups.setdefault(part.split or "", []).append(part.class_name)
    matched = class_names.match(groups)
    for sentence in matched.warnings:
        report.warn(sentence)
    parts = [
        part._replace(
            class_name=matched.names.get(
                (part.split or "", part.class_name), part.class_name
            )
        )
        for part in layout.parts
    ]
    return dataclasses.replace(
        layout, parts=tuple(parts), is_first=layout.is_first and not matched.names
    )
