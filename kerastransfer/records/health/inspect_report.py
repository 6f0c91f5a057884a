"""A dataset's records and what was seen of them, as one value that prints itself."""

import dataclasses
from typing import Any

from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.report import Preformatted
from kerastransfer.records.health import health_text, report
from kerastransfer.records.health.report import Health, Kept
from kerastransfer.records.reader import Records


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InspectReport(Preformatted):
    """The health of a dataset's records, before anything is trained on them.

    ``str`` gives the report in lines of text.

    Parameters
    ----------
    backbone : str
        Whose centre crop was looked at.
    """

    records: Records
    health: Health
    backbone: str

    def __str__(self) -> str:
        return health_text.show(self.records, self.health, self.backbone)

    def as_dict(self) -> dict[str, Any]:
        """Return the report in plain Python, ready for JSON."""
        about: dict[str, Any] = {
            "path": str(self.records.path),
            "backbone": self.backbone,
            "groups": self.records.metadata["groups"],
        }
        return about | self.health.as_dict()


def inspect(
    records: Records,
    kept: Kept,
    *,
    backbone: str,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> InspectReport:
    """Look at every image of a dataset's records.

    Parameters
    ----------
    kept : callable
        The part of an image that the backbone's centre crop keeps, from its width and
        height in pixels.
    backbone : str
        Its name.
    workers : int, optional
        Processes; None for as many as there are cores.
    progress : callable, optional
        Called with the number of images looked at, and that of all.

    Raises
    ------
    DataError
        If a record file is damaged.
    """
    health = report.inspect(records, kept, workers=workers, progress=progress)
    return InspectReport(records=records, health=health, backbone=backbone)
