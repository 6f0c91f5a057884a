"""Folders that wrap the ones that matter: looked through, and named."""

from collections.abc import Sequence

from kerastransfer.datasets.own.folders.split_words import read_split, words
from kerastransfer.datasets.own.folders.tree import Folder

# Names of folders that hold the images beside others that hold what is said of them.
_WRAPPERS = words(
    "images image imgs img jpegimages photos photo pictures pics data dataset datasets "
    "raw jpg jpeg png"
)
_COMPANIONS = words(
    "annotations annotation annots labels label lists list splits meta metadata docs "
    "doc documentation info scripts code src tools utils notebooks models weights csv "
    "xml json txt boxes bboxes"
)


def is_wrapper(name: str) -> bool:
    """Whether a name is one that says "here are the images"."""
    return name.lower() in _WRAPPERS


def is_companion(name: str) -> bool:
    """Whether a name is that of what lies beside images."""
    return name.lower() in _COMPANIONS


def look_through(top: Folder) -> list[Folder]:
    """Return the topmost folder and those that wrap all else, outermost first."""
    trail = [top]
    while True:
        inner = _only_inner(trail[-1])
        word = read_split(inner.name) if inner else None
        if inner is None or inner.images:
            return trail
        if word and word.is_plain and not _holds_splits(inner):
            return trail
        here = trail[-1]
        others = [each for each in here.folders.values() if each is not inner]
        if not is_wrapper(inner.name) and not all(is_companion(o.name) for o in others):
            return trail
        if any("." not in name for name in here.gone):  # a folder that is lost
            return trail
        trail.append(inner)


def enter(folder: Folder, split: str, *, alone: bool) -> list[Folder]:
    """Return a split's folder and those that wrap its classes, outermost first.

    Parameters
    ----------
    alone : bool
        Whether every split holds one folder and nothing else.
    """
    trail = [folder]
    while True:
        here, inner = trail[-1], _only_inner(trail[-1])
        if inner is None:
            return trail
        doubled = _is_doubled(inner, here, split)
        if not doubled and (inner.images or not (alone or is_wrapper(inner.name))):
            return trail
        trail.append(inner)


def is_flat(folder: Folder, split: str) -> bool:
    """Whether a split's folder holds images, but no folders for classes."""
    here = enter(folder, split, alone=False)[-1]
    if not here.filled:
        return True
    inner = here.filled[0]
    if len(here.filled) > 1 or inner.filled:
        return False
    return is_wrapper(inner.name) or _is_doubled(inner, here, split)


def all_alone(folders: Sequence[Folder]) -> bool:
    """Whether each of some folders holds one folder of folders and nothing else."""
    inner = [_only_inner(each) for each in folders]
    return all(each is not None and not each.images for each in inner)


def _holds_splits(folder: Folder) -> bool:
    """Whether a folder that is called like a split holds several itself."""
    words = [read_split(each.name) for each in folder.filled]
    return len({word.split for word in words if word and word.is_plain}) > 1


def _only_inner(folder: Folder) -> Folder | None:
    """Return the only folder in it that holds images, if that holds folders of them."""
    filled = folder.filled
    return filled[0] if len(filled) == 1 and filled[0].filled else None


def _is_doubled(inner: Folder, outer: Folder, split: str) -> bool:
    """Whether a folder says again which split it is."""
    word = read_split(inner.name)
    same = inner.name.casefold() == outer.name.casefold()
    return same or (word is not None and word.split == split)
