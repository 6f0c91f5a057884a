"""How far a run's images are from its source, where that was measured before."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kerastransfer.foundation import json_file
from kerastransfer.records.place import without_place

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run

# As `advice` keeps it in a run's folder, and a study beside its runs.
_ADVICE, _STUDY = "advice.json", "distances.json"


class Distance(NamedTuple):
    """The corrected cosine distance of block 7's mean responses, with its interval.

    Parameters
    ----------
    source : str
        What it is measured from; empty for what the weights tell of their images.
    """

    source: str
    value: float
    low: float
    high: float


def measured(run: "Run") -> Distance | None:
    """Return the distance that advice or a study measured; None where neither did."""
    for source, fields in _entries(run):
        try:
            ends = [float(fields[name]) for name in ("value", "low", "high")]
        except (KeyError, TypeError, ValueError):
            continue
        if all(map(math.isfinite, ends)):
            return Distance(source, *ends)
    return None


def _entries(run: "Run") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give what may be a distance: the files may be anybody's."""
    advice = _read(run.folder / _ADVICE).get("distance")
    if isinstance(advice, dict) and isinstance(advice.get("cosine"), dict):
        yield str(advice.get("source", "")), advice["cosine"]
    listed = _read(run.folder.parent / _STUDY).get("datasets")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and _is_of(entry, run):
            metrics = entry.get("metrics")
            cosine = metrics.get("cosine") if isinstance(metrics, dict) else None
            if isinstance(cosine, dict):
                yield str(entry.get("source", "")), cosine


def _is_of(entry: Mapping[str, Any], run: "Run") -> bool:
    config = run.config
    wanted = (without_place(config.dataset), config.backbone, config.fit)
    return wanted == tuple(entry.get(key) for key in ("dataset", "backbone", "fit"))


def _read(path: Any) -> dict[str, Any]:
    try:
        return json_file.read_object(path)
    except (OSError, ValueError):
        return {}
