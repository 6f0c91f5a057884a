"""Images that should be there and cannot be had: links to nowhere, pointers."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from kerastransfer.datasets.own.folders.layout import Part
from kerastransfer.datasets.own.folders.tree import Folder
from kerastransfer.datasets.selection import excluding
from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.progress import counted
from kerastransfer.foundation.quoting import quoted

_SHOWN = 5
_CURES = {
    "Git LFS pointers": "run 'git lfs pull'",
    "git-annex pointers": "run 'git annex get'",
    "DVC pointers": "run 'dvc pull'",
}


def refuse_losses(parts: Sequence[Part], root: Path) -> Counter[str]:
    """Refuse an official set that lost images; warn of what classes lost.

    Returns
    -------
    Counter of str
        What was lost, by kind.

    Raises
    ------
    DataError
        If an official val or test set is not whole.
    """
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    images = Counter[str]()
    for part in parts:
        images[part.class_name] += part.folder.num_images
        kinds = part.folder.lost()
        if not kinds:
            continue
        if part.split in ("val", "test"):
            path = _first(part.folder)
            raise DataError(
                f"The official {part.split} set in {quoted(root)} is not whole: class "
                f"{quoted(part.class_name)} lost {kinds.total():,} of "
                f"{kinds.total() + part.folder.num_images:,} images "
                f"({in_words(kinds)}), such as {quoted(path)}; {cure(kinds)}, or say "
                f"that it is to do without them with {excluding(path)}."
            )
        lost[part.class_name] += kinds
    if lost:
        report.warn(_sentence(lost, images, root))
    return sum(lost.values(), Counter[str]())


def in_words(kinds: Counter[str]) -> str:
    """Say how many of each kind there are."""
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())


def _sentence(lost: dict[str, Counter[str]], images: Counter[str], root: Path) -> str:
    kinds = sum(lost.values(), Counter[str]())
    classes = sorted(lost, key=lambda n: -lost[n].total() / images[n])
    named = [
        f"{quoted(name)} lost {lost[name].total():,} of "
        f"{lost[name].total() + images[name]:,}"
        for name in classes[:_SHOWN]
    ]
    more = f" and {len(lost) - _SHOWN:,} more classes" if len(lost) > _SHOWN else ""
    return (
        f"{counted(kinds.total(), 'image')} in {quoted(root)} cannot be had "
        f"({in_words(kinds)}): class {', '.join(named)}{more}; {cure(kinds)}, or go on "
        "without them."
    )


def _first(folder: Folder) -> str:
    return next(each.join(min(each.gone)) for each in folder.walk() if each.gone)


def cure(kinds: Counter[str]) -> str:
    """Say how images that are lost are had again."""
    cures = [_CURES[kind] for kind in kinds if kind in _CURES]
    return " and ".join(cures) or "restore them"
