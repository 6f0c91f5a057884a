"""How sure an exported model says it is: a temperature, and when it does not know."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import InputError
from kerastransfer.evaluation import temperature
from kerastransfer.evaluation.calibration import (
    Calibration,
    Threshold,
    calibration,
    threshold,
)
from kerastransfer.foundation import json_file

FILE = "calibration.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What is done to an exported model's probabilities.

    Parameters
    ----------
    temperature : float
        By which logits are divided.
    threshold : float
        Probability of the first class below which the answer is "don't know".
    chosen : Threshold or None
        What the threshold brings on validation images.
    before, after : Calibration or None
        On validation images; `after` by temperatures that were fitted to others of
        them.
    """

    temperature: float = 1.0
    threshold: float = 0.0
    chosen: Threshold | None = None
    before: Calibration | None = None
    after: Calibration | None = None

    @classmethod
    def fitted(
        cls,
        probabilities: npt.ArrayLike,
        labels: npt.ArrayLike,
        precision: float | None = None,
        groups: Sequence[str] | None = None,
    ) -> Self:
        """Fit a temperature, and a threshold for a precision, to validation images.

        Parameters
        ----------
        probabilities : array_like of shape (n, num_classes)
        labels : array_like of int, shape (n,)
        precision : float, optional
            Fraction of right answers among those given that is wanted for certain.
        groups : sequence of str, optional
            Of images that may be right or wrong together; see `calibration`.

        A temperature that does not help on images it was not fitted to is left at 1.

        Raises
        ------
        InputError
            If there are fewer than ten images, or no threshold brings the precision.
        """
        fitted = temperature.fit(probabilities, labels)
        on_others = temperature.cross_fitted(probabilities, labels)
        if not temperature.helps(probabilities, labels):
            fitted, on_others = 1.0, np.asarray(probabilities)
        chosen: Threshold | None = None
        if precision is not None:
            chosen = threshold(on_others, labels, precision, groups)
            if chosen is None:
                raise InputError(
                    f"Expected a probability from which {100 * precision:g} % of "
                    "answers are right for certain, and the validation images show "
                    "none; ask for a lower --precision, add validation images, or "
                    "train a better model."
                )
        return cls(
            temperature=fitted,
            threshold=0.0 if chosen is None else chosen.probability,
            chosen=chosen,
            before=calibration(probabilities, labels, groups=groups),
            after=calibration(on_others, labels, groups=groups),
        )

    def __str__(self) -> str:
        lines = [f"temperature {self.temperature:.3f}, fitted to validation images"]
        if self.temperature == 1.0:
            lines = ["temperature 1: none is better on images it was not fitted to"]
        lines += [
            f"{name:<7} {value}"
            for name, value in (("before", self.before), ("after", self.after))
            if value is not None
        ]
        if self.chosen is not None:
            lines.append(
                f"below a probability of {self.threshold:.3f} it does not know; of the "
                f"validation images it answers {self.chosen.coverage}, and of these "
                f"{self.chosen.precision} are right"
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
        what = "a temperature and a threshold"
        return json_file.read_kept(folder / FILE, cls._acting, what) or cls()

    @classmethod
    def _acting(cls, fields: Mapping[str, Any]) -> Self:
        temperature, threshold = (
            float(fields[name]) for name in ("temperature", "threshold")
        )
        if not (0 < temperature < math.inf and 0 <= threshold <= 1):
            raise ValueError(f"{temperature:g} and {threshold:g}")
        return cls(temperature=temperature, threshold=threshold)
