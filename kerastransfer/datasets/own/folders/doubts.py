"""What might be no class, or no image of one: refused until the user says which."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from kerastransfer.datasets.own.folders.layout import Part, listed, without
from kerastransfer.datasets.own.folders.split_words import is_fold, read_split, words
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.own.folders.wrappers import is_wrapper
from kerastransfer.datasets.selection import Selection
from kerastransfer.errors import DataError
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.quoting import quoted

_ALL = "say that all of it is meant with --include '*'"
# What an image's companion is called: its mask, its thumbnail, itself with boxes.
_MASK_WORDS = words(
    "mask masks seg segs segmentation segmentations segmented gt groundtruth thumb "
    "thumbs thumbnail thumbnails preview previews overlay overlays annotated "
    "annotation annotations trimap trimaps heatmap heatmaps"
)
_LABEL_WORDS = words("label labels target targets output outputs")
# Renderings of one picture.
_KIND_WORDS = words(
    "original originals augmented augmentation raw processed preprocessed resized "
    "color colour gray grey grayscale greyscale rgb depth segmented cropped image "
    "images img imgs data dataset set photo photos"
)
_ENDING = re.compile(r"([ _\-.]*[ _\-.][^\W\d_][^_\-.]*?)[ _\-.]*\d*$")
_BEGINNING = re.compile(r"[^\W\d_]+[ _\-.]+")
_PART = 0.5  # of a class's images that have a companion


def refuse_doubts(
    parts: Sequence[Part],
    where: str,
    selection: Selection,
    *,
    has_splits: bool,
    inner_are_groups: bool = False,
) -> None:
    """Refuse classes and images that might be something else.

    Parameters
    ----------
    where : str
        Names the folder in messages.
    has_splits : bool
        Whether folders of splits were recognised.
    inner_are_groups : bool
        Whether classes may hold folders of the same names: those are groups.

    Raises
    ------
    DataError
        Naming what is doubted, and the patterns that decide.
    """
    if selection.means_all:
        return
    _refuse_split_names(parts, where, selection, within_splits=has_splits)
    _refuse_folds(parts, where)
    _refuse_copies(parts, where)
    if not inner_are_groups:
        _refuse_same_folders(parts, where, selection)
    _refuse_kinds(parts, where)
    _refuse_mask_folders(parts, where, selection)
    _refuse_pairs(parts, where)


def _refuse_split_names(
    parts: Sequence[Part], where: str, selection: Selection, *, within_splits: bool
) -> None:
    """Refuse a class that is called as a split is; train may be a kind of vehicle."""
    for part in parts:
        word = read_split(part.class_name)
        if word is None or not word.is_plain or selection.means(part.folder.path):
            continue
        if not within_splits or word.split != "train":
            raise DataError(
                f"Folder {where} holds {quoted(part.class_name)} among its class "
                "folders, which is named like a split but holds no class folders; "
                f"leave it out with {without([part.folder])}, or {_ALL}, it being a "
                "class."
            )


def _refuse_folds(parts: Sequence[Part], where: str) -> None:
    if all(is_fold(part.class_name) for part in parts):
        raise DataError(
            f"Folder {where} holds folds ({_classes(parts)}), not classes; give one of "
            "them, list the images with a 'split' column in a CSV file, or "
            f"{_ALL}, these being classes."
        )


def _refuse_kinds(parts: Sequence[Part], where: str) -> None:
    """Refuse classes whose names are those of kinds of image: of one picture, maybe."""
    names = {part.class_name for part in parts}
    masks = [name for name in names if name.lower() in _MASK_WORDS | _LABEL_WORDS]
    beside = masks and any(is_wrapper(name) for name in names)
    tokens = [set(re.findall(r"[^\W\d_]+", name.lower())) for name in names]
    kinds = len(names) > 1 and all(each and each <= _KIND_WORDS for each in tokens)
    if beside or kinds:
        raise DataError(
            f"Folder {where} holds kinds of image ({_classes(parts)}), not classes; "
            "sort the images into a folder for each class, or list them in a CSV file; "
            f"or {_ALL}, these being classes."
        )


def _refuse_copies(parts: Sequence[Part], where: str) -> None:
    """Refuse a class folder whose folders are called as the classes are."""
    names = {part.class_name.casefold() for part in parts}
    for part in parts:
        inner = {f.name.casefold() for f in part.folder.filled}
        inner -= {part.class_name.casefold()}
        if len(inner) > 1 and inner <= names:
            raise DataError(
                f"Folder {where} holds {quoted(part.class_name)}, whose folders are "
                f"named like the classes beside it ({listed(sorted(inner))}); leave "
                f"that copy out with {without([part.folder])}, or {_ALL}."
            )


def _refuse_same_folders(
    parts: Sequence[Part], where: str, selection: Selection
) -> None:
    """Refuse classes that all hold folders of the same names."""
    held = [_inner_names(part) for part in parts]
    common = Counter(name for names in held for name in names)
    shared = {name for name, count in common.items() if count > 1}
    several = len(parts) > 1 and all(len(names) > 1 for names in held)
    most = all(2 * len(names & shared) > len(names) for names in held)
    inner = [
        (_as_pattern(part.class_name, each.name), each.path)
        for part in parts
        for each in _inner(part.folder).filled
        if _without(part.class_name, each.name) in shared
    ]
    if not (several and most) or all(selection.means(path) for _, path in inner):
        return
    patterns = sorted({each for each, _ in inner}, key=lambda p: (_is_mask_name(p), p))
    choices = [f"--include '{each}/'" for each in patterns[:1] if each != "*"]
    choices += [f"--exclude '{each}/'" for each in patterns[-1:]]
    beside = " beside images" if "" in shared else ""
    raise DataError(
        f"The class folders of {where} ({_classes(parts)}) hold folders of the same "
        f"names ({listed(patterns)}){beside}; if those are the classes, give one of "
        "the outer folders, or list all images in a CSV file; if each holds what "
        "belongs together, say --group-by folder; if they are kinds of "
        f"image, choose with {' or '.join(choices)}; or {_ALL}."
    )


def _refuse_mask_folders(
    parts: Sequence[Part], where: str, selection: Selection
) -> None:
    """Refuse folders of masks or thumbnails beside other images of a class."""
    for part in parts:
        for folder in part.folder.walk():
            odd = [each for each in folder.filled if _is_mask_name(each.name)]
            others = folder.num_images - sum(each.num_images for each in odd)
            for each in odd:
                if others and not selection.means(each.path):
                    raise DataError(
                        f"Class folder {quoted(part.class_name)} of {where} holds "
                        f"{quoted(each.path)}, whose "
                        f"{counted(each.num_images, 'image')} may be no photographs of "
                        f"the class; choose with --exclude '{each.name}/' or "
                        f"--include, or {_ALL}."
                    )


def _is_mask_name(name: str) -> bool:
    tokens = re.findall(r"[^\W\d_]+", name.lower())
    return bool(_MASK_WORDS & set(tokens)) or "ground_truth" in name.lower()


def _refuse_pairs(parts: Sequence[Part], where: str) -> None:
    """Refuse images most of which have a companion, such as ``1_mask.png`` of ``1``."""
    by_class: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_class[part.class_name].append(part)
    shares = {name: _pair_shares(several) for name, several in by_class.items()}
    for pattern in sorted({pattern for each in shares.values() for pattern in each}):
        paired = [n for n, each in shares.items() if each.get(pattern, 0) >= _PART]
        if len(paired) == len(shares) or (paired and _is_mask_name(pattern)):
            raise DataError(
                f"Most images of {listed(sorted(paired), 3)} in {where} have a "
                f"companion that {quoted(pattern)} fits, such as a mask or a copy; "
                f"choose with --exclude '{pattern}' or --include, or {_ALL}."
            )


def _pair_shares(parts: Sequence[Part]) -> dict[str, float]:
    """Return the part of a class's images that have a companion, by its pattern."""
    pairs, total = Counter[str](), 0
    for part in parts:
        for folder in part.folder.walk():
            total += len(folder.images)
            pairs.update(_companions(folder))
    # of n images with a companion each, n / 2 are the companions
    return {each: count / max(total - count, 1) for each, count in pairs.items()}


def _companions(folder: Folder) -> Iterator[str]:
    """Yield a pattern for each image that stands beside one of the same name."""
    stems: dict[str, list[str]] = defaultdict(list)
    for name in folder.images:
        stems[PurePath(name).stem].append(PurePath(name).suffix)
    for stem, suffixes in stems.items():
        yield from (f"*{suffix}" for suffix in sorted(set(suffixes))[1:])
        ending = _ENDING.search(stem)
        if ending and stem[: ending.start()].rstrip() in stems:
            yield f"*{ending.group(1)}*"
        head = _BEGINNING.match(stem)
        if head and _is_mask_name(head.group()) and stem[head.end() :] in stems:
            yield f"{head.group()}*"


def _inner(folder: Folder) -> Folder:
    """Return what a folder wraps: ``images/`` of ``amazon/images/bike``."""
    while len(folder.filled) == 1 and not folder.images and folder.filled[0].filled:
        folder = folder.filled[0]
    return folder


def _inner_names(part: Part) -> set[str]:
    """Return the names of a class's folders; an empty one for images beside them."""
    folder = _inner(part.folder)
    names = {_without(part.class_name, each.name) for each in folder.filled}
    return names | ({""} if folder.images and names else set())


def _without(class_name: str, name: str) -> str:
    """Write a placeholder for a class's name in that of a folder."""
    return name.casefold().replace(class_name.casefold(), "{}")


def _as_pattern(class_name: str, name: str) -> str:
    """Write a star for a class's name in that of a folder."""
    return re.sub(re.escape(class_name), "*", name, flags=re.IGNORECASE)


def _classes(parts: Sequence[Part]) -> str:
    return listed(sorted({part.class_name for part in parts}))
