"""Where a run's images and weights come from, and under which licences."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kerastransfer.datasets import table as datasets
from kerastransfer.datasets.dataset import Dataset, DatasetInfo
from kerastransfer.errors import KerasTransferError
from kerastransfer.foundation.home import records_home
from kerastransfer.records.reader import Records, open_records
from kerastransfer.records.write.convert import records_path
from kerastransfer.weights.table import WEIGHTS

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run


class Origins(NamedTuple):
    """What is at hand of a run's data and weights when its card is written.

    Parameters
    ----------
    records : Records or None
        Those that it was trained on; None where they are gone or others.
    info : DatasetInfo or None
        Of its dataset; None where that cannot be looked at.
    weights, weights_licence : str
        Name and licence of the published file that was the source; empty where it is
        none.
    """

    records: Records | None
    info: DatasetInfo | None
    weights: str = ""
    weights_licence: str = ""


def of(run: "Run", records: Records | Path | None = None) -> Origins:
    """Look for what a run was made from; nothing is converted or fetched.

    Parameters
    ----------
    records : Records or path, optional
        The records, or the folder that holds converted datasets.
    """
    info = None
    try:
        dataset = datasets.resolve(run.config.dataset)
        info = dataset.source.described(dataset.info)
        if not isinstance(records, Records):
            records = _opened(dataset, records)
    except (KerasTransferError, OSError):
        records = records if isinstance(records, Records) else None
    if records is not None and records.content_hash != run.config.records:
        records = None
    return Origins(records, info, *_published(run.config.weights))


def _opened(dataset: Dataset, folder: Path | None) -> Records:
    return open_records(records_path(dataset, folder or records_home()))


def _published(sha256: str) -> tuple[str, str]:
    """Return the name and the licence of the published weights with a hash."""
    for row in WEIGHTS.values():
        digests = [e.digest for e in row.checksums if e.algorithm == "sha256"]
        if sha256 and any(map(sha256.startswith, digests)):
            return row.name, row.licence
    return "", ""
