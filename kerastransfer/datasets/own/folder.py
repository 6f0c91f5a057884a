"""A folder of the user's own: a sub-folder for each class, holding its images.

One level above the classes there may be ``train``, ``val`` (or ``valid``,
``validation``, ``dev``) and ``test``, in any case. Then val and test are official. With
train and test only, val is drawn from train; with train and val only, test is drawn
from train by the default rule.
"""

import dataclasses
import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NoReturn

from kerastransfer.archives.spans import FileSpan
from kerastransfer.datasets.dataset import Dataset, DatasetInfo, ImageSource
from kerastransfer.datasets.image_file import ImageFile, whole
from kerastransfer.datasets.image_kinds import is_image_path
from kerastransfer.datasets.listing import Item, Listing, SplitName, make_listing
from kerastransfer.datasets.naming import (
    is_dropping,
    refuse_archives,
    safe_name,
)
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import DataError, InputError, MissingError
from kerastransfer.foundation import report

INFO = DatasetInfo(
    description="A folder with a sub-folder of images for each class.",
    auto_convert=True,
    may_change=True,
)
SPLITS: dict[str, SplitName] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFolder(ImageSource):
    """Reads image files below a folder.

    Parameters
    ----------
    root : Path
        Absolute.
    """

    root: Path

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every image by its path below the folder; reads none.

        Files are told by their names, and those of odd names by their first bytes:
        hidden ones and those that are no images are left out, and symbolic links that
        point outside the folder with a warning.

        Raises
        ------
        MissingError
            If the folder is not there.
        DataError
            If it does not hold class folders with images.
        """
        if not self.root.is_dir():
            raise MissingError(f"Folder {str(self.root)!r} is not there.")
        links: set[Path] = set()
        entries = [
            (split, folder.name, path)
            for split, upper in _split_folders(self.root, links)
            for folder in _class_folders(upper, links)
            for path in _images(self.root, folder, links)
        ]
        _warn_of(links, self.root)
        classes = sorted({name for _, name, _ in entries})
        labels = {name: label for label, name in enumerate(classes)}
        items, digest = [], hashlib.sha256()
        for split, name, path in sorted(entries, key=lambda entry: entry[2]):
            relative = path.relative_to(self.root).as_posix()
            items.append(Item(relative, labels[name], split))
            digest.update(stamp(relative, path))
        where = f"folder {str(self.root)!r}"
        return make_listing(classes, items, digest.hexdigest(), where=where)

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield image files."""
        return (whole(path, FileSpan(self.root / path)) for path in sorted(paths))


def dataset(text: str, archives: Path | None = None) -> Dataset:
    """Return the dataset in the folder called `text`.

    Raises
    ------
    InputError
        If `text` is empty, or `archives` is given.
    """
    refuse_archives("folder", archives)
    if not text:
        raise InputError("Expected a folder after 'folder:', such as folder:photos.")
    # normpath, not resolve: a link that is moved to new images stays the same dataset
    root = Path(os.path.normpath(Path(text).expanduser().absolute()))
    return Dataset(
        name=safe_name("folder", root.name, root),
        spec=f"folder:{root}",
        info=INFO,
        source=ImageFolder(root),
        salt="folder",
    )


def stamp(name: str, path: Path) -> bytes:
    """Return a line of a file's name, size and time, for a fingerprint."""
    status = path.stat()
    line = f"{name}\t{status.st_size}\t{status.st_mtime_ns}\n"
    return line.encode("utf-8", "surrogateescape")


def _split_folders(root: Path, links: set[Path]) -> list[tuple[SplitName | None, Path]]:
    """Return the folders that hold class folders: `root`, or its splits."""
    children = _folders(root, links)
    splits = {child: SPLITS.get(child.name.lower()) for child in children}
    upper = [child for child in children if splits[child] and _is_upper(child)]
    if not upper and not (children and all(splits.values())):
        return [(None, root)]
    if len(upper) < len(children):
        other = next(child for child in children if child not in upper)
        raise DataError(
            f"Folder {str(root)!r} holds {other.name!r}, which is not a split with "
            "class folders in it; expected either a folder for each class, or train, "
            "val and test with a folder for each class in them."
        )
    named = [splits[child] for child in upper]
    if "train" not in named or len(set(named)) < len(named):
        names = ", ".join(repr(child.name) for child in upper)
        raise DataError(
            f"Expected one train folder and at most one val and one test folder in "
            f"{str(root)!r}, got {names}."
        )
    return [(splits[child], child) for child in upper]


def _is_upper(folder: Path) -> bool:
    """Whether a folder named like a split holds class folders, not images."""
    direct = any(entry.is_file() and is_image_path(entry) for entry in folder.iterdir())
    return not direct and bool(_folders(folder, set()))


def _folders(root: Path, links: set[Path]) -> list[Path]:
    """Return the folders in `root`; links, which may lead anywhere, go to `links`."""
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not is_dropping(path.name)
    )
    links.update(path for path in folders if path.is_symlink())
    return [path for path in folders if path not in links]


def _class_folders(upper: Path, links: set[Path]) -> list[Path]:
    folders = _folders(upper, links)
    if not folders:
        raise DataError(
            f"Expected a folder for each class in {str(upper)!r}, found none."
        )
    return folders


def _images(root: Path, folder: Path, links: set[Path]) -> list[Path]:
    """Return a class's image files, in sub-folders too."""
    home, images = root.resolve(), []
    for parent, _, names in os.walk(folder, onerror=_raise):
        here = Path(parent)
        if any(is_dropping(part) for part in here.relative_to(folder).parts):
            continue
        links.update(_linked_folders(here))
        for path in filter(is_image_path, (here / name for name in names)):
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                links.add(path)
            elif path.is_file():
                images.append(path)
    if not images:
        raise DataError(
            f"Class folder {str(folder)!r} holds no image (a file with a name like "
            "x.jpg or x.png); add some or remove the folder."
        )
    return images


def _linked_folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_symlink() and path.is_dir()]


def _raise(error: OSError) -> NoReturn:
    raise error


def _warn_of(links: set[Path], root: Path) -> None:
    if links:
        first = min(links).relative_to(root)
        report.warn(
            f"Left out {len(links):,} symbolic links in {str(root)!r} to folders or to "
            f"files outside it, such as {str(first)!r}; a CSV file may list them."
        )
