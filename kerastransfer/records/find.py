"""A dataset's records: opened where they are, made where they are not."""

import shlex
from pathlib import Path

from kerastransfer.datasets.dataset import Dataset
from kerastransfer.errors import MissingError
from kerastransfer.foundation import report, system
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.progress import A_WHILE, OnProgress, stages
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records import manifest
from kerastransfer.records.health import exact_copies
from kerastransfer.records.images import notes
from kerastransfer.records.reader import Records, open_records
from kerastransfer.records.remembered import read_as_before, refuse_other_options
from kerastransfer.records.write.convert import convert, records_path


def find_or_convert(
    dataset: Dataset,
    records_dir: Path | None = None,
    *,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Records:
    """Open a dataset's records; convert it first where its images are at hand.

    Records that are there are taken as they were made. A user's own files are looked
    at again, and converted again with the same options when they have changed.

    Parameters
    ----------
    records_dir : Path, optional
        The folder that holds ``<name>/1.0.0``; None for the usual one.
    workers, progress
        See `convert.convert`.

    Raises
    ------
    MissingError
        If there are no records and the images are not at hand; the message holds the
        command that makes them.
    DataError
        If the records are damaged, or a conversion fails.
    """
    dataset.source.check()
    out = records_home() if records_dir is None else Path(records_dir)
    path = records_path(dataset, out)
    metadata = manifest.read(path) if system.is_folder(path) else {}
    if not metadata:
        if not dataset.info.auto_convert:
            raise MissingError(
                f"No records of {quoted(dataset.name)} in {quoted(out)}; "
                f"{_way_to_records(dataset, out)}."
            )
        report.warn(f"Converting {dataset.spec} to {quoted(path)} on first use.")
        convert(dataset, out, workers=workers, progress=progress)
        for line in notes.lines(manifest.read(path)):
            report.say(line)
    elif dataset.info.may_change:
        dataset = read_as_before(dataset, metadata)
        convert(
            dataset,
            out,
            **{name: metadata[name] for name in manifest.OPTIONS},
            workers=workers,
            progress=progress,
        )
    else:
        refuse_other_options(dataset, metadata, path)
    records = open_records(path)
    records.dataset = dataset
    if not metadata or manifest.content_hash(metadata) != records.content_hash:
        _look_for_copies(records)
    return records


def _look_for_copies(records: Records) -> None:
    """Say which images of new records stand twice; near copies are not looked for."""
    with stages() as stage:
        show = stage("Comparing", after=A_WHILE)
        copies = exact_copies.find(records, progress=show)
    sentence = exact_copies.sentence(records, copies)
    if exact_copies.is_harmful(copies):
        name = shlex.quote(records.metadata["spec"])
        report.warn(f"{sentence} 'kerastransfer inspect {name}' names them.")
    else:
        report.say(sentence)


def _way_to_records(dataset: Dataset, out: Path) -> str:
    """Say how to get records that are not there."""
    if dataset.info.steps and not dataset.info.parts:
        return dataset.info.steps
    return f"make them with '{_command(dataset, out)}'"


def _command(dataset: Dataset, out: Path) -> str:
    words = ["kerastransfer", "convert", "--dataset", dataset.spec]
    parts = dataset.info.parts
    public = bool(parts) and all(part.urls for part in parts if part.needed)
    words += ["--download"] if public else ["--archives", "DIR"]
    words += ["--out", str(out)] if out != records_home() else []
    return shlex.join(words)
