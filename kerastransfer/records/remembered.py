"""A dataset's own options, as its records remember them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.datasets import table
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import DataError
from kerastransfer.foundation.quoting import quoted


def read_as_before(dataset: Dataset, metadata: Mapping[str, Any]) -> Dataset:
    """Return a dataset with its records' options, where the user says nothing of any.

    A folder of which patterns left something out is then read so again.

    Parameters
    ----------
    metadata : mapping
        Of the records, as `manifest.read` returns it.
    """
    options = {name: metadata[name] for name in dataset.options}
    given = any(value not in (None, False) for value in dataset.options.values())
    if given or dict(dataset.options) == options:
        return dataset
    return table.resolve(dataset.spec, options=options)


def refuse_other_options(
    dataset: Dataset, metadata: Mapping[str, Any], path: Path
) -> None:
    """Refuse records of a user's own files that were made with other options.

    Parameters
    ----------
    path : Path
        Where the records are.

    Raises
    ------
    DataError
        If they were.
    """
    is_own = ":" in dataset.spec  # options of known datasets have other defaults
    for name, value in dataset.options.items():
        held = metadata[name]
        if value not in (None, False) and is_own and held != value:
            raise DataError(
                f"{quoted(path)} holds records of another plan ({name} {quoted(held)} "
                f"instead of {quoted(value)}); delete that folder, or name another one."
            )
