"""Splits below the classes: ``bottle/train``, ``bottle/test``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kerastransfer.datasets.listing import SplitName
from kerastransfer.datasets.own.folders.layout import (
    FolderLayout,
    Part,
    names_of,
    without,
)
from kerastransfer.datasets.own.folders.split_words import read_split
from kerastransfer.datasets.own.folders.splits_above import decide
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.selection import Selection
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted


def read_splits_below(
    classes: Sequence[Folder], root: Path, selection: Selection
) -> FolderLayout | None:
    """Read class folders that hold splits; None if they do not.

    Raises
    ------
    DataError
        If some do and others do not, or a set is lost.
    """
    holding = [each for each in classes if _split_names(each)]
    if not holding or _are_meant(holding, selection):
        return None
    _refuse_mixed(classes, holding)
    where = quoted(root)
    kinds = decide({n for each in holding for n in _split_names(each)}, where)
    if "train" not in kinds.values():
        raise DataError(
            f"Expected one train folder in each class folder of {where}, got "
            f"{names_of(list(classes[0].folders.values()))} in "
            f"{quoted(classes[0].name)}."
        )
    parts = [part for each in classes for part in _parts(each, kinds)]
    origins = {part.split: f"*/{part.folder.name}" for part in parts if part.split}
    return FolderLayout(parts=tuple(parts), origins=origins, is_first=False)


def _parts(folder: Folder, kinds: Mapping[str, str]) -> list[Part]:
    """Return a class's folder in each split."""
    by_split: dict[SplitName, Part] = {}
    for name in _split_names(folder):
        split = _split(kinds[name])
        if name in folder.gone or not folder.folders[name].num_images:
            raise _lost(folder, name, split)
        if split in by_split:
            raise DataError(
                f"Expected each split once in class folder {quoted(folder.name)}, got "
                f"{names_of(list(folder.folders.values()))}; rename or leave out some."
            )
        by_split[split] = Part(split, folder.name, folder.folders[name])
    return list(by_split.values())


def _are_meant(holding: Sequence[Folder], selection: Selection) -> bool:
    """Whether the user said that folders named like splits are parts of classes."""
    return all(
        selection.means(each.folders[name].path)
        for each in holding
        for name in _split_names(each)
        if name in each.folders
    )


def _split(kind: str) -> SplitName:
    return "train" if kind == "train" else "val" if kind == "val" else "test"


def _split_names(folder: Folder) -> list[str]:
    """Return the names in a class folder, there or lost, that say a split alone."""
    words = {name: read_split(name) for name in (*folder.folders, *folder.gone)}
    return [name for name, word in words.items() if word and word.is_plain]


def _refuse_mixed(classes: Sequence[Folder], holding: Sequence[Folder]) -> None:
    odd = [each for each in classes if each not in holding]
    if odd:
        raise DataError(
            f"Class folder {quoted(holding[0].name)} holds the splits "
            f"{names_of([holding[0].folders[n] for n in holding[0].folders])}, and "
            f"{quoted(odd[0].name)} holds none; expected them in all classes or above "
            f"them; leave out what is no class with {without(odd)}, or say that they "
            "are no splits with --include '*'."
        )
    for each in classes:
        names = _split_names(each)
        others = [f for f in each.filled if f.name not in names]
        if others:
            raise DataError(
                f"Class folder {quoted(each.name)} holds {quoted(others[0].name)} "
                "beside its splits; leave it out, if it is not meant, with --exclude "
                f"'{others[0].name}/'."
            )
        if each.images:
            raise DataError(
                f"Class folder {quoted(each.name)} holds {len(each.images):,} images "
                f"beside its splits, such as {quoted(min(each.images))}; move them, or "
                f"leave them out with --exclude '/{each.path}/*.*'."
            )


def _lost(folder: Folder, name: str, split: str) -> DataError:
    reason = folder.gone.get(name, "no image in it")
    return DataError(
        f"The official {split} set of class {quoted(folder.name)}, "
        f"{quoted(folder.join(name))}, is lost ({reason}); restore it, or leave such "
        f"sets out with --exclude '{name}'."
    )
