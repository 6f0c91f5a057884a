"""A dataset in its published archives, or in what they unpack to.

What is the same for all of them is here: walking archives, keeping names and small
lists, finding the bytes again. What is a dataset's own is its `Layout`.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from kerastransfer import checksums
from kerastransfer.archives.members import Archive, Enter, Member
from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import MAX_BYTES, Held, Readable, read_bounded
from kerastransfer.datasets import facts
from kerastransfer.datasets.blob import Blob, Cut
from kerastransfer.datasets.files import is_dropping
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.datasets.parts import Found, Part, find
from kerastransfer.errors import DataError

_MOST_TEXT = 1 << 26  # bytes of a list or an annotation
_HASHED = 1 << 32  # bytes up to which an archive is hashed without being asked


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """What a dataset's own parsing makes of names and lists.

    Parameters
    ----------
    classes : sequence of str
        Names by label.
    items : sequence of Item
    ignored : mapping of str to int
        See `Listing`.
    """

    classes: Sequence[str]
    items: Sequence[Item]
    ignored: Mapping[str, int] = dataclasses.field(default_factory=dict)


Images = Mapping[str, int]  # sizes by path
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
    cuts : callable, optional
        From a listed path to the file it is cut from, and where; None where every file
        is one image.
    """

    image: Callable[[str], str | None]
    contents: Callable[[Images, Texts], Contents]
    text: Callable[[str], str | None] = lambda name: None
    enter: Enter | None = None
    cuts: Callable[[str], tuple[str, Cut]] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSource:
    """Reads a dataset's archives.

    Parameters
    ----------
    name : str
        The dataset's.
    folder : Path
        Holds the archives.
    parts : tuple of Part
    layout : Layout
    steps : str
        How to get what cannot be downloaded.
    """

    name: str
    folder: Path
    parts: tuple[Part, ...]
    layout: Layout
    steps: str = ""

    @property
    def sequential(self) -> bool:
        """Whether an archive of images can only be read from front to back."""
        return any(archive.sequential for archive in self._opened("images"))

    def find(self) -> tuple[Found, ...]:
        """Find the archives; see `parts.find`."""
        return find(self.parts, self.folder, name=self.name, steps=self.steps)

    def listing(self) -> Listing:
        """List every image by its path in the dataset; one walk over the archives.

        Raises
        ------
        MissingError
            If an archive is not there; the message says how to get it.
        DataError
            If one is damaged or hostile, or does not hold what it should.
        """
        images, texts, others = self._walk()
        where = f"{self.name} in {str(self.folder)!r}"
        if not images:
            raise DataError(f"Expected images of {where}, found none.")
        found = self.layout.contents(images, texts)
        ignored = Counter(found.ignored)
        ignored += Counter({"other files": others})
        return make_listing(
            found.classes,
            found.items,
            _fingerprint(images, texts),
            where=where,
            ignored=ignored,
        )

    def blobs(self, paths: Collection[str]) -> Iterator[Blob]:
        """Yield the files of some images, in the order of the archives."""
        wanted = _by_file(paths, self.layout.cuts)
        for archive in self._opened("images"):
            for member in archive.members(self.layout.enter):
                path = None if _is_dropping(member) else self.layout.image(member.name)
                if path in wanted:
                    yield Blob(_where(member, archive), wanted[path])

    def stamp(self) -> str:
        """Return the archives' names, sizes and times, hashed; nothing for folders."""
        found = self.find()
        if any(each.path.is_dir() for each in found):
            return ""
        told = [(each.path.name, each.path.stat()) for each in found]
        rows = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in told]
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def archives(self, *, hashed: bool) -> list[facts.Archive]:
        """Say which archives are read; up to 4 GiB they are hashed in any case."""
        return [_describe(found, hashed) for found in self.find()]

    def _opened(self, *held: str) -> list[Archive]:
        found = (each for each in self.find() if each.part.holds in held)
        return [open_archive(each.path) for each in found]

    def _walk(self) -> tuple[dict[str, int], dict[str, bytes], int]:
        """Gather image paths with sizes, texts, and how many other files there are."""
        images: dict[str, int] = {}
        others = 0
        texts = {
            each.part.file: read_bounded(each.path, _MOST_TEXT)
            for each in self.find()
            if each.part.holds == "list"
        }
        for archive in self._opened("images", "lists"):
            for member in archive.members(self.layout.enter):
                dropped = _is_dropping(member)
                path = None if dropped else self.layout.image(member.name)
                key = None if dropped else self.layout.text(member.name)
                if path is not None:
                    if path in images:
                        raise DataError(
                            f"Image {path!r} stands twice in the archives of "
                            f"{self.name!r}, last in {str(archive.path)!r}."
                        )
                    images[path] = member.size
                elif key is not None and member.size <= _MOST_TEXT:
                    texts[key] = member.where.read()
                else:
                    others += 1
        return images, texts, others


def lines(texts: Texts, name: str, where: str) -> list[str]:
    """Split a list into its lines, whatever their ends; none of them is empty.

    Raises
    ------
    DataError
        If there is no such list, or it is no UTF-8 text.
    """
    if name not in texts:
        raise DataError(f"Expected the list {name!r} in the archives of {where!r}.")
    try:
        text = texts[name].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"Expected UTF-8 text in {name!r} of {where!r}.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def labelled(names: Collection[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return class names in byte order, and the label of each."""
    classes = tuple(sorted(names, key=lambda name: name.encode()))
    return classes, {name: label for label, name in enumerate(classes)}


def _is_dropping(member: Member) -> bool:
    return any(is_dropping(part) for part in PurePosixPath(member.name).parts)


def _by_file(
    paths: Collection[str], cuts: Callable[[str], tuple[str, Cut]] | None
) -> dict[str | None, tuple[tuple[str, Cut | None], ...]]:
    """Gather the wanted images of each file."""
    if cuts is None:
        return {path: ((path, None),) for path in paths}
    found: dict[str | None, list[tuple[str, Cut | None]]] = {}
    for path in paths:
        file, cut = cuts(path)
        found.setdefault(file, []).append((path, cut))
    return {file: tuple(images) for file, images in found.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class _TooLarge:
    size: int

    def read(self) -> bytes:
        raise DataError(f"the file of {self.size:,} bytes is too large")


def _where(member: Member, archive: Archive) -> Readable:
    """Return where a member's bytes are; of a stream, the bytes, for it goes on."""
    if member.size > MAX_BYTES:
        return _TooLarge(member.size)
    return Held(member.where.read()) if archive.sequential else member.where


def _fingerprint(images: Images, texts: Texts) -> str:
    """Hash names, sizes and lists: the same for an archive and what it unpacks to."""
    digest = hashlib.sha256()
    for path in sorted(images):
        digest.update(f"{path}\t{images[path]}\n".encode("utf-8", "surrogateescape"))
    for name in sorted(texts):
        digest.update(f"{name}\t{hashlib.sha256(texts[name]).hexdigest()}\n".encode())
    return digest.hexdigest()


def _describe(found: Found, hashed: bool) -> facts.Archive:
    """Read a file once for its own hash and the published ones."""
    path, part = found.path, found.part
    if not path.is_file():
        return facts.Archive(name=path.name, size=None, sha256=None)
    size = path.stat().st_size
    if not hashed and size > _HASHED:
        differs = checksums.mismatch(path, part.size, ())
        return facts.Archive(name=path.name, size=size, sha256=None, differs=differs)
    algorithms = {"sha256", *(checksum.algorithm for checksum in part.checksums)}
    digests = checksums.digests(path, algorithms)
    differs = checksums.difference(size, digests, part.size, part.checksums)
    return facts.Archive(
        name=path.name, size=size, sha256=digests["sha256"], differs=differs
    )
