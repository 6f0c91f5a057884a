"""Conversion: a dataset's images to records, whole or not at all."""

from pathlib import Path

from kerastransfer.datasets.dataset import Dataset, ShortClasses
from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.errors import InputError
from kerastransfer.foundation import system
from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import place
from kerastransfer.records.images.rendering import (
    WhiteLevel,
    read_background,
    read_white_level,
)
from kerastransfer.records.manifest import VERSION, Options
from kerastransfer.records.shards import FORMATS
from kerastransfer.records.split.quotas import MaxPerClass
from kerastransfer.records.write import checks, publishing
from kerastransfer.records.write.conversion import Conversion

_CURE = "or choose another --out. Nothing was left behind."  # of a full disk
_IMAGE_SIZE = 256  # pixels of a shorter side


def convert(
    dataset: Dataset,
    out: Path,
    *,
    image_size: int | None = None,
    split_seed: int = 0,
    max_per_class: MaxPerClass = None,
    short_classes: ShortClasses | None = None,
    white_level: WhiteLevel | None = None,
    background: str | None = None,
    strict: bool = False,
    verify: bool = False,
    workers: int | None = None,
    shards: int | None = None,
    file_format: str | None = None,
    progress: OnProgress | None = None,
    reading: OnProgress | None = None,
    writing: OnProgress | None = None,
) -> Path:
    """Write a dataset's records to ``out/<name>/1.0.0``.

    They appear once they are whole; what a killed run has left is removed by the next.
    Images that cannot be decoded are named in a warning and left out, and the plan is
    made without them. Records of the same plan are left as they are. Those of a user's
    own files are made again when the files have changed.

    Parameters
    ----------
    image_size : int, optional
        The shorter side that larger images are shrunk to, in pixels; None for 256. It
        does not go with a dataset of patches.
    split_seed : int
        Decides who is in which split; nothing to do with a training seed.
    max_per_class : int, 'all' or None
        Training images per class to keep at most; None for the largest published size.
    short_classes : {'error', 'cap', 'drop'}, optional
        See `plan.make_plan`; None for what the dataset's facts say.
    white_level : int, float or 'auto', optional
        The value that is white in images deeper than 8 bits; None and ``auto`` for
        what follows from the values of all images, see `white_levels`.
    background : str, optional
        What transparent images are set on: ``white``, ``black`` or ``#rrggbb``; None
        for white.
    strict : bool
        Whether an image that cannot be decoded, and a dataset that does not hold what
        was published, is an error and not a warning; also of records that are there.
    verify : bool
        Whether an archive that is not the published one is an error. Those of up to
        4 GiB are hashed in any case. Also where records are there.
    workers : int, optional
        Processes that encode; None for as many as there are cores.
    shards : int, optional
        Files a split; None for as many as their size asks for.
    file_format : {'tfrecord', 'array_record'}, optional
        Of the files; None for that of records that are there, else TFRecord.
    progress : callable, optional
        Told how many images are encoded, and of how many.
    reading : callable, optional
        Told how many bytes of the archives are read, and of how many, before that.
    writing : callable, optional
        Told how many images are written, and of how many; never where records are left
        as they are.

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
    _check_arguments(dataset, image_size, shards, file_format)
    options = Options(
        image_size=image_size or _IMAGE_SIZE,
        split_seed=split_seed,
        max_per_class=max_per_class,
        short_classes=short_classes or dataset.info.short_classes,
        white_level=read_white_level(white_level),
        background=read_background(background),
    )
    watch = ReadOptions(hashed=verify, progress=reading)
    dataset.source.check()
    full = system.telling_of_full_disk(out, _CURE)
    with publishing.lock(out, dataset.name), full:
        target = records_path(dataset, out)
        # Taken before anything is read: what changes from now on is seen.
        stamp = dataset.source.stamp()
        if target.exists() and checks.is_stamped(dataset, target, options, stamp):
            if verify:
                archives = dataset.source.archives(watch)
                checks.check_archives(dataset, archives, verify=True)
            checks.check_kept(
                target, strict=strict, shards=shards, file_format=file_format
            )
            return target
        listing = dataset.listing(watch)
        checks.check_archives(dataset, listing.archives, verify=verify)
        if target.exists() and checks.may_stay(dataset, target, options, listing):
            checks.check_kept(
                target, strict=strict, shards=shards, file_format=file_format
            )
            return target
        checks.check_missing(listing, strict=strict)
        differences = checks.differences(dataset, listing)
        checks.check_published(differences, strict=strict)
        job = Conversion(
            dataset=dataset,
            options=options,
            strict=strict,
            workers=workers,
            shards=shards,
            file_format=file_format or checks.format_of(target),
            stamp=stamp,
            differences=differences,
            encoding=progress,
            writing=writing,
        )
        publishing.replace(target, lambda folder: job.run(listing, folder))
        place.write(target, dataset)
        return target


def records_path(dataset: Dataset, out: Path) -> Path:
    """Return the folder of a dataset's records below `out`."""
    return out / dataset.name / VERSION


def _check_arguments(
    dataset: Dataset,
    image_size: int | None,
    shards: int | None,
    file_format: str | None,
) -> None:
    if image_size is not None and "patch_size" in dataset.options:
        raise InputError(
            f"--image-size does not go with {quoted(dataset.spec)}, whose images are "
            "patches of --patch-size; leave it out."
        )
    if image_size is not None and image_size < 1:
        raise InputError(f"Expected image_size of at least 1, got {image_size}.")
    if shards is not None and shards < 1:
        raise InputError(f"Expected shards of at least 1, got {shards}.")
    if file_format not in (None, *FORMATS):
        raise InputError(
            f"Expected --format to be {' or '.join(FORMATS)}, got "
            f"{quoted(file_format)}."
        )
