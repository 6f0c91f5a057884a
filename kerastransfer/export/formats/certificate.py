"""A certificate: what was exported answers as what was measured, format by format."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kerastransfer.errors import DataError
from kerastransfer.evaluation import wording
from kerastransfer.evaluation.intervals import Estimate
from kerastransfer.export.formats import trial
from kerastransfer.export.formats.trials import (
    FILES_TOLERANCE,
    TOLERANCES,
    FilesTrial,
    FormatTrial,
)

FILE = "certificate.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an export's formats answer, beside the network that was measured.

    Parameters
    ----------
    images : int
        Test images that were answered.
    records : str
        SHA-256 of the records that they are from.
    accuracy : Estimate
        Of the trained network on them.
    temperature, threshold : float
        What is done to probabilities; see `Confidence`.
    files : FilesTrial or None
        Answers to the images' original files; None where these are not there.
    formats : tuple of FormatTrial
    versions : mapping of str to str
    """

    images: int
    records: str
    accuracy: Estimate
    temperature: float
    threshold: float
    files: FilesTrial | None
    formats: tuple[FormatTrial, ...]
    versions: Mapping[str, str]

    def __str__(self) -> str:
        heading = (
            *("format", "same class", "greatest difference", "accuracy"),
            *("MB", "ms, 1 image", "ms, 32 images"),
        )
        rows = [heading, *map(_row, self.formats)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        network = f"the trained network: accuracy {self.accuracy}"
        return "\n".join([f"On test images, {network}", self._skew(), *lines])

    def _skew(self) -> str:
        start = "original files against records:"
        if self.files is None:
            return f"{start} not measured, they cannot be had"
        each, not_read = self.files, f"{self.files.unreadable:,} not read"
        if each.agreement is None:
            return f"{start} {not_read}, which are all"
        line = (
            f"{start} same class {wording.percent(each.agreement.as_dict())}, greatest "
            f"difference {each.greatest:.2g}"
        )
        return f"{line}, {not_read}" if each.unreadable else line

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def _row(each: FormatTrial) -> tuple[str, ...]:
    name = f"{each.name}, {each.quantize}" if each.quantize else each.name
    digits = max(0, 1 - math.floor(math.log10(max(each.greatest, 1e-9))))
    calls = [
        "{:.1f} (95 %: {:.1f})".format(*each.milliseconds[str(size)])
        for size in trial.BATCHES
    ]
    return (
        name,
        wording.percent(each.agreement.as_dict()),
        f"{each.greatest:.{digits}f}",
        wording.percent(each.accuracy.as_dict()),
        f"{each.megabytes:.1f}",
        *calls,
    )


def refuse_disagreement(certificate: Certificate) -> None:
    """Refuse an export of which a format answers otherwise.

    Raises
    ------
    DataError
        The message names the format, and how far it is off.
    """
    wrong = [e for e in certificate.formats if not e.agrees]
    if wrong:
        each = wrong[0]
        greatest, share = TOLERANCES[each.quantize]
        cure = "leave it out of --format"
        if each.quantize:
            cure = f"leave out --quantize {each.quantize}, or round less"
        raise DataError(
            f"Expected the export {each.name} to answer as the trained network, to "
            f"{greatest:g} and with the same class for {100 * share:g} % of images, "
            f"got a difference of {each.greatest:.3g} ({each.feature_difference:.3g} "
            f"of features), {each.agreement}"
            + ("" if each.names_agree else ", other names of classes")
            + f"; nothing was exported; {cure}."
        )
    files = certificate.files
    served = "saved_model" in [each.name for each in certificate.formats]
    if files is not None and served and not files.agrees:
        typical, share = FILES_TOLERANCE
        raise DataError(
            f"Expected most original files to be answered as the records of them, to "
            f"{typical:g} and with the same class for {100 * share:g} %, got "
            f"{files.typical:.3g} for nine in ten and {files.agreement}; nothing was "
            "exported. If files were changed since, train again; if they are of kinds "
            "that TensorFlow reads otherwise, leave saved_model out of --format."
        )


def refuse_below(certificate: Certificate, least: float) -> None:
    """Refuse an export whose accuracy is not above a bound for certain.

    Parameters
    ----------
    least : float
        What the lower end of every format's interval has to reach.

    Raises
    ------
    DataError
        The message names the format and its interval.
    """
    for each in certificate.formats:
        if each.accuracy.low < least:
            raise DataError(
                f"Expected an accuracy of at least {100 * least:g} % for certain, got "
                f"{each.accuracy} with {each.name}; nothing was exported; ask for "
                "less, try more images with --samples, or train a better model."
            )
