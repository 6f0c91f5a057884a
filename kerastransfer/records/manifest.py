"""What records say of themselves: TFDS's ``metadata.json``, written and checked."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerastransfer.datasets.dataset import Dataset, ShortClasses
from kerastransfer.datasets.listing import Listing
from kerastransfer.datasets.option import OptionValue
from kerastransfer.datasets.table import declared_options
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation import json_file, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import place
from kerastransfer.records.images.rendering import AUTO, WHITE, Rendering, WhiteLevel
from kerastransfer.records.metadata_checks import CHECKS
from kerastransfer.records.split.group_counts import GroupCounts, are_group_counts
from kerastransfer.records.split.overview import origins
from kerastransfer.records.split.plan import SPLITS, SplitPlan
from kerastransfer.records.split.quotas import MaxPerClass

VERSION = "1.0.0"  # of the layout, as TFDS wants one
CONVERTER = 3  # raised when the format of records or of their metadata changes
_LARGEST = 1 << 29  # bytes; four draws of ten million images fit


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a user may choose of a conversion's outcome.

    Parameters
    ----------
    image_size : int
        The shorter side of larger images, in pixels.
    max_per_class : int, 'all' or None
        See `plan.make_plan`.
    short_classes : {'error', 'cap', 'drop'}
    white_level : int, float or 'auto'
        The value that is white in deep images.
    background : str
        What transparent images are set on, ``#rrggbb``.
    """

    image_size: int
    split_seed: int
    max_per_class: MaxPerClass
    short_classes: ShortClasses
    white_level: WhiteLevel = AUTO
    background: str = WHITE


OPTIONS = tuple(field.name for field in dataclasses.fields(Options))
# What records of earlier versions do not say: they held 65,535 for white, and dropped
# transparency, whether there was any or not.
_UNSAID = ("white_level", "background", "white", "images")
# Nor these, which decide no image.
_LATER: dict[str, Any] = {"origins": {}, "notes": [], "groups": None}


def describe(
    dataset: Dataset,
    plan: SplitPlan,
    options: Options,
    *,
    listing: Listing,
    rejected: Mapping[str, str],
    differences: Sequence[str],
    stamp: str,
    ungrouped: Mapping[str, int] | None,
    rendering: Rendering,
    images: Mapping[str, int],
) -> dict[str, Any]:
    """Gather what the records of a plan say of themselves.

    Parameters
    ----------
    options : Options
        Those that the plan was made with.
    listing : Listing
        What was listed before anything was left out.
    rejected : mapping of str to str
        Paths of images that cannot be decoded, and why.
    differences : sequence of str
        From what was published.
    stamp : str
        See `kerastransfer.datasets.dataset.ImageSource`.
    ungrouped : mapping of str to int or None
        Images a split would hold if groups were not kept together; None without any.
    rendering : Rendering
        How deep and transparent images were rendered.
    images : mapping of str to int
        How many of the records' images have each note.

    Returns
    -------
    dict
        Fit for JSON.
    """
    groups = GroupCounts.of_plan(plan)
    said = {
        "dataset": dataset.name,
        "spec": dataset.spec,
        "classes": list(plan.classes),
        "counts": plan.counts,
        **asked(dataset, options),
        "variant_sizes": list(dataset.info.variant_sizes),
        "mirror_keeps_class": dataset.info.mirror_keeps_class,
        "short": dict(plan.short),
        "white": rendering.levels,
        "images": dict(images),
        "rejected": dict(rejected),
        "ignored": dict(listing.ignored),
        "archives": [dataclasses.asdict(archive) for archive in listing.archives],
        "differences": list(differences),
        "origins": origins(listing, dataset.info),
        "notes": list(listing.notes),
        "ungrouped": None if ungrouped is None else dict(ungrouped),
        "groups": None if groups is None else groups.as_dict(),
        "fingerprint": listing.fingerprint,
        "stamp": stamp,
        "plan_hash": plan.hash,
        "draws": [draw.tolist() for draw in plan.draws],
    }
    return place.published(said)


def asked(dataset: Dataset, options: Options) -> dict[str, Any]:
    """Return what decides which records a source gives, beside the source itself."""
    return {
        **dataclasses.asdict(options),
        **_absent_options(),
        **dataset.options,
        "converter": CONVERTER,
    }


def differing(metadata: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Name the options in which records are not what is asked for.

    Parameters
    ----------
    metadata : mapping
        As `read` returns it.
    asked : mapping
        As the function of that name returns it.
    """
    unsaid = {name for name in _UNSAID if metadata[name] is None}
    names = (name for name in asked if metadata[name] != asked[name])
    return [name for name in names if name not in unsaid]


def _absent_options() -> dict[str, OptionValue]:
    """Return what records of a dataset without any options say of all options."""
    return {name: declared[0].absent for name, declared in declared_options().items()}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size.

    Raises
    ------
    MissingError
        If the file is not there.
    DataError
        If it is not a JSON object.
    """
    if not system.is_file(path):
        raise MissingError(
            f"Expected records in {quoted(path.parent)}, but it holds no "
            f"{quoted(path.name)}."
        )
    try:
        return json_file.read_object(path, _LARGEST)
    except json_file.JsonDamageError as error:
        raise DataError(
            f"Expected a JSON object in {quoted(path)}, but {error}; convert the "
            "dataset again."
        ) from None


def read(folder: Path) -> dict[str, Any]:
    """Read and check what records say of themselves.

    Raises
    ------
    MissingError
        If the folder holds no records.
    DataError
        If they are not kerastransfer's or are damaged.
    """
    path = folder / "metadata.json"
    metadata = dict.fromkeys(_UNSAID) | _LATER | _absent_options()
    metadata |= read_json(path) | place.read(folder)
    release = metadata.get("converter")
    if "plan_hash" in metadata and release != CONVERTER:
        raise DataError(
            f"The records in {quoted(folder)} were made by another release of "
            f"kerastransfer (converter {quoted(release)}, not {CONVERTER}); "
            "delete that folder and convert again."
        )
    for name, holds in CHECKS.items():
        if name not in metadata:
            raise DataError(
                f"File {quoted(path)} lacks {quoted(name)}; are these records that "
                "kerastransfer converted?"
            )
        if not holds(metadata[name]):
            raise DataError(f"File {quoted(path)} holds a damaged {quoted(name)}.")
    for name, declared in declared_options().items():
        if not declared[0].is_valid(metadata[name]):
            raise DataError(f"File {quoted(path)} holds a damaged {quoted(name)}.")
    _check_sizes(metadata, path)
    return metadata


def content_hash(metadata: Mapping[str, Any]) -> str:
    """Return the identity of records: their plan, classes and every image's bytes."""
    named = (metadata[name] for name in ("plan_hash", "bytes_hash", "classes"))
    return hashlib.sha256(json.dumps(list(named)).encode()).hexdigest()


def _check_sizes(metadata: Mapping[str, Any], path: Path) -> None:
    classes, counts = metadata["classes"], metadata["counts"]
    said = [metadata[name] is not None for name in _UNSAID]
    if any(said) and not all(said):
        raise DataError(f"File {str(path)!r} lacks {_UNSAID[said.index(False)]!r}.")
    if any(len(counts[split]) != len(classes) for split in SPLITS):
        raise DataError(f"File {quoted(path)} holds a damaged 'counts'.")
    groups = metadata["groups"]
    if groups is not None and not are_group_counts(groups, len(classes)):
        raise DataError(f"File {quoted(path)} holds a damaged 'groups'.")
    size = sum(counts["train"])
    for draw in metadata["draws"]:
        if len(draw) != size or not np.array_equal(np.sort(draw), np.arange(size)):
            raise DataError(f"File {quoted(path)} holds a damaged 'draws'.")
