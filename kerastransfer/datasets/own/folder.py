"""A folder of the user's own: a sub-folder for each class, holding its images.

Above the classes, or below them, there may be folders for train, val and test, by any
usual name (``Training``, ``test_set``, ``val2017``). Then val and test are official.
With train and test only, val is drawn from train; with train and val only, test is
drawn from train by the default rule. See `kerastransfer.datasets.own.folders`.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from kerastransfer.archives.spans import FileSpan
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.naming import absolute, refuse_archives, safe_name
from kerastransfer.datasets.option import Option, OptionValue
from kerastransfer.datasets.own.folders.layout import FolderLayout
from kerastransfer.datasets.own.folders.losses import refuse_losses
from kerastransfer.datasets.own.folders.notes import sentences, warn_of
from kerastransfer.datasets.own.folders.reading import read_layout
from kerastransfer.datasets.own.folders.split_words import SPLITS as SPLITS
from kerastransfer.datasets.own.folders.tree import read_tree
from kerastransfer.datasets.own.grouping import (
    GROUP_BY,
    Grouping,
    read_grouping,
)
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.datasets.selection import ALL, Selection
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted

INFO = DatasetInfo(
    description="A folder with a sub-folder of images for each class.",
    auto_convert=True,
    may_change=True,
)
OPTIONS = (
    Option(
        name="include",
        help="Pattern, as in a .gitignore file, of the images that are read; may be "
        "given more than once",
        metavar="PATTERN",
        several=True,
    ),
    Option(
        name="exclude",
        help="Pattern of files and folders that are left out; may be given more than "
        "once",
        metavar="PATTERN",
        several=True,
    ),
    Option(
        name="no_follow_links",
        help="Leave symbolic links out",
        value_type=bool,
        default=False,
    ),
    GROUP_BY,
)


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFolder(ImageSource):
    """Reads image files below a folder.

    Parameters
    ----------
    root : Path
        Absolute.
    wanted : Selection
        Which of its files.
    grouping : Grouping, optional
        How paths tell what is kept together.
    """

    root: Path
    wanted: Selection = ALL
    grouping: Grouping | None = None

    def check(self) -> None:
        """Refuse a folder that is not there."""
        if system.is_file(self.root):
            raise DataError(f"Expected a folder, and {quoted(self.root)} is a file.")
        if not system.is_folder(self.root):
            raise MissingError(f"Folder {quoted(self.root)} is not there.")

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every image by its path below the folder; decodes none.

        Files are told by their names, and by their first bytes where those tell
        nothing. What is passed over is counted by kind.

        Raises
        ------
        MissingError
            If the folder is not there.
        DataError
            If it does not hold class folders with images, may mean two things, an
            official set or a class is lost, or an image has no group.
        """
        self.check()
        tree = read_tree(self.root, self.wanted)
        grouped_by_folder = self.grouping == Grouping()
        layout = read_layout(
            tree.top, self.root, self.wanted, inner_are_groups=grouped_by_folder
        )
        missing = refuse_losses(layout.parts, self.root)
        warn_of(tree, layout, self.wanted, quoted(self.root))
        classes = sorted({part.class_name for part in layout.parts})
        items, fingerprint = _items(layout, classes, self._groups(layout))
        return dataclasses.replace(
            make_listing(
                classes,
                items,
                fingerprint,
                where=f"folder {quoted(self.root)}",
                ignored=+(tree.ignored + Counter(layout.ignored)),
            ),
            missing=missing,
            origins={s: f"folder {quoted(path)}" for s, path in layout.origins.items()},
            notes=tuple(sentences(tree, layout, self.wanted)),
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield image files."""
        return (whole(path, FileSpan(self.root / path)) for path in sorted(paths))

    def _groups(self, layout: FolderLayout) -> dict[str, str]:
        """Return each image's group by its path; none where nobody asked."""
        if self.grouping is None:
            return {}
        pairs = [
            (folder.join(name), part.folder.path)
            for part in layout.parts
            for folder in part.folder.walk()
            for name in folder.images
        ]
        where = f"folder {quoted(self.root)}"
        cure = "move them, or leave them out with --exclude"
        groups = self.grouping.groups(sorted(pairs), where, cure)
        return {
            path: name for (path, _), name in zip(sorted(pairs), groups, strict=True)
        }


def dataset(
    text: str,
    archives: Path | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Dataset:
    """Return the dataset in the folder called `text`.

    Parameters
    ----------
    options : mapping of str to value, optional
        One for each of `OPTIONS`, or none.

    Raises
    ------
    InputError
        If `text` is empty, `archives` is given, or a pattern cannot be read.
    """
    refuse_archives("folder", archives)
    if not text:
        raise InputError("Expected a folder after 'folder:', such as folder:photos.")
    root = absolute(text)
    values = {option.name: option.default for option in OPTIONS} | dict(options or {})
    return Dataset(
        name=safe_name("folder", root.name, root),
        spec=f"folder:{root}",
        info=INFO,
        source=ImageFolder(root, _selection(values), read_grouping(values["group_by"])),
        options=values,
        salt="folder",
    )


def _selection(values: Mapping[str, OptionValue]) -> Selection:
    return Selection(
        include=tuple(str(values["include"] or "").splitlines()),
        exclude=tuple(str(values["exclude"] or "").splitlines()),
        follow_links=not values["no_follow_links"],
    )


def stamp(name: str, path: Path) -> bytes:
    """Return a line of a file's name, size and time, for a fingerprint."""
    status = path.stat()
    return _line(name, f"{status.st_size}\t{status.st_mtime_ns}")


def _line(name: str, size_and_time: str) -> bytes:
    return f"{name}\t{size_and_time}\n".encode("utf-8", "surrogateescape")


def _items(
    layout: FolderLayout, classes: Sequence[str], groups: Mapping[str, str]
) -> tuple[list[Item], str]:
    """Return every image, and a fingerprint of them and of what they were taken for."""
    labels = {name: label for label, name in enumerate(classes)}
    images = [
        (folder.join(name), size_and_time, part)
        for part in layout.parts
        for folder in part.folder.walk()
        for name, size_and_time in folder.images.items()
    ]
    # by folders, not by letters: earlier fingerprints are of this order
    images.sort(key=lambda image: image[0].split("/"))
    items, digest = [], hashlib.sha256()
    for path, size_and_time, part in images:
        label = labels[part.class_name]
        items.append(Item(path, label, part.split, groups.get(path)))
        digest.update(_line(path, size_and_time))
    if not layout.is_first:  # the same files meant something else before
        for part in sorted(layout.parts, key=lambda part: part.folder.path):
            meaning = f"{part.split}\t{part.class_name}\t{part.folder.path}\n"
            digest.update(meaning.encode("utf-8", "surrogateescape"))
    return items, digest.hexdigest()
