"""What a Python caller may hand in, brought to what the rooms below take."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.config.train_config import TrainConfig
from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.distribution.choice import Choice
from kerastransfer.records.reader import Records

# A name, folder:DIR, csv:FILE, tfds:NAME, parquet:PATH, a path, a pandas frame, two
# arrays, records.
Data = Any
Location = str | Path


def dataset_of(
    data: Data,
    archives: Location | None = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Return the dataset that was named, given or converted before."""
    if isinstance(data, Records) and data.dataset is not None:
        return data.dataset
    return datasets.resolve(data, path_of(archives), options)


def records_folder_of(data: Data, records: Location | None) -> Path | None:
    """Return the folder of converted datasets; that of records that were given."""
    if isinstance(data, Records):
        return data.path.parents[1]
    return path_of(records)


def choice_of(devices: int | Choice | None) -> Choice:
    """Return which devices are meant."""
    return devices if isinstance(devices, Choice) else Choice(devices=devices)


def path_of(location: Location | None) -> Path | None:
    """Return a path of either kind."""
    return None if location is None else Path(location)


def settings_of(config: TrainConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings that a config holds."""
    if isinstance(config, TrainConfig):
        return config.as_dict()
    return dict(config or {})


def without_none(**values: Any) -> dict[str, Any]:
    """Return the values that were given."""
    return {name: value for name, value in values.items() if value is not None}
