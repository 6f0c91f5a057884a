"""One reading of a dataset's archives: how far it is, and what their hashes are.

An archive that is read from front to back is hashed as it passes, for reading 39 GB
costs minutes; others are hashed by themselves, for listing them reads little.
"""

from collections.abc import Iterator, Sequence

from kerastransfer.archives.members import Archive as Members
from kerastransfer.archives.members import Enter, Member
from kerastransfer.datasets.archived.published_files import LocatedFile
from kerastransfer.datasets.read_options import ArchiveState, ReadOptions
from kerastransfer.foundation import checksums

_HASHED = 1 << 32  # bytes up to which an archive is hashed without being asked
_STEP = 1 << 24  # bytes between two reports


class Reading:
    """Reads some archives.

    Parameters
    ----------
    watch : ReadOptions or None
        None where nobody asks for hashes or progress.
    walks : {0, 1}
        How often their files are listed.
    """

    def __init__(
        self, located: Sequence[LocatedFile], watch: ReadOptions | None, *, walks: int
    ) -> None:
        self._located, self._watch = located, watch
        self._digests: dict[LocatedFile, dict[str, str]] = {}
        self._done, self._reported = 0, 0
        # Once more for the hashes; what need not be read is skipped.
        self._total = (walks + 1) * sum(_size(each) or 0 for each in located)

    def members(
        self, each: LocatedFile, archive: Members, enter: Enter | None
    ) -> Iterator[Member]:
        """Walk over one archive's files, hashing it where all of it passes."""
        hashed = archive.sequential and self._is_hashed(each)
        hashes = checksums.Hasher(_algorithms(each) if hashed else ())

        def passing(place: int, data: bytes) -> None:
            hashes.update(data)
            self._report(place)

        yield from archive.members(enter, passing)
        self._skip(_size(each) or 0)
        if hashed:
            self._digests[each] = hashes.digests()

    def archives(self) -> tuple[ArchiveState, ...]:
        """Describe all archives; those that are not hashed yet are now."""
        described = tuple(self._describe(each) for each in self._located)
        self._skip(self._total - self._done)
        return described

    def _describe(self, each: LocatedFile) -> ArchiveState:
        size = _size(each)
        if size is None:
            return ArchiveState(
                name=each.path.name, size=None, sha256=None, unverified="a folder"
            )
        digests = self._digests.get(each)
        if digests is None and self._is_hashed(each):
            digests = checksums.digests(each.path, _algorithms(each), self._report)
        self._skip(size)
        part = each.part
        published = part.checksums if digests else ()
        unverified = "" if published else "no hash of it is published"
        if digests is None:
            unverified = "not hashed"
        return ArchiveState(
            name=each.path.name,
            size=size,
            sha256=digests["sha256"] if digests else None,
            differs=checksums.difference(size, digests or {}, part.size, published),
            unverified=unverified,
        )

    def _is_hashed(self, each: LocatedFile) -> bool:
        size = _size(each)
        if self._watch is None or size is None:
            return False
        return self._watch.hashed or size <= _HASHED

    def _report(self, place: int) -> None:
        done = self._done + place
        if self._watch is None or self._watch.progress is None:
            return
        if done - self._reported >= _STEP or done == self._total > self._reported:
            self._reported = done
            self._watch.progress(done, self._total)

    def _skip(self, size: int) -> None:
        self._done += size
        self._report(0)


def _size(each: LocatedFile) -> int | None:
    """Return a file's bytes; None for a folder."""
    return each.path.stat().st_size if each.path.is_file() else None


def _algorithms(each: LocatedFile) -> set[str]:
    return {"sha256", *(checksum.algorithm for checksum in each.part.checksums)}
