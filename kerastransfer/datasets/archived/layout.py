"""How one dataset lies in its archives: what is its own, as functions of names."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from kerastransfer.archives.members import Enter
from kerastransfer.datasets.image_file import Cut
from kerastransfer.datasets.listing import Item, SplitName
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted


@dataclasses.dataclass(frozen=True, slots=True)
class ArchiveContents:
    """What a dataset's own parsing makes of names and lists.

    Parameters
    ----------
    classes : sequence of str
        Names by label.
    ignored : mapping of str to int
        See `Listing`.
    """

    classes: Sequence[str]
    items: Sequence[Item]
    ignored: Mapping[str, int] = dataclasses.field(default_factory=dict)


ImageSizes = Mapping[str, int]  # sizes by path
Texts = Mapping[str, bytes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one dataset lies in its archives.

    Parameters
    ----------
    image : callable
        From a member's name to the path that the image has in this dataset, however it
        was packed; None for what is no image of it.
    contents : callable
        From the paths of all images and the texts to what is listed.
    text : callable
        From a member's name to the key under which its bytes are kept; None for others.
    enter : callable, optional
        Which nested archives are looked into.
    example : str
        A member's name as published, for messages.
    cuts : callable, optional
        From a listed path to the file it is cut from, and where; None where every file
        is one image.
    """

    image: Callable[[str], str | None]
    contents: Callable[[ImageSizes, Texts], ArchiveContents]
    text: Callable[[str], str | None] = lambda name: None
    enter: Enter | None = None
    example: str = ""
    cuts: Callable[[str], tuple[str, Cut]] | None = None

    def knows(self, name: str) -> bool:
        """Whether a file of this name has a part in the dataset."""
        nested = self.enter is not None and self.enter(name)
        return nested or self.image(name) is not None or self.text(name) is not None


def lines(texts: Texts, name: str, where: str) -> list[str]:
    """Split a list into its lines, whatever their ends; none of them is empty.

    Raises
    ------
    DataError
        If there is no such list, or it is no UTF-8 text.
    """
    if name not in texts:
        raise DataError(
            f"Expected the list {quoted(name)} in the archives of {quoted(where)}."
        )
    try:
        text = texts[name].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(
            f"Expected UTF-8 text in {quoted(name)} of {quoted(where)}."
        ) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def official(
    texts: Texts, lists: Mapping[str, SplitName], where: str
) -> dict[str, SplitName]:
    """Read lists of paths, one a line, that say who is in which split.

    Raises
    ------
    DataError
        If a list is not there, or a path stands in two.
    """
    splits: dict[str, SplitName] = {}
    for name, split in lists.items():
        for line in lines(texts, name, where):
            path = line.removeprefix("/")
            if splits.setdefault(path, split) != split:
                raise DataError(
                    f"Expected {quoted(path)} in one list of {where}, not both."
                )
    return splits


def contents_from_lists(
    images: ImageSizes, splits: Mapping[str, SplitName]
) -> ArchiveContents:
    """List ``<class>/<file>`` of the images that a list names; count the others."""
    kept = {path: path.rpartition("/")[0] for path in images if path in splits}
    classes, labels = labelled(set(kept.values()))
    items = [Item(path, labels[name], splits[path]) for path, name in kept.items()]
    ignored = Counter(
        {
            "images in neither list": len(images) - len(kept),
            "listed images that are missing": len(splits) - len(kept),
        }
    )
    return ArchiveContents(classes, items, +ignored)


def labelled(names: Collection[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return class names in byte order, and the label of each."""
    classes = tuple(sorted(names, key=lambda name: name.encode()))
    return classes, {name: label for label, name in enumerate(classes)}
