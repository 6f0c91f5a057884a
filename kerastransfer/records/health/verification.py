"""Whether every record still is what was written, by its checksum."""

import dataclasses
from typing import Any, NamedTuple

from kerastransfer.foundation.progress import OnProgress
from kerastransfer.foundation.report import Preformatted
from kerastransfer.records.reader import Records
from kerastransfer.records.split.plan import SPLITS

_NAMED = 20  # damaged records that text names
_KEPT = 1_000  # that are kept to be named


class Damage(NamedTuple):
    """One damaged record.

    Parameters
    ----------
    file : str
        Name of its file.
    record : int
        Its number there, from 0. Behind one whose length is damaged, records are
        counted as they are found.
    reason : str
    """

    file: str
    record: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification(Preformatted):
    """What the checksums of a dataset's records say.

    ``str`` gives the result in lines of text.

    Parameters
    ----------
    checked : int
        Records that were looked at.
    num_damaged : int
        Those of them whose checksum does not hold, or that are missing.
    damaged : tuple of Damage
        The first thousand of these.
    """

    records: Records
    checked: int
    num_damaged: int
    damaged: tuple[Damage, ...]

    def __str__(self) -> str:
        path = str(self.records.path)
        if not self.num_damaged:
            return f"{path}: the checksums of all {self.checked:,} records hold"
        lines = [
            f"{path}: {self.num_damaged:,} of {self.checked:,} records are damaged"
        ]
        lines += [
            f"{each.file}, record {each.record:,}: {each.reason}"
            for each in self.damaged[:_NAMED]
        ]
        more = self.num_damaged - len(lines) + 1
        lines += [f"and {more:,} more"] if more else []
        return "\n".join([*lines, "Convert the dataset again."])

    def as_dict(self) -> dict[str, Any]:
        """Return the result in plain Python, ready for JSON."""
        return {
            "path": str(self.records.path),
            "checked": self.checked,
            "num_damaged": self.num_damaged,
            "damaged": [each._asdict() for each in self.damaged],
        }


def verify(records: Records, progress: OnProgress | None = None) -> Verification:
    """Hold every record against its checksum; damaged ones are counted, not raised.

    Parameters
    ----------
    progress : callable, optional
        Told how many records are checked, and of how many.
    """
    total = sum(records.size(split) for split in SPLITS)
    damaged: list[Damage] = []
    checked = num_damaged = 0
    for path, number, reason in records.survey():
        checked += 1
        if reason:
            num_damaged += 1
            if len(damaged) < _KEPT:
                damaged.append(Damage(path.name, number, reason))
        if progress is not None:
            progress(min(checked, total), total)
    return Verification(
        records=records,
        checked=checked,
        num_damaged=num_damaged,
        damaged=tuple(damaged),
    )
