"""Whether a dataset is what was published, and records are what is asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from kerastransfer.datasets import class_counts
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.read_options import ArchiveState
from kerastransfer.errors import DataError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import manifest
from kerastransfer.records.manifest import Options
from kerastransfer.records.shards import FORMATS, read_format, read_lengths
from kerastransfer.records.write.encoding import tell


def differences(dataset: Dataset, listing: Listing) -> list[str]:
    """Say in what a listing differs from what was published.

    Parameters
    ----------
    listing : Listing
        Of it.

    Returns
    -------
    list of str
        Sentences; none where all agrees or nothing was published.
    """
    sentences = []
    if listing.lacking:
        names = ", ".join(map(repr, listing.lacking))
        all_of_them = sum(part.holds == "images" for part in dataset.info.parts)
        sentences.append(
            f"{len(listing.lacking)} of {all_of_them} archives of {dataset.name} are "
            f"not there: {names}."
        )
    labels = [item.label for item in listing.items]
    counts: Sequence[int] = np.bincount(labels, minlength=len(listing.classes)).tolist()
    counted = class_counts.differences(
        dataset.name,
        dataset.published_counts,
        listing.classes,
        counts,
        listed=dataset.info.listed,
    )
    return [*sentences, counted] if counted else sentences


def check_published(sentences: Sequence[str], *, strict: bool) -> None:
    """Warn of differences from what was published, or refuse them.

    Raises
    ------
    DataError
        If there are any and `strict` is true.
    """
    if sentences and strict:
        raise DataError(
            f"{' '.join(sentences)} Leave --strict out to take what there is."
        )
    for sentence in sentences:
        report.warn(sentence)


def check_missing(listing: Listing, *, strict: bool) -> None:
    """Refuse a listing that lacks images of which only the names are there.

    Raises
    ------
    DataError
        If there are any and `strict` is true.
    """
    if strict and listing.missing:
        kinds = ", ".join(
            f"{count:,} {kind}" for kind, count in listing.missing.items()
        )
        raise DataError(
            f"Images are lost ({kinds}); restore them, or leave --strict out to go on "
            "without them."
        )


def check_archives(
    dataset: Dataset, archives: Iterable[ArchiveState], *, verify: bool
) -> None:
    """Warn of archives that are not the published ones, or refuse them.

    Raises
    ------
    DataError
        If there are any and `verify` is true.
    """
    archives = tuple(archives)
    wrong = [
        f"{quoted(each.name)}: {each.differs}" for each in archives if each.differs
    ]
    if wrong:
        message = f"Not the published archives of {dataset.name} ({'; '.join(wrong)})"
        if verify:
            raise DataError(f"{message}; get them again, or leave --verify out.")
        report.warn(f"{message}; they are taken as they are.")
    unsure = [
        f"{quoted(each.name)}: {each.unverified}"
        for each in archives
        if each.unverified
    ]
    if verify and unsure:
        report.warn(
            f"Not all of {dataset.name} could be verified ({'; '.join(unsure)})."
        )


def is_stamped(dataset: Dataset, target: Path, options: Options, stamp: str) -> bool:
    """Whether records are of archives that lie there as they did.

    Parameters
    ----------
    target : Path
        The records.
    options : Options
        That are asked for.
    stamp : str
        Of the archives now; see `Source.stamp`.
    """
    metadata = manifest.read(target)
    asked = manifest.asked(dataset, options)
    same = not manifest.differing(metadata, asked)
    return bool(stamp) and metadata["stamp"] == stamp and same


def may_stay(
    dataset: Dataset, target: Path, options: Options, listing: Listing
) -> bool:
    """Whether records answer to what is asked; False where they are to be made again.

    Raises
    ------
    DataError
        If they are of another plan.
    """
    metadata = manifest.read(target)
    asked = manifest.asked(dataset, options)
    differs = manifest.differing(metadata, asked)
    asked["fingerprint"] = listing.fingerprint
    if metadata["fingerprint"] != listing.fingerprint:
        if dataset.info.may_change and not differs:
            report.warn(
                f"The files of {dataset.spec} have changed; converting them again."
            )
            return False
        differs.append("fingerprint")
    if differs:
        raise _another(
            target,
            (
                f"{name} {quoted(metadata[name])} instead of {quoted(asked[name])}"
                for name in differs
            ),
        )
    return True


def check_kept(
    target: Path,
    *,
    strict: bool,
    shards: int | None,
    file_format: str | None = None,
) -> None:
    """Refuse records that stay as they are, where they are not what is asked for.

    Raises
    ------
    DataError
        If `strict` is true and they differ from what was published or lack images that
        could not be decoded; or if they have another number of shards, or are files of
        another format.
    """
    metadata = manifest.read(target)
    check_published(metadata["differences"] if strict else [], strict=strict)
    if strict and metadata["rejected"]:
        raise DataError(tell(metadata["rejected"]))
    if shards is not None:
        path = target / "dataset_info.json"
        lengths = read_lengths(manifest.read_json(path), path)
        counts = {len(each) for each in lengths.values()}
        if counts != {shards}:
            held = " or ".join(map(str, sorted(counts)))
            raise _another(target, [f"shards {held} instead of {shards}"])

    if file_format not in (None, format_of(target)):
        raise _another(target, [f"format {format_of(target)} instead of {file_format}"])


def format_of(target: Path) -> str:
    """Return the format of records' files; TFRecord where there are none."""
    path = target / "dataset_info.json"
    if not system.is_file(path):
        return FORMATS[0]
    return read_format(manifest.read_json(path), path)


def _another(target: Path, differs: Iterable[str]) -> DataError:
    return DataError(
        f"{quoted(target)} holds records of another plan ({', '.join(differs)}); "
        "choose another --out, or delete that folder; 'train --records DIR' takes "
        "records from where they are."
    )
