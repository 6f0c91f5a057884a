"""From a dataset to records in one call: download, convert, look for duplicates."""

import dataclasses
from pathlib import Path
from typing import Any

from kerastransfer.datasets.archived.fetch import fetch
from kerastransfer.datasets.dataset import Dataset
from kerastransfer.datasets.own.tfds_set import TfdsSet
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.progress import A_WHILE, progress, stages
from kerastransfer.foundation.report import Preformatted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.health import health_text, report
from kerastransfer.records.health.clusters import pictures
from kerastransfer.records.health.report import Health
from kerastransfer.records.images import notes
from kerastransfer.records.reader import Records, open_records
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.split.plan import SPLITS
from kerastransfer.records.write.convert import convert

_SHOWN = (
    "dataset",
    "spec",
    "classes",
    "counts",
    "plan_hash",
    "short",
    "white_level",
    "white",
    "background",
    "images",
    "rejected",
    "ignored",
    "archives",
    "differences",
    "origins",
    "notes",
    "group",
    "ungrouped",
    "groups",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Preformatted):
    """Records, and what was seen of them where they are new.

    ``str`` gives counts, leaks and duplicates in lines of text.

    Parameters
    ----------
    health : Health or None
        None where the records were there already, or nobody asked.
    """

    records: Records
    health: Health | None

    def __str__(self) -> str:
        records, metadata = self.records, self.records.metadata
        sizes = {split: records.size(split) for split in SPLITS}
        counts = ", ".join(f"{size:,} {split}" for split, size in sizes.items())
        lines = [f"{records.path}\t{len(records.classes):,} classes; {counts} images"]
        if self.health is None:  # else it was said before they were made
            lines.append(str(Overview.of_metadata(metadata)))
        lines += notes.lines(metadata)
        if metadata["ungrouped"]:
            effect = ", ".join(
                f"{split} {sizes[split]:,} instead of {metadata['ungrouped'][split]:,}"
                for split in SPLITS
            )
            lines.append(f"groups       kept together: {effect}")
        if self.health is not None:
            lines += health_text.findings(self.health, metadata["short_classes"])
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return what the records hold in plain Python, ready for JSON."""
        records = self.records
        summary = {name: records.metadata[name] for name in _SHOWN}
        summary["path"] = str(records.path)
        summary["sizes"] = {split: records.size(split) for split in SPLITS}
        summary["hash"] = records.content_hash
        if self.health is not None:
            summary["leaks"] = dict(self.health.across)
            summary["conflicts"] = len(pictures(self.health.conflicts))
        return summary


def prepare(
    dataset: Dataset,
    out: Path | None = None,
    *,
    download: bool = False,
    inspect: bool = True,
    workers: int | None = None,
    **conversion: Any,
) -> Prepared:
    """Make a dataset's records, showing on standard error how far the work is.

    Records of the same plan that are there are left as they are.

    Parameters
    ----------
    out : Path, optional
        The folder that holds ``<name>/1.0.0``; None for the usual one.
    download : bool
        Whether to get what is public first.
    inspect : bool
        Whether to look for duplicates and leaks in records that are new.
    workers : int, optional
        Processes; None for as many as there are cores.
    **conversion
        Other keywords of `convert.convert`, such as ``image_size`` or ``strict``.

    Raises
    ------
    InputError
        If an argument is out of its range, or there is nothing to download.
    MissingError
        If the dataset's files are not there; the message says how to get them.
    DataError
        If they cannot be used, or the folder holds records of another plan.
    """
    if download:
        fetch(dataset)
    if isinstance(dataset.source, TfdsSet):
        import_quietly()
    path, is_new = _convert(
        dataset, records_home() if out is None else Path(out), workers, conversion
    )
    records = open_records(path)
    health = _look(records, workers) if is_new and inspect else None
    return Prepared(records=records, health=health)


def _convert(
    dataset: Dataset, out: Path, workers: int | None, conversion: dict[str, Any]
) -> tuple[Path, bool]:
    """Convert with a bar for each stage; return whether anything was written."""
    is_new = False
    with stages() as stage:
        encoding = stage("Encoding")
        writing = stage("Writing", after=A_WHILE)

        def encoded(done: int, total: int) -> None:
            encoding(done, total)
            if done == total:  # the plan holds; the writer will need TensorFlow
                import_quietly()

        def wrote(done: int, total: int) -> None:
            nonlocal is_new
            is_new = True
            writing(done, total)

        path = convert(
            dataset,
            out,
            workers=workers,
            progress=encoded,
            reading=stage("Reading", "MB", scale=10**6, after=A_WHILE),
            writing=wrote,
            **conversion,
        )
    return path, is_new


def _look(records: Records, workers: int | None) -> Health:
    import_quietly()
    # What a crop leaves out depends on the backbone; here none is named.
    with progress("Looking for duplicates") as show:
        return report.inspect(
            records, lambda width, height: 1.0, workers=workers, progress=show
        )
