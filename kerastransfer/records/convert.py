"""Conversion: a dataset's images to records, whole or not at all."""

import contextlib
import errno
import fcntl
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kerastransfer.datasets import class_counts
from kerastransfer.datasets.facts import Archive, Dataset, ShortClasses
from kerastransfer.datasets.listing import Listing
from kerastransfer.errors import DataError, InputError
from kerastransfer.records import manifest
from kerastransfer.records.job import Job, Progress, tell
from kerastransfer.records.manifest import VERSION, Options
from kerastransfer.records.quotas import MaxPerClass


def convert(
    dataset: Dataset,
    out: Path,
    *,
    image_size: int = 256,
    split_seed: int = 0,
    max_per_class: MaxPerClass = None,
    short_classes: ShortClasses | None = None,
    strict: bool = False,
    verify: bool = False,
    workers: int | None = None,
    shards: int | None = None,
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
        Whether an image that cannot be decoded, and a dataset that does not hold what
        was published, is an error and not a warning.
    verify : bool
        Whether an archive that is not the published one is an error. Those of up to
        4 GiB are hashed in any case.
    workers : int, optional
        Processes that encode; None for as many as there are cores.
    shards : int, optional
        Files a split; None for as many as their size asks for.
    progress : callable, optional
        Told how many images are encoded, and of how many.

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
        If they cannot be used, the disk is full, or the folder holds records of another
        plan.
    """
    if image_size < 1:
        raise InputError(f"Expected image_size of at least 1, got {image_size}.")
    if shards is not None and shards < 1:
        raise InputError(f"Expected shards of at least 1, got {shards}.")
    options = Options(
        image_size=image_size,
        split_seed=split_seed,
        max_per_class=max_per_class,
        short_classes=short_classes or dataset.facts.short_classes,
    )
    with _lock(out, dataset.name), _full_disk(out):
        target = records_path(dataset, out)
        if target.exists() and _is_stamped(dataset, target, options):
            return _unchanged(target, strict)
        listing = dataset.listing()
        if target.exists() and _may_stay(dataset, target, listing, options):
            return _unchanged(target, strict)
        _check_published(dataset, listing, strict)
        job = Job(
            dataset=dataset,
            options=options,
            strict=strict,
            workers=workers,
            shards=shards,
            archives=_check_archives(dataset, verify),
            progress=progress,
        )
        return _replace(target, lambda folder: job.run(listing, folder))


def records_path(dataset: Dataset, out: Path) -> Path:
    """Return the folder of a dataset's records below `out`."""
    return out / dataset.name / VERSION


def _unchanged(target: Path, strict: bool) -> Path:
    rejected = manifest.read(target)["rejected"]
    if strict and rejected:
        raise DataError(tell(rejected))
    return target


def _is_stamped(dataset: Dataset, target: Path, options: Options) -> bool:
    """Whether records are of archives that lie there as they did."""
    stamp = dataset.source.stamp()
    if not stamp:
        return False
    found = manifest.read(target)
    asked = manifest.asked(dataset, options)
    return found["stamp"] == stamp and all(found[name] == asked[name] for name in asked)


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
    asked = manifest.asked(dataset, options)
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


def _check_published(dataset: Dataset, listing: Listing, strict: bool) -> None:
    """Say where a listing does not hold what was published."""
    labels = [item.label for item in listing.items]
    counts: Sequence[int] = np.bincount(labels, minlength=len(listing.classes)).tolist()
    differs = class_counts.differences(dataset.name, listing.classes, counts)
    if differs and strict:
        raise DataError(differs)
    if differs:
        warnings.warn(differs, stacklevel=3)


def _check_archives(dataset: Dataset, verify: bool) -> tuple[Archive, ...]:
    """Look at the archives; say which are not the published ones."""
    archives = tuple(dataset.source.archives(hashed=verify))
    wrong = [f"{each.name!r}: {each.differs}" for each in archives if each.differs]
    if wrong:
        told = f"Not the published archives of {dataset.name} ({'; '.join(wrong)})"
        if verify:
            raise DataError(f"{told}; get them again, or leave --verify out.")
        warnings.warn(f"{told}; they are taken as they are.", stacklevel=3)
    return archives


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


@contextlib.contextmanager
def _full_disk(out: Path) -> Iterator[None]:
    """Say what a full disk means."""
    try:
        yield
    except Exception as error:
        if _is_full(error):
            raise DataError(
                f"No space is left where {str(out)!r} is; free some, or choose another "
                "--out. Nothing was left behind."
            ) from None
        raise


def _is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it stands for, is about a full disk.

    TensorFlow has an error of its own for it, which TFDS wraps in another.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return True
        if "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


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
