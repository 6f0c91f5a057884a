"""What a Python caller may hand in, brought to what the rooms below take."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.config.train_config import TrainConfig
from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.own import given
from kerastransfer.distribution.choice import Choice
from kerastransfer.errors import UnknownNameError
from kerastransfer.foundation import system
from kerastransfer.foundation.home import records_home
from kerastransfer.records import manifest, place
from kerastransfer.records.reader import Records

# A name, folder:DIR, csv:FILE, tfds:NAME, parquet:PATH, a path, a pandas frame, two
# arrays, records.
Data = Any
Location = str | Path


def dataset_of(
    data: Data,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
    records: Location | None = None,
) -> Dataset:
    """Return the dataset that was named, given or converted before.

    Parameters
    ----------
    options : mapping of str to value, optional
        Of the dataset itself, such as ``{"exclude": "masks/"}`` of a folder.
    records : path, optional
        Folder of converted datasets, whose names count too.
    """
    if isinstance(data, Records) and data.dataset is not None:
        return data.dataset
    try:
        return datasets.resolve(data, path_of(archives), options)
    except UnknownNameError:
        converted = converted_path(data, records)
        if converted is None:
            raise
        spec = manifest.read(converted)["spec"]
        if place.is_bare(spec):
            return given.elsewhere(str(data), spec)
        return datasets.resolve(spec, path_of(archives), options)


def converted_path(data: Data, records: Location | None = None) -> Path | None:
    """Return where the records are that ``kerastransfer datasets`` lists by a name.

    None where there are none.
    """
    if not isinstance(data, str) or not data.isidentifier():
        return None
    path = (path_of(records) or records_home()) / data / manifest.VERSION
    return path if system.is_file(path / "metadata.json") else None


def records_folder_of(data: Data, records: Location | None) -> Path | None:
    """Return the folder of converted datasets; that of records that were given."""
    if isinstance(data, Records):
        return data.path.parents[1]
    return folder_of(records)


def choice_of(devices: int | Choice | None) -> Choice:
    """Return which devices are meant."""
    return devices if isinstance(devices, Choice) else Choice(devices=devices)


def path_of(location: Location | None) -> Path | None:
    """Return a path of either kind."""
    return None if location is None else Path(location)


def folder_of(location: Location | None) -> Path | None:
    """Return a folder that TensorFlow is to open; see `system.utf8`."""
    return None if location is None else system.utf8(Path(location))


def settings_of(
    config: TrainConfig | Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    **named: Any,
) -> dict[str, Any]:
    """Return the settings of a config, with those that were given instead of them.

    Parameters
    ----------
    settings : mapping
        Given as keywords; they go before all others.
    **named
        Parameters that are settings; None where they were not given.
    """
    kept = config.as_dict() if isinstance(config, TrainConfig) else config or {}
    given = {name: value for name, value in named.items() if value is not None}
    return {**kept, **given, **settings}
