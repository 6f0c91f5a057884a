"""A folder as it lies on disk: walked once, what is no image counted by kind."""

import dataclasses
import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from kerastransfer.datasets.naming import is_copy, is_dropping, is_image
from kerastransfer.datasets.own.folders import first_bytes
from kerastransfer.datasets.own.folders.split_words import read_split
from kerastransfer.datasets.selection import Selection
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted

_DEEPEST = 64  # folders in each other
_DANGLING = "links that lead nowhere"
_NOT_FOLLOWED = "links, which are not followed"
# Files whose first bytes are not worth reading: there may be one for each image.
_OTHERS = frozenset(
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md"),
        *(".html", ".htm", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".py", ".ipynb"),
        *(".npy", ".npz", ".mat", ".pkl", ".pt", ".h5", ".hdf5", ".parquet", ".log"),
        *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".dcm", ".nii"),
        *(".mp4", ".mov", ".avi", ".mkv", ".wav", ".mp3", ".db", ".ini", ".svg"),
        *(".dvc", ".psd", ".ai", ".eps", ".xcf", ".jxl"),
    )
)
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
_LIST = re.compile(
    r"(^|[\W_])(tests?|testing|vali?d?|validation)([\W_]?(list|split|set))?[\W_\d]*"
    r"\.(txt|csv|tsv|json|lst)$|train[\W_]?test"
)
# They begin as a TIFF does, and what a TIFF reader finds in them is a preview.
_RAW = frozenset(
    (".cr2", ".cr3", ".nef", ".nrw", ".arw", ".dng", ".orf", ".pef", ".rw2", ".srw")
)


@dataclasses.dataclass(slots=True)
class Folder:
    """A folder and what it holds.

    Parameters
    ----------
    path : str
        Relative POSIX path; empty for the topmost.
    images : dict of str to str
        Of each image's name, its size and time in words, for a fingerprint.
    gone : dict of str to str
        Names of images or folders that cannot be had, and the kind of reason.
    """

    name: str
    path: str
    folders: "dict[str, Folder]" = dataclasses.field(default_factory=dict)
    images: dict[str, str] = dataclasses.field(default_factory=dict)
    gone: dict[str, str] = dataclasses.field(default_factory=dict)
    num_images: int = 0

    @property
    def filled(self) -> "list[Folder]":
        """The folders in it that hold images at any depth."""
        return [each for each in self.folders.values() if each.num_images]

    def walk(self) -> "Iterator[Folder]":
        """Yield it and all folders in it."""
        yield self
        for each in self.folders.values():
            yield from each.walk()

    def join(self, name: str) -> str:
        """Return the path of something in it."""
        return f"{self.path}/{name}" if self.path else name

    def lost(self) -> Counter[str]:
        """Count what cannot be had at any depth, by kind."""
        return Counter(kind for each in self.walk() for kind in each.gone.values())


@dataclasses.dataclass(slots=True)
class Tree:
    """A folder that was walked.

    Parameters
    ----------
    ignored : Counter of str
        What was passed over, in words, and how often.
    linked_files, linked_folders : list of str
        Paths of symbolic links that were followed.
    lists : list of str
        Paths of texts that are called as lists of a test or val set are.
    fitting : set of str
        The patterns that left something out, or that a file fits.
    """

    top: Folder
    ignored: Counter[str] = dataclasses.field(default_factory=Counter)
    linked_files: list[str] = dataclasses.field(default_factory=list)
    linked_folders: list[str] = dataclasses.field(default_factory=list)
    lists: list[str] = dataclasses.field(default_factory=list)
    fitting: set[str] = dataclasses.field(default_factory=set)


def read_tree(root: Path, selection: Selection) -> Tree:
    """Walk a folder; of files that are no images by name, the first bytes are read.

    Raises
    ------
    DataError
        If folders lie deeper than one can walk.
    OSError
        If a folder cannot be read.
    """
    above = {_identity(path.stat()) for path in (root, *root.resolve().parents)}
    return _Walk(root, selection).run(frozenset(above))


class _Walk:
    """One walk; see `read_tree`."""

    def __init__(self, root: Path, selection: Selection) -> None:
        self._root, self._selection = root, selection
        self._tree = Tree(Folder(root.name, ""))

    def run(self, above: frozenset[tuple[int, int]]) -> Tree:
        self._fill(self._tree.top, above)
        return self._tree

    def _fill(self, folder: Folder, above: frozenset[tuple[int, int]]) -> None:
        """List a folder; `above` are the folders that a loop would come back to."""
        if folder.path.count("/") >= _DEEPEST:
            raise DataError(
                f"Folders in {quoted(self._root)} lie more than {_DEEPEST} deep, such "
                f"as {quoted(folder.path)}; move them up."
            )
        with os.scandir(self._root / folder.path) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            if is_dropping(entry.name):
                self._drop(entry)
            else:
                self._add(folder, entry, above)
        self._read_stand_ins(folder, frozenset(entry.name for entry in ordered))
        here = sum(each.num_images for each in folder.folders.values())
        folder.num_images = here + len(folder.images)

    def _add(
        self,
        folder: Folder,
        entry: "os.DirEntry[str]",
        above: frozenset[tuple[int, int]],
    ) -> None:
        path = folder.join(entry.name)
        if entry.is_symlink() and not self._selection.follow_links:
            self._tree.ignored[_NOT_FOLLOWED] += 1
            if read_split(entry.name):
                folder.gone[entry.name] = _NOT_FOLLOWED
            return
        try:
            status = entry.stat()
        except OSError as error:
            if not entry.is_symlink() or error.errno == errno.EACCES:
                raise
            loops = error.errno == errno.ELOOP
            self._lose(folder, entry.name, "links in a circle" if loops else _DANGLING)
            return
        if stat.S_ISDIR(status.st_mode):
            self._enter(folder, entry, status, above)
        elif not self._takes(path):
            self._tree.ignored["files that the patterns leave out"] += 1
        elif stat.S_ISREG(status.st_mode):
            self._add_file(folder, entry, status)
        else:
            self._tree.ignored["pipes, sockets and devices"] += 1

    def _takes(self, path: str) -> bool:
        """Whether a file is wanted; notes the patterns that say so."""
        included = self._fits(self._selection.includes(path))
        wanted = included or not self._selection.include
        return wanted and not self._fits(self._selection.excludes(path))

    def _fits(self, pattern: str | None) -> bool:
        if pattern is not None:
            self._tree.fitting.add(pattern)
        return pattern is not None

    def _enter(
        self,
        folder: Folder,
        entry: "os.DirEntry[str]",
        status: os.stat_result,
        above: frozenset[tuple[int, int]],
    ) -> None:
        path = folder.join(entry.name)
        # Windows leaves these numbers out of what it lists.
        identity = _identity(status if status.st_ino else os.stat(entry.path))  # noqa: PTH116
        if self._fits(self._selection.excludes(f"{path}/")):
            self._tree.ignored["folders that the patterns leave out"] += 1
            return
        if entry.is_symlink():
            if identity in above:
                self._tree.ignored["links to a folder that holds them"] += 1
                return
            self._tree.linked_folders.append(path)
        child = folder.folders[entry.name] = Folder(entry.name, path)
        self._fill(child, above | {identity})

    def _add_file(
        self, folder: Folder, entry: "os.DirEntry[str]", status: os.stat_result
    ) -> None:
        name, size = entry.name, status.st_size
        suffix = PurePath(name).suffix.lower()
        if is_copy(name):
            kind = "copies and parts of files (~, .bak, .tmp, .part, ...)"
        elif suffix in _OTHERS:
            kind = f"{suffix} files"
            if _LIST.search(name.lower()):
                self._tree.lists.append(folder.join(name))
        elif not size and not is_image(name):
            kind = "empty files"
        else:
            pointer = _pointer_kind(entry, size)
            if pointer:
                self._lose(folder, name, pointer)
                return
            kind = "" if is_image(name) else _other_kind(entry, suffix)
        if kind:
            self._tree.ignored[kind] += 1
            return
        if entry.is_symlink():
            self._tree.linked_files.append(folder.join(name))
        folder.images[name] = f"{size}\t{status.st_mtime_ns}"

    def _lose(self, folder: Folder, name: str, kind: str) -> None:
        """Note an image or a folder that cannot be had, unless it is not wanted."""
        path, suffix = folder.join(name), PurePath(name).suffix.lower()
        if not self._selection.enters(path) or self._selection.leaves_out(path):
            return
        if is_image(name) and not self._selection.takes(path):
            return
        self._tree.ignored[kind] += 1
        if suffix not in _OTHERS:
            folder.gone[name] = kind

    def _read_stand_ins(self, folder: Folder, names: frozenset[str]) -> None:
        """Note what only ``X.dvc`` says to be there, or ``test.zip`` beside folders."""
        for name in sorted(names):
            stem = name.removesuffix(".dvc")
            if stem and stem != name and stem not in names:
                self._lose(folder, stem, "DVC pointers")
            stem = name.partition(".")[0]
            word = read_split(stem) if name.lower().endswith(_ARCHIVES) else None
            if word and word.is_plain and folder.folders and not folder.images:
                others = {
                    each.split for each in map(read_split, folder.folders) if each
                }
                if word.split not in others:
                    self._lose(folder, stem, "archives that are not unpacked")

    def _drop(self, entry: "os.DirEntry[str]") -> None:
        what = "folders" if entry.is_dir(follow_symlinks=False) else "files"
        self._tree.ignored[f"hidden and system {what}"] += 1


def _pointer_kind(entry: "os.DirEntry[str]", size: int) -> str | None:
    """Say what a file stands for that only says where another is."""
    if size > first_bytes.LONGEST_POINTER:
        return None
    return first_bytes.pointer_kind(Path(entry.path))


def _other_kind(entry: "os.DirEntry[str]", suffix: str) -> str:
    """Say what a file without an image's suffix is; nothing if it is an image."""
    if suffix in _RAW:
        return "camera raw files"
    if first_bytes.image_kind(Path(entry.path)):
        return ""
    if 1 < len(suffix) <= 8 and suffix[1:].isalnum():
        return f"{suffix} files"
    return "other files without an image in them"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
