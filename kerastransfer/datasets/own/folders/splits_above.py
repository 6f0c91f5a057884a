"""Splits above the classes: ``train/cat``, ``seg_test/seg_test/street``."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kerastransfer.datasets.listing import SplitName
from kerastransfer.datasets.own.folders import wrappers
from kerastransfer.datasets.own.folders.layout import (
    FolderLayout,
    Part,
    listed,
    loose_images,
    without,
)
from kerastransfer.datasets.own.folders.losses import cure, in_words
from kerastransfer.datasets.own.folders.split_words import (
    SPLITS,
    is_unlabelled,
    read_split,
)
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.selection import excluding
from kerastransfer.errors import DataError
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.quoting import quoted

_NAMES: tuple[SplitName, ...] = ("train", "val", "test")


def read_splits_above(home: Folder, root: Path) -> FolderLayout | None:
    """Read a folder of splits; None if it is no such folder.

    Raises
    ------
    DataError
        If it is one, and a split is missing, twice there, lost or without classes.
    """
    named = _named(home)
    splits = {
        name: kind
        for name, kind in named.items()
        if name in home.folders and not wrappers.is_flat(home.folders[name], kind)
    }
    if not splits:
        _refuse_flat(home, named, root)
        return None
    where = quoted(root / home.path)
    ignored = _refuse_others(home, named, splits, where)
    roles = _roles(splits, where)
    folders = {split: home.folders[name] for split, name in roles.items()}
    alone = wrappers.all_alone(list(folders.values()))
    parts, trails = [], []
    for split, folder in folders.items():
        trail = wrappers.enter(folder, split, alone=alone)
        trails.append(trail)
        for each in class_folders(trail[-1], root):
            parts.append(Part(split, each.name, each))
    within = [folder for trail in trails for folder in trail]
    return FolderLayout(
        parts=tuple(parts),
        origins={
            split: trail[-1].path for split, trail in zip(roles, trails, strict=True)
        },
        ignored=ignored + loose_images([home, *within]),
        is_first=len(within) == len(splits)
        and all(name.lower() in SPLITS for name in splits),
    )


def class_folders(folder: Folder, root: Path) -> list[Folder]:
    """Return the folders of classes in a folder.

    Raises
    ------
    DataError
        If there are none, or one holds no image.
    """
    where = quoted(root / folder.path)
    filled = folder.filled
    if len(filled) == 1 and wrappers.is_wrapper(filled[0].name):
        raise DataError(
            f"Expected a folder for each class in {where}, and its images lie in "
            f"{quoted(filled[0].name)} without one, as those of detection and "
            "segmentation do; sort them into a folder for each class, or list them in "
            "a CSV file."
        )
    classes = []
    for each in folder.folders.values():
        if each.num_images or not wrappers.is_companion(each.name):
            classes.append(each)
    if not classes:
        direct = f", but {len(folder.images):,} images" if folder.images else ""
        raise DataError(
            f"Expected a folder for each class in {where}, found none{direct}; "
            "sort the images into one for each class, or list them in a CSV file."
        )
    lost = [name for name in folder.gone if "." not in name]
    if lost:
        raise DataError(
            f"Class folder {quoted(root / folder.join(lost[0]))} holds no image: it is "
            f"lost ({folder.gone[lost[0]]}); restore it, or leave it out with "
            f"{excluding(folder.join(lost[0]))}."
        )
    for each in classes:
        if not each.num_images:
            raise _empty(each, root)
    return classes


def _empty(folder: Folder, root: Path) -> DataError:
    kinds = folder.lost()
    reason = " (a file with a name like x.jpg or x.png); add some or remove the folder"
    if kinds:
        reason = (
            f": all are lost ({in_words(kinds)}); {cure(kinds)}, or leave the folder "
            f"out with {without([folder])}"
        )
    return DataError(
        f"Class folder {quoted(root / folder.path)} holds no image{reason}."
    )


def _named(home: Folder) -> dict[str, str]:
    """Return which folders, there or lost, are named like which split."""
    words = {name: read_split(name) for name in (*home.folders, *home.gone)}
    named = {n: word.split for n, word in words.items() if word and word.is_plain}
    # those that differ in the split's word alone
    together: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name, word in words.items():
        if word and word.rest:
            together[word.rest][name] = word.split
    for group in together.values():
        if "train" in group.values() and len(set(group.values())) > 1:
            named |= group
    return named


def _refuse_flat(home: Folder, named: Mapping[str, str], root: Path) -> None:
    """Refuse a folder of which each is a split, and none has classes."""
    lost = home.lost()
    if lost and not home.num_images:
        raise DataError(
            f"Folder {quoted(root / home.path)} holds no image: all are lost "
            f"({in_words(lost)}); {cure(lost)}."
        )
    if named and set(home.folders) <= set(named):
        name = min(named)
        raise DataError(
            f"Folder {quoted(root / home.path)} holds {quoted(name)}, which is not a "
            "split with class folders in it; expected either a folder for each class, "
            "or train, val and test with a folder for each class in them; or list the "
            "images in a CSV file."
        )


def _refuse_others(
    home: Folder, named: Mapping[str, str], splits: Mapping[str, str], where: str
) -> Counter[str]:
    """Refuse what stands beside splits and is none; count what has no images."""
    lost = [name for name in named if name not in splits]
    if lost:
        raise _lost_split(home, sorted(lost), named[min(lost)], where)
    ignored, others = Counter[str](), []
    for each in home.folders.values():
        if each.name in splits:
            continue
        if not each.num_images and not each.lost():
            ignored["folders without images"] += 1
        elif is_unlabelled(each.name) and not _is_deep(each):
            ignored[f"images without labels, in {quoted(each.name)}"] += each.num_images
        else:
            others.append(each)
    if others:
        raise DataError(
            f"Folder {where} holds {quoted(others[0].name)}, which is not a split with "
            "class folders in it; expected either a folder for each class, or train, "
            "val and test with a folder for each class in them; leave out what is "
            f"neither with {without(others)}."
        )
    gone = [name for name in home.gone if "." not in name]
    if gone:
        raise DataError(
            f"Folder {where} holds {quoted(gone[0])}, which is lost "
            f"({home.gone[gone[0]]}); restore it, or leave it out with "
            f"{excluding(home.join(gone[0]))}."
        )
    return ignored


def _is_deep(folder: Folder) -> bool:
    """Whether a folder holds folders for classes, not a wrapper with images."""
    return any(each.filled or len(folder.filled) > 1 for each in folder.filled)


def _lost_split(home: Folder, names: Sequence[str], kind: str, where: str) -> DataError:
    """Make the error for a set, or several, that are there by their names alone."""
    word = {"either": "val or test"}.get(kind, kind)
    name, restore = names[0], "restore it"
    flags = " ".join(excluding(home.join(each)) for each in names)
    if name in home.gone:
        reason = f"is lost ({home.gone[name]})"
    elif home.folders[name].num_images:
        count = counted(home.folders[name].num_images, "image")
        reason = (
            f"({count}) is not a split with class folders in it, so its images have no "
            "labels"
        )
    else:
        kinds = home.folders[name].lost()
        reason = f"holds no image{f' ({in_words(kinds)})' if kinds else ''}"
        restore = cure(kinds) if kinds else restore
    if names[1:]:
        reason += f" (and see {listed(names[1:])})"
    return DataError(
        f"The official {word} set of {where}, {quoted(name)} {reason}; {restore} or "
        f"sort it into a folder for each class, or leave it out with {flags} "
        f"(a {word} set is then drawn from the other images, and said to be)."
    )


def _roles(splits: Mapping[str, str], where: str) -> dict[SplitName, str]:
    """Return the folder of each split.

    Raises
    ------
    DataError
        If there is no train, one twice, or one that may be either of two.
    """
    kinds = _decided(splits, where)
    names = ", ".join(quoted(name) for name in splits)
    if "train" not in kinds.values() or len(set(kinds.values())) < len(kinds):
        raise DataError(
            f"Expected one train folder and at most one val and one test folder in "
            f"{where}, got {names}; leave those out that are not meant, such as with "
            f"{excluding(max(splits), folder=True)}, or rename them."
        )
    by_split = {split: name for name, split in kinds.items()}
    return {split: by_split[split] for split in _NAMES if split in by_split}


def _decided(splits: Mapping[str, str], where: str) -> dict[str, str]:
    """Say of ``eval`` whether it is val or test, by what else there is."""
    others = set(splits.values()) - {"either"}
    either = [name for name, kind in splits.items() if kind == "either"]
    left = {"val", "test"} - others
    if either and len(left) != 1:
        raise DataError(
            f"Folder {quoted(either[0])} in {where} may be the val or the test set; "
            "rename it to one of them."
        )
    decided = {name: left.copy().pop() for name in either}
    return {name: decided.get(name, kind) for name, kind in splits.items()}


def decide(names: Iterable[str], where: str) -> dict[str, str]:
    """Return the split that each of some plain names says."""
    words = {name: read_split(name) for name in names}
    kinds = {name: word.split for name, word in words.items() if word}
    return _decided(kinds, where)
