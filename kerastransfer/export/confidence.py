"""How sure an exported model says it is: a temperature, and when it does not know."""

import dataclasses
import math
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from kerastransfer.errors import DataError, InputError
from kerastransfer.evaluation import temperature
from kerastransfer.evaluation.calibration import Calibration, calibration, threshold
from kerastransfer.foundation import json_file, system
from kerastransfer.foundation.quoting import quoted

FILE = "calibration.json"
_FEW = 1_000  # validation images, up to which what is told of them is cross-fitted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What is done to an exported model's probabilities.

    Parameters
    ----------
    temperature : float
        By which logits are divided.
    threshold : float
        Probability of the first class below which the answer is "don't know".
    precision, coverage : float or None
        The fraction of right answers that was wanted, and the fraction of validation
        images that are answered with it.
    before, after : Calibration or None
        On validation images; `after` by temperatures that were fitted to others of
        them, where they are few.
    """

    temperature: float = 1.0
    threshold: float = 0.0
    precision: float | None = None
    coverage: float | None = None
    before: Calibration | None = None
    after: Calibration | None = None

    @classmethod
    def fitted(
        cls,
        probabilities: npt.ArrayLike,
        labels: npt.ArrayLike,
        precision: float | None = None,
    ) -> Self:
        """Fit a temperature, and a threshold for a precision, to validation images.

        Parameters
        ----------
        probabilities : array_like of shape (n, num_classes)
        labels : array_like of int, shape (n,)

        Raises
        ------
        InputError
            If there are fewer than ten images, or no threshold brings the precision.
        """
        fitted = temperature.fit(probabilities, labels)
        scaled = temperature.apply(probabilities, fitted)
        on_others = scaled
        if len(scaled) <= _FEW:
            on_others = temperature.cross_fitted(probabilities, labels)
        known: tuple[float, float] | None = (0.0, 1.0)
        if precision is not None:
            known = threshold(scaled, labels, precision)
        if known is None:
            raise InputError(
                f"Expected a threshold from which {100 * precision:g} % of answers "  # type: ignore[operator]
                "are right on the validation images, and none brings that; ask for a "
                "lower --precision, or train a better model."
            )
        return cls(
            temperature=fitted,
            threshold=known[0],
            precision=precision,
            coverage=None if precision is None else known[1],
            before=calibration(probabilities, labels),
            after=calibration(on_others, labels),
        )

    def __str__(self) -> str:
        lines = [f"temperature {self.temperature:.3f}, fitted to validation images"]
        lines += [
            f"{name:<7} {value}"
            for name, value in (("before", self.before), ("after", self.after))
            if value is not None
        ]
        if self.precision is not None and self.coverage is not None:
            lines.append(
                f"below a probability of {self.threshold:.3f} it does not know: "
                f"{100 * self.coverage:.0f} % of the validation images are answered, "
                f"of which {100 * self.precision:g} % or more are right"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what acts on answers from a folder; nothing does where no file is.

        Raises
        ------
        DataError
            If the file is damaged.
        """
        path = folder / FILE
        if not system.is_file(path):
            return cls()
        try:
            fields = json_file.read_object(path)
            acting = [float(fields[name]) for name in ("temperature", "threshold")]
        except (ValueError, TypeError, KeyError):
            acting = []
        if not acting or not all(map(math.isfinite, acting)):
            raise DataError(
                f"Expected a temperature and a threshold in {quoted(path)}; export the "
                "run again."
            )
        return cls(temperature=acting[0], threshold=acting[1])
