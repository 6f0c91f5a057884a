"""A dataset's own options, against those that its records were made with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.datasets import table
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import DataError


def refuse_other_options(
    dataset: Dataset, path: Path, metadata: Mapping[str, Any]
) -> None:
    """Refuse records that were made with other options than those that are given.

    Parameters
    ----------
    path : Path
        Of the records, for the message.
    metadata : mapping
        Theirs.

    Raises
    ------
    DataError
        If they were.
    """
    for name, value in dataset.options.items():
        held = metadata[name]
        if value not in (None, False) and dataset.info.may_change and held != value:
            raise DataError(
                f"{str(path)!r} holds records of another plan ({name} {held!r} "
                f"instead of {value!r}); delete that folder, or name another one."
            )


def read_as_before(dataset: Dataset, metadata: Mapping[str, Any]) -> Dataset:
    """Return a dataset with its records' options, where the user says nothing of any.

    A table whose columns were named once, or a folder of which patterns left something
    out, is then read so again.
    """
    options = {name: metadata[name] for name in dataset.options}
    said = any(value not in (None, False) for value in dataset.options.values())
    if said or dict(dataset.options) == options:
        return dataset
    return table.resolve(dataset.spec, options=options)
