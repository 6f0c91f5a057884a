"""Images in: `load`, `convert` and `inspect`."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerastransfer.api.given import (
    Data,
    Location,
    converted_path,
    dataset_of,
    folder_of,
    records_folder_of,
)
from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.default import default_backbone
from kerastransfer.backbones.preprocessing import kept_part
from kerastransfer.datasets import table as datasets
from kerastransfer.errors import MissingError
from kerastransfer.foundation import system
from kerastransfer.foundation.progress import A_WHILE, progress, stages
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import manifest
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.reader import (
    Records,
    open_records,
)
from kerastransfer.records.remembered import refuse_other_options

if TYPE_CHECKING:
    from kerastransfer.records.health.inspect_report import InspectReport
    from kerastransfer.records.health.verification import Verification
    from kerastransfer.records.prepare import Prepared
    from kerastransfer.records.split.quotas import MaxPerClass


def load(
    data: Data,
    *,
    archives: Location | None = None,
    records: Location | None = None,
    **options: Any,
) -> Records:
    """Open a dataset's records; convert it first where its images are at hand.

    Parameters
    ----------
    data : str, path, pandas.DataFrame or pair of arrays
        As for `train`.
    archives : path, optional
        Folder of the dataset's published files.
    records : path, optional
        Folder of converted datasets; by default ``$KERASTRANSFER_HOME/records``.
    **options
        Of the dataset itself, such as ``label_column="species"`` of a table or
        ``exclude="masks/"`` of a folder; by default those that its records were made
        with, which must be the same.

    Raises
    ------
    MissingError
        If there are no records and the images are not at hand.
    DataError
        If the images or the records cannot be used.
    """
    dataset = dataset_of(data, archives, options, records)
    opened = find_or_convert(dataset, records_folder_of(data, records))
    refuse_other_options(dataset, opened.metadata, opened.path)
    return opened


def convert(
    data: Data,
    *,
    archives: Location | None = None,
    download: bool = False,
    out: Location | None = None,
    image_size: int | None = None,
    split_seed: int = 0,
    max_per_class: "MaxPerClass" = None,
    short_classes: str | None = None,
    white_level: int | float | str | None = None,
    background: str | None = None,
    strict: bool = False,
    verify: bool = False,
    inspect: bool = True,
    workers: int | None = None,
    shards: int | None = None,
    format: str | None = None,
    **options: Any,
) -> "Prepared":
    """Write a dataset's images as TFRecords, in splits.

    Records of the same plan that are there already are left as they are.

    Parameters
    ----------
    data : str, path, pandas.DataFrame or pair of arrays
        As for `train`.
    archives : path, optional
        Folder of the dataset's published files.
    download : bool
        Whether to get those that are public first.
    out : path, optional
        Folder of converted datasets; by default ``$KERASTRANSFER_HOME/records``.
    image_size : int, optional
        Shorter side that larger images are shrunk to, in pixels; by default 256.
    split_seed : int
        What the draw of the splits follows from.
    max_per_class : int or 'all', optional
        Most training images of each class; by default the largest published size.
    short_classes : {'error', 'cap', 'drop'}, optional
        What becomes of classes with too few images; by default the dataset's own rule.
    white_level : int, float or 'auto', optional
        The value that is white in images deeper than 8 bits; by default what follows
        from the values of all of them, one for the whole dataset.
    background : str, optional
        What transparent images are set on: ``white``, ``black`` or ``#rrggbb``; by
        default white.
    strict, verify : bool
        Whether images that cannot be decoded or differ from the published ones, and
        archives that are not the published ones, are errors and not warnings.
    inspect : bool
        Whether to look for duplicates and leaks in new records.
    workers, shards : int, optional
        Processes that encode, and files for each split.
    format : {'tfrecord', 'array_record'}, optional
        Of the files; by default that of records that are there, else TFRecord. The
        other one also serves ``tfds.data_source``, in any order.
    **options
        Of the dataset itself, such as ``group="quadrat"`` of coral, or
        ``exclude=["masks/", "*_thumb.jpg"]`` of a folder.

    Returns
    -------
    Prepared
        Prints what the records hold; its ``records`` are what `load` returns.
    """
    from kerastransfer.records.prepare import prepare

    return prepare(
        dataset_of(data, archives, options, out),
        folder_of(out),
        download=download,
        inspect=inspect,
        workers=workers,
        image_size=image_size,
        split_seed=split_seed,
        max_per_class=max_per_class,
        short_classes=short_classes,
        white_level=white_level,
        background=background,
        strict=strict,
        verify=verify,
        shards=shards,
        file_format=format,
    )


def inspect(
    data: Data,
    *,
    backbone: str | None = None,
    records: Location | None = None,
    workers: int | None = None,
    verify: bool = False,
    **options: Any,
) -> "InspectReport | Verification":
    """Look for duplicates, leaks between splits, short classes and damaged images.

    Parameters
    ----------
    data : str, path, pandas.DataFrame, pair of arrays, or Records
        A dataset, a folder of records, or the name of records that
        ``kerastransfer datasets`` lists.
    backbone : str, optional
        Whose centre crop is looked at; by default that of `train`.
    records : path, optional
        Folder of converted datasets; by default ``$KERASTRANSFER_HOME/records``.
    workers : int, optional
        Processes that look at images; by default one for each core.
    verify : bool
        Whether every record is held against its checksum instead: all damaged ones
        are named, where anything else stops at the first.
    **options
        Of the dataset itself, such as ``exclude="masks/"`` of a folder.
    """
    from kerastransfer.records.health import inspect_report, verification

    opened = _records_of(data, records, options)
    if verify:
        with stages() as stage:
            return verification.verify(opened, stage("Checking", after=A_WHILE))
    network = backbones.get(backbone or default_backbone(opened.name))
    kept = functools.partial(kept_part, network.preprocessing)
    with progress("Looking") as show:
        return inspect_report.inspect(
            opened, kept, backbone=network.name, workers=workers, progress=show
        )


def _records_of(
    data: Data, records: Location | None, options: Mapping[str, Any]
) -> Records:
    if isinstance(data, Records):
        return data
    converted = converted_path(data, records)
    if converted is not None and data not in datasets.DATASETS:
        return open_records(converted)
    folder = Path(data) if isinstance(data, str | Path) else Path()
    if system.is_file(folder / "metadata.json"):
        return open_records(folder)
    whole = folder / manifest.VERSION
    if isinstance(data, str | Path) and system.is_file(whole / "metadata.json"):
        return open_records(whole)
    if isinstance(data, str | Path) and _is_no_source(folder):
        raise MissingError(
            f"Expected records in {quoted(data)}, such as "
            f"{quoted(folder / 'digits' / '1.0.0')}, and it holds no 'metadata.json'."
        )
    return load(data, records=records, **options)


def _is_no_source(folder: Path) -> bool:
    """Whether a folder is there, and holds records or nothing, but no images."""
    if not system.is_folder(folder):
        return False
    within = [path for path in folder.iterdir() if not path.name.startswith(".")]
    versions = (path / manifest.VERSION for path in within)
    return not within or any(map(system.is_folder, versions))
