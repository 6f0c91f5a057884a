"""The number to beat, as a value: a plain classifier's, and a run's beside it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from kerastransfer.evaluation import wording
from kerastransfer.evaluation.metrics import Metrics
from kerastransfer.evaluation.paired import Comparison

_MEANINGS = {
    "first is better": "better",
    "second is better": "worse",
    "not distinguishable": "not distinguishable",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The plain classifier on frozen features that a recipe has to beat.

    Parameters
    ----------
    kind : str
        Such as ``"logistic regression"``.
    test : Metrics
        On the run's own test set.
    compared : Comparison or None
        The run's accuracy minus its own, image by image; None in runs of earlier
        versions.
    """

    kind: str
    test: Metrics
    compared: Comparison | None = None

    def __str__(self) -> str:
        return f"{self.test.accuracy}, {self.kind}"

    @property
    def against(self) -> str:
        """The run's difference from it and what that means; empty where unknown."""
        if self.compared is None:
            return ""
        points = wording.points(self.compared.difference.as_dict())
        meaning = _MEANINGS[self.compared.verdict]
        return f"{points}, p = {self.compared.p_value:.2g}: {meaning}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``result.json`` holds as ``probe``."""
        fields: dict[str, Any] = {"kind": self.kind, "test": self.test.as_dict()}
        if self.compared is not None:
            fields["compared"] = self.compared.as_dict()
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the baseline that `as_dict` was called on."""
        compared = fields.get("compared")
        return cls(
            kind=fields["kind"],
            test=Metrics.from_dict(fields["test"]),
            compared=Comparison.from_dict(compared) if compared else None,
        )
