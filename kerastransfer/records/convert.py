"""Conversion: a dataset's images to records, whole or not at all."""

import contextlib
import dataclasses
import fcntl
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kerastransfer.datasets.facts import Dataset, ShortClasses
from kerastransfer.datasets.listing import Listing
from kerastransfer.errors import DataError, InputError
from kerastransfer.records import manifest
from kerastransfer.records.encode import Encoded
from kerastransfer.records.manifest import CONVERTER, Options
from kerastransfer.records.plan import SPLITS, Plan, make_plan
from kerastransfer.records.quotas import MaxPerClass
from kerastransfer.records.workers import Encoder, Rejected

VERSION = "1.0.0"  # of the layout, as TFDS wants one
_NAMED = 5  # rejected files that a warning names

Progress = Callable[[int, int], None]


class _Rejects(Exception):  # noqa: N818 (a way out, not an error)
    """Raised through TFDS, which then removes what it has written."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__()
        self.reasons = reasons


def convert(
    dataset: Dataset,
    out: Path,
    *,
    image_size: int = 256,
    split_seed: int = 0,
    max_per_class: MaxPerClass = None,
    short_classes: ShortClasses | None = None,
    strict: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a dataset's records to ``out/<name>/1.0.0``.

    They appear once they are whole; what a killed run has left is removed by the next.
    Images that cannot be decoded are named in a warning and left out, and the plan is
    made without them. Records of the same plan are left as they are. Those of a user's
    own files are made again when the files have changed.

    Parameters
    ----------
    dataset : Dataset
    out : Path
    image_size : int
        The shorter side that larger images are shrunk to, in pixels.
    split_seed : int
        Decides who is in which split; nothing to do with a training seed.
    max_per_class : int, 'all' or None
        Training images per class to keep at most; None for the largest published size.
    short_classes : {'error', 'cap', 'drop'}, optional
        See `plan.make_plan`; None for what the dataset's facts say.
    strict : bool
        Whether an image that cannot be decoded is an error.
    workers : int, optional
        Processes that encode; None for as many as there are cores.
    progress : callable, optional
        Told how many images are done, and of how many.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If an argument is out of its range.
    MissingError
        If the dataset's files are not there.
    DataError
        If they cannot be used, or the folder holds records of another plan.
    """
    if image_size < 1:
        raise InputError(f"Expected image_size of at least 1, got {image_size}.")
    options = Options(
        image_size=image_size,
        split_seed=split_seed,
        max_per_class=max_per_class,
        short_classes=short_classes or dataset.facts.short_classes,
    )
    with _lock(out, dataset.name):
        listing = dataset.listing()
        target = records_path(dataset, out)
        if target.exists() and _may_stay(dataset, target, listing, options):
            rejected = manifest.read(target)["rejected"]
            if strict and rejected:
                raise DataError(_tell(rejected))
            return target
        job = _Job(dataset, options, strict, workers, progress)
        return _replace(target, lambda folder: job.run(listing, folder))


def records_path(dataset: Dataset, out: Path) -> Path:
    """Return the folder of a dataset's records below `out`."""
    return out / dataset.name / VERSION


def _may_stay(
    dataset: Dataset, target: Path, listing: Listing, options: Options
) -> bool:
    """Whether records answer to what is asked; False where they are to be made again.

    Raises
    ------
    DataError
        If they are of another plan.
    """
    found = manifest.read(target)
    asked = {**dataclasses.asdict(options), "converter": CONVERTER}
    differs = [name for name in asked if found[name] != asked[name]]
    asked["fingerprint"] = listing.fingerprint
    if found["fingerprint"] != listing.fingerprint:
        if dataset.facts.may_change and not differs:
            warnings.warn(
                f"The files of {dataset.spec} have changed; converting them again.",
                stacklevel=4,
            )
            return False
        differs.append("fingerprint")
    if differs:
        told = ", ".join(
            f"{name} {found[name]!r} instead of {asked[name]!r}" for name in differs
        )
        raise DataError(
            f"{str(target)!r} holds records of another plan ({told}); choose another "
            "--out, or delete that folder."
        )
    return True


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    dataset: Dataset
    options: Options
    strict: bool
    workers: int | None
    progress: Progress | None

    def run(self, listing: Listing, folder: Path) -> Path:
        """Plan and write, again without each image that proves to be undecodable."""
        rejected: dict[str, str] = {}
        while True:
            plan = self._plan(listing, rejected)
            try:
                return self._write(plan, listing.fingerprint, rejected, folder)
            except _Rejects as rejects:
                if self.strict:
                    raise DataError(_tell(rejects.reasons)) from None
                warnings.warn(
                    f"{_tell(rejects.reasons)} Left out; planning again.", stacklevel=6
                )
                rejected |= rejects.reasons

    def _plan(self, listing: Listing, rejected: Mapping[str, str]) -> Plan:
        items = tuple(item for item in listing.items if item.path not in rejected)
        return make_plan(
            dataclasses.replace(listing, items=items),
            self.dataset.facts,
            name=self.dataset.name,
            split_seed=self.options.split_seed,
            max_per_class=self.options.max_per_class,
            short_classes=self.options.short_classes,
        )

    def _write(
        self, plan: Plan, fingerprint: str, rejected: Mapping[str, str], folder: Path
    ) -> Path:
        from kerastransfer.records import builder  # TFDS: once the plan holds

        total = sum(len(plan.places(split)) for split in SPLITS)
        told = manifest.describe(
            self.dataset,
            plan,
            self.options,
            fingerprint=fingerprint,
            rejected=rejected,
        )
        encoder = Encoder(
            self.dataset.read,
            self.options.image_size,
            images=total,
            workers=self.workers,
        )
        with encoder:
            return builder.write(
                plan,
                _Images(plan, encoder, total, self.progress),
                description=self.dataset.facts.description,
                metadata=told,
                folder=folder,
            )


class _Images:
    """Encodes a plan's images for the builder; gathers those that cannot be decoded."""

    def __init__(
        self, plan: Plan, encoder: Encoder, total: int, progress: Progress | None
    ) -> None:
        self.plan, self.encoder = plan, encoder
        self.total, self.progress = total, progress
        self.done = 0
        self.reasons: dict[str, str] = {}

    def __call__(self, split: str) -> Iterator[tuple[int, Encoded]]:
        """Yield a split's images; from the first undecodable one on, only look.

        Raises
        ------
        _Rejects
            At the end, if an image of this split or a later one cannot be decoded.
        """
        for position, result in self._encode(split):
            if not self.reasons and isinstance(result, Encoded):
                yield position, result
        if self.reasons:
            for later in SPLITS[SPLITS.index(split) + 1 :]:
                for _ in self._encode(later):
                    pass
            raise _Rejects(self.reasons)

    def _encode(self, split: str) -> Iterator[tuple[int, Encoded | Rejected]]:
        paths = [place.path for place in self.plan.places(split)]
        for position, result in self.encoder(paths):
            if isinstance(result, Rejected):
                self.reasons[paths[position]] = result.reason
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)
            yield position, result


def _tell(reasons: Mapping[str, str]) -> str:
    """Name images that cannot be decoded, and why."""
    named = [f"{path!r}: {reasons[path]}" for path in sorted(reasons)[:_NAMED]]
    more = f"; and {len(reasons) - _NAMED:,} more" if len(reasons) > _NAMED else ""
    return f"{len(reasons):,} images cannot be decoded ({'; '.join(named)}{more})."


@contextlib.contextmanager
def _lock(out: Path, name: str) -> Iterator[None]:
    """Let one process at a time convert a dataset; a dead one's lock is gone."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            warnings.warn(
                f"Another process converts {name}; waiting for it.", stacklevel=4
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace(target: Path, write: Callable[[Path], Path]) -> Path:
    """Write beside `target`, then move there; under the lock.

    TFDS has an incomplete folder of its own within; the one here is found again after
    a killed run, and also keeps the old records until the new ones are whole.
    """
    staging = target.parent.parent / f".{target.parent.name}.incomplete"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        made = write(staging)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.replace(staging / "old")
        made.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target
