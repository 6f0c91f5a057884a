"""Where a user's own images are: kept beside records, so that no record tells it.

Records may be published, and the folders of whoever made them are nobody's business.
``metadata.json`` names files and folders alone; their places are in a hidden file
beside the records' folder, from which they can be read again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.foundation import atomic, json_file

_KINDS = ("folder", "csv", "parquet")  # whose specs name a place
_PATHS = ("spec", "image_folder")  # of what metadata say, that which may be a place


def without_place(text: str) -> str:
    """Return a spec or a path without the folders in which it is.

    >>> without_place("csv:/home/ann/birds.csv")
    'csv:birds.csv'
    >>> without_place("digits"), without_place("tfds:mnist"), without_place("images/a")
    ('digits', 'tfds:mnist', 'images/a')
    """
    kind, colon, path = text.partition(":")
    if colon and Path(path).is_absolute():
        return f"{kind}:{Path(path).name}"
    return Path(text).name if Path(text).is_absolute() else text


def is_bare(spec: str) -> bool:
    """Whether a spec lacks the place of a user's own images."""
    kind, colon, path = spec.partition(":")
    return bool(colon) and kind in _KINDS and not Path(path).is_absolute()


def published(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without places."""
    texts = {name: metadata.get(name) for name in _PATHS}
    bare = {
        name: without_place(text)
        for name, text in texts.items()
        if isinstance(text, str)
    }
    return {**metadata, **bare}


def write(records: Path, dataset: Dataset) -> None:
    """Keep a dataset's places beside its records."""
    values = {"spec": dataset.spec, **dataset.options}
    places = {
        name: value
        for name, value in values.items()
        if published(values)[name] != value
    }
    if places:
        atomic.write_json(_file(records), places)
    else:
        _file(records).unlink(missing_ok=True)


def read(records: Path) -> dict[str, str]:
    """Return what `write` kept; nothing where records came from elsewhere."""
    try:
        places = json_file.read_object(_file(records))
    except (OSError, ValueError):
        return {}
    return {
        name: value
        for name, value in places.items()
        if name in _PATHS and isinstance(value, str)
    }


def _file(records: Path) -> Path:
    """Return the hidden file of the records in ``HOME/NAME/1.0.0``."""
    return records.parents[1] / f".{records.parent.name}.place.json"
