"""What a tree of folders means: where the images of each class and split are.

A split is above the classes (``train/cat``), or below them (``cat/train``), or there is
none. Folders that wrap all else are looked through.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kerastransfer.datasets.listing import SplitName
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.selection import excluding
from kerastransfer.foundation.quoting import quoted

LOOSE = "images beside the class folders"


class Part(NamedTuple):
    """The images of one class in one split, in all of a folder."""

    split: SplitName | None
    class_name: str
    folder: Folder


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FolderLayout:
    """What a folder means.

    Parameters
    ----------
    parts : tuple of Part
        No folder of one is within that of another.
    origins : mapping of split to str
        Where the images of an official set lie, in words.
    trail : tuple of str
        Folders that were looked through.
    ignored : mapping of str to int
        What was passed over, in words, and how often.
    is_first : bool
        Whether the layout is one of those that were known from the first: folders of
        classes, or ``train``, ``val`` and ``test`` with such folders in them.
    """

    parts: tuple[Part, ...]
    origins: Mapping[SplitName, str] = dataclasses.field(default_factory=dict)
    trail: tuple[str, ...] = ()
    ignored: Mapping[str, int] = dataclasses.field(default_factory=dict)
    is_first: bool = True


def names_of(folders: Sequence[Folder], most: int = 5) -> str:
    """Name some folders in a message."""
    return listed([each.name for each in folders], most)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Name some things in a message."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(quoted(name) for name in names[:most]) + more


def without(folders: Sequence[Folder], most: int = 5) -> str:
    """Say which flags leave some folders out."""
    return " ".join(excluding(each.path, folder=True) for each in folders[:most])


def loose_images(folders: Sequence[Folder]) -> Counter[str]:
    """Count the images that lie in folders that should hold folders alone."""
    count = sum(len(each.images) for each in folders)
    return Counter({LOOSE: count} if count else {})
