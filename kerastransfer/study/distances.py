"""How far a study's datasets are from the source, measured once and kept.

``distances.json`` in the study's folder has an entry for each dataset: every metric
that the backbone and the source allow, with its interval, or one line that says why
there is none. Delete the file, or an entry of it, to have it measured again.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerastransfer.backbones.preprocessing import Fit
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import DataError, KerasTransferError, Terminated
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.foundation import atomic, json_file
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.records.place import without_place

DISTANCES = "distances.json"
# What the published study measured; the last two need the source's images.
_ALL = ("cosine", "mmd", "svm", "cnn")
_WITHOUT_IMAGES = ("cosine", "mmd")
_ENDS = ("value", "low", "high")

Logged = Callable[[str], contextlib.AbstractContextManager[None]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDistance:
    """A dataset's distances from a source, or why they could not be measured.

    Parameters
    ----------
    dataset, backbone : str
        As in the study's table.
    source : str
        The dataset that it is measured from; empty for what the backbone's weights tell
        of the images that it was pretrained on.
    fit : str
        How images were brought to the network.
    metrics : mapping of str to Estimate
        By name: cosine and MMD corrected for the noise of means, SVM and CNN as
        accuracies.
    missing : mapping of str to str
        Why a metric has no value.
    error : str
        Why nothing was measured; else empty.
    """

    dataset: str
    backbone: str
    source: str = ""
    fit: str = "crop"
    metrics: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    missing: Mapping[str, str] = dataclasses.field(default_factory=dict)
    error: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """How a study's distances are measured.

    Parameters
    ----------
    source : Dataset, optional
        What the backbone was pretrained on, where its images are at hand.
    fit : {'crop', 'pad', 'squash'}
    weights, records : Path, optional
        As for a run.
    """

    source: Dataset | None = None
    fit: Fit = "crop"
    weights: Path | None = None
    records: Path | None = None

    def measure(self, dataset: Dataset, backbone: str) -> DatasetDistance:
        """Measure one dataset; a failure is an entry that says why."""
        from kerastransfer.distances.between import between

        entry = self.blank(dataset, backbone)
        try:
            distances = between(
                dataset,
                self.source,
                backbone=backbone,
                fit=self.fit,
                metrics=_WITHOUT_IMAGES if self.source is None else _ALL,
                pretraining_source=self.source is not None,
                weights=self.weights,
                records=self.records,
            )
        except Terminated:
            raise
        except (KerasTransferError, OSError) as error:
            return dataclasses.replace(entry, error=str(error))
        measured = distances.metrics
        return dataclasses.replace(
            entry,
            metrics={n: _headline(m.value) for n, m in measured.items() if m.value},
            missing={n: m.missing for n, m in measured.items() if not m.value},
        )

    def blank(self, dataset: Dataset, backbone: str) -> DatasetDistance:
        """Return an entry without values, which says what is to be measured."""
        source = "" if self.source is None else without_place(self.source.spec)
        return DatasetDistance(
            dataset=without_place(dataset.spec),
            backbone=backbone,
            source=source,
            fit=self.fit,
        )


def keep(
    folder: Path,
    datasets: Iterable[tuple[Dataset, str]],
    measuring: Measuring,
    logged: Logged = lambda _: contextlib.nullcontext(),
) -> None:
    """Measure what is not measured yet, and write the file after every dataset.

    Parameters
    ----------
    folder : Path
        The study's, which nobody else works in.
    datasets : iterable of (Dataset, str)
        Each with its backbone.
    measuring : Measuring
    logged : callable
        Gives the context, by a name, in which a dataset is measured.
    """
    try:
        entries = {entry.dataset: entry for entry in read(folder)}
    except DataError as error:
        say(f"{error} It is measured again.")
        entries = {}
    for dataset, backbone in datasets:
        wanted = measuring.blank(dataset, backbone)
        before = entries.get(wanted.dataset)
        if before is not None and _is_measured(before, wanted):
            continue
        say(f"Distance of {dataset.name} from the source")
        with logged(f"distance of {dataset.name}"):
            entry = measuring.measure(dataset, backbone)
        say(f"Distance of {dataset.name} from the source: {_short(entry)}")
        entries[wanted.dataset] = entry
        write(folder, list(entries.values()))


def read(folder: Path) -> list[DatasetDistance]:
    """Read the distances that a study's folder holds; none where there is no file.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    path = folder / DISTANCES
    try:
        listed = json_file.read_object(path)["datasets"]
        if not isinstance(listed, list):
            raise ValueError("'datasets' is no list")
        return [_entry(fields) for fields in listed]
    except FileNotFoundError:
        return []
    except KeyError as error:
        reason = f"it lacks {error}"
    except (ValueError, TypeError) as error:
        reason = str(error)
    raise DataError(
        f"Expected distances in {quoted(path)}: {reason}; delete that file, and "
        "'kerastransfer study run' measures them."
    )


def _is_measured(before: DatasetDistance, wanted: DatasetDistance) -> bool:
    """Whether an entry holds what is asked for; a failure is tried again."""
    same = all(
        getattr(before, name) == getattr(wanted, name)
        for name in ("backbone", "source", "fit")
    )
    return same and not before.error


def _headline(value: Mapping[str, Any]) -> Estimate:
    """Return the one number of a distance that the published table has too."""
    key = "corrected" if "corrected" in value else "accuracy"
    return Estimate.from_dict(value[key])


def _short(entry: DatasetDistance) -> str:
    if entry.error:
        return entry.error
    values = [f"{name} {each.value:.3g}" for name, each in entry.metrics.items()]
    return ", ".join([*values, *entry.missing.values()])


def write(folder: Path, entries: Sequence[DatasetDistance]) -> None:
    """Write the distances that `read` reads."""
    listed = json_file.without_nan([dataclasses.asdict(each) for each in entries])
    atomic.write_json(folder / DISTANCES, {"datasets": listed})


def _entry(fields: Any) -> DatasetDistance:
    """Read one entry, and believe nothing of it."""
    names = {field.name for field in dataclasses.fields(DatasetDistance)}
    if not isinstance(fields, dict) or set(fields) != names:
        raise ValueError(f"an entry is not of {', '.join(sorted(names))}")
    for name in names - {"metrics", "missing"}:
        if not isinstance(fields[name], str):
            raise ValueError(f"{name} is no text")
    metrics, missing = fields["metrics"], fields["missing"]
    if not isinstance(metrics, dict) or not isinstance(missing, dict):
        raise ValueError("metrics and missing are no objects")
    if not all(isinstance(text, str) for text in missing.values()):
        raise ValueError("missing holds what is no text")
    estimates = {name: _estimate(name, value) for name, value in metrics.items()}
    return DatasetDistance(**{**fields, "metrics": estimates})


def _estimate(name: str, fields: Any) -> Estimate:
    if name not in _ALL or not isinstance(fields, dict):
        raise ValueError(f"{quoted(name)} is no distance")
    # An end that there is none of is null, as JSON has no NaN.
    ends = {end: _number(fields.get(end)) for end in _ENDS}
    estimate = Estimate.from_dict({**fields, **ends})
    if math.isnan(estimate.value):
        raise ValueError(f"{name} has no value")
    if type(estimate.n) is not int or not isinstance(estimate.method, str):
        raise ValueError(f"{name} has no number of images, or no method")
    return estimate


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quoted(value)} is no number")
    return float(value)
