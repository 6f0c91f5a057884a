"""A dataset in its published archives, or in what they unpack to.

What is the same for all of them is here: walking archives, keeping names and small
lists, finding the bytes again. What is a dataset's own is its `Layout`.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath

from kerastransfer.archives.members import Archive as Members
from kerastransfer.archives.members import Member
from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import (
    MAX_BYTES,
    Held,
    Readable,
    Unreadable,
    read_bounded,
)
from kerastransfer.datasets.archived.layout import ImageSizes, Layout, Texts
from kerastransfer.datasets.archived.published_files import (
    LocatedFile,
    PublishedFile,
    find,
    place,
)
from kerastransfer.datasets.archived.reading import Reading
from kerastransfer.datasets.dataset import ImageSource
from kerastransfer.datasets.image_file import Cut, ImageFile
from kerastransfer.datasets.listing import Listing, make_listing
from kerastransfer.datasets.naming import is_dropping, is_image
from kerastransfer.datasets.read_options import ArchiveState, ReadOptions
from kerastransfer.errors import DataError
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted

_MOST_TEXT = 1 << 26  # bytes of a list or an annotation


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSource(ImageSource):
    """Reads a dataset's archives.

    Parameters
    ----------
    name : str
        The dataset's.
    folder : Path
        Holds the archives.
    steps : str
        How to get what cannot be downloaded.
    """

    name: str
    folder: Path
    parts: tuple[PublishedFile, ...]
    layout: Layout
    steps: str = ""

    @property
    def sequential(self) -> bool:
        """Whether an archive of images can only be read from front to back."""
        return any(archive.sequential for _, archive in self._opened("images"))

    def find(self) -> tuple[LocatedFile, ...]:
        """Find the archives; see `parts.find`."""
        return find(
            self.parts,
            self.folder,
            name=self.name,
            steps=self.steps,
            known=self.layout.knows,
            example=self.layout.example,
        )

    def places(self) -> list[tuple[PublishedFile, Path | None]]:
        """Say of every part where it is; None for those that are not there."""
        return [
            (part, place(part, self.folder, self.layout.knows)) for part in self.parts
        ]

    def listing(self, watch: ReadOptions | None = None) -> Listing:
        """List every image by its path in the dataset; one walk over the archives.

        Raises
        ------
        MissingError
            If an archive is not there; the message says how to get it.
        DataError
            If one is damaged or hostile, or does not hold what it should.
        """
        located = self.find()
        reading = Reading(located, watch, walks=1)
        walk = _Walk(self.name, self.layout)
        for each in located:
            if each.part.holds == "list":
                walk.texts[each.part.file] = read_bounded(each.path, _MOST_TEXT)
        for each, archive in self._opened("images", "lists"):
            walk.over(archive, reading.members(each, archive, self.layout.enter))
        where = f"{self.name} in {quoted(self.folder)}"
        if not walk.images:
            raise DataError(
                f"Expected images of {where} under names such as "
                f"{quoted(self.layout.example)}, found none{walk.instead()}; unpack or "
                "copy them under the names they were published with."
            )
        contents = self.layout.contents(walk.images, walk.texts)
        listing = make_listing(
            contents.classes,
            contents.items,
            _fingerprint(walk.images, walk.texts),
            where=where,
            ignored=Counter(contents.ignored) + walk.ignored(where),
        )
        have = {each.part.file for each in located}
        return dataclasses.replace(
            listing,
            archives=() if watch is None else reading.archives(),
            lacking=tuple(
                part.file
                for part in self.parts
                if part.holds == "images" and part.file not in have
            ),
        )

    def image_files(self, paths: Collection[str]) -> Iterator[ImageFile]:
        """Yield the files of some images, in the order of the archives."""
        wanted = _by_file(paths, self.layout.cuts)
        for _, archive in self._opened("images"):
            for member in archive.members(self.layout.enter):
                passed = member.link or _is_dropping(member)
                path = None if passed else self.layout.image(member.name)
                if path in wanted:
                    yield ImageFile(_where(member, archive), wanted[path])

    def stamp(self) -> str:
        """Return the archives' names, sizes and times, hashed; nothing for folders."""
        located = self.find()
        if any(each.path.is_dir() for each in located):
            return ""
        status = [(each.path.name, each.path.stat()) for each in located]
        rows = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in status]
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def archives(self, watch: ReadOptions) -> tuple[ArchiveState, ...]:
        """Say which archives are read; up to 4 GiB they are hashed in any case."""
        return Reading(self.find(), watch, walks=0).archives()

    def _opened(self, *held: str) -> list[tuple[LocatedFile, Members]]:
        located = (each for each in self.find() if each.part.holds in held)
        return [(each, open_archive(each.path)) for each in located]


@dataclasses.dataclass(slots=True)
class _Walk:
    """What is gathered from a dataset's archives.

    images: sizes by path; texts: by key; others: how many files are neither; links:
    names of those that were not followed; strange: the first other image.
    """

    name: str
    layout: Layout
    images: dict[str, int] = dataclasses.field(default_factory=dict)
    texts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    others: int = 0
    links: list[str] = dataclasses.field(default_factory=list)
    strange: str = ""

    def over(self, archive: Members, members: Iterator[Member]) -> None:
        """Take note of every file of an archive."""
        own: dict[str, bytes] = {}  # of its lists, by key
        for member in members:
            dropped = _is_dropping(member)
            path = None if dropped else self.layout.image(member.name)
            key = None if dropped else self.layout.text(member.name)
            if member.link and not dropped:
                self.links.append(member.name)
            elif path is not None:
                if path in self.images:
                    raise DataError(
                        f"Image {quoted(path)} stands twice in the archives of "
                        f"{quoted(self.name)}, last in {quoted(archive.path)}."
                    )
                self.images[path] = member.size
            elif key is not None and member.size <= _MOST_TEXT:
                text = member.content.read()
                if own.setdefault(key, text) != text:
                    raise DataError(
                        f"List {quoted(member.name)} stands twice in "
                        f"{quoted(archive.path)}, with other contents; get the archive "
                        "again."
                    )
                self.texts[key] = text
            else:
                self.others += 1
                if not dropped and is_image(PurePosixPath(member.name).name):
                    self.strange = self.strange or member.name

    def instead(self) -> str:
        """Name an image that is not of the dataset's layout, if there is any."""
        return f" but {quoted(self.strange)}" if self.strange else ""

    def ignored(self, where: str) -> Counter[str]:
        """Count what is neither an image nor a list; warn of links."""
        if self.links:
            report.warn(
                f"Left out {len(self.links):,} links of {where} to folders or out of "
                f"the folder, such as {quoted(min(self.links))}; put the files "
                "themselves in their place."
            )
        counts = {"other files": self.others, "links that lead out": len(self.links)}
        return +Counter(counts)


def _is_dropping(member: Member) -> bool:
    return any(is_dropping(part) for part in PurePosixPath(member.name).parts)


def _by_file(
    paths: Collection[str], cuts: Callable[[str], tuple[str, Cut]] | None
) -> dict[str | None, tuple[tuple[str, Cut | None], ...]]:
    """Gather the wanted images of each file."""
    if cuts is None:
        return {path: ((path, None),) for path in paths}
    by_file: dict[str | None, list[tuple[str, Cut | None]]] = {}
    for path in paths:
        file, cut = cuts(path)
        by_file.setdefault(file, []).append((path, cut))
    return {file: tuple(images) for file, images in by_file.items()}


def _where(member: Member, archive: Members) -> Readable:
    """Return where a member's bytes are; of a stream, the bytes, for it goes on."""
    if member.size > MAX_BYTES:
        return Unreadable(f"the file of {member.size:,} bytes is too large")
    return Held(member.content.read()) if archive.sequential else member.content


def _fingerprint(images: ImageSizes, texts: Texts) -> str:
    """Hash names, sizes and lists: the same for an archive and what it unpacks to."""
    digest = hashlib.sha256()
    for path in sorted(images):
        digest.update(f"{path}\t{images[path]}\n".encode("utf-8", "surrogateescape"))
    for name in sorted(texts):
        digest.update(f"{name}\t{hashlib.sha256(texts[name]).hexdigest()}\n".encode())
    return digest.hexdigest()
