"""A certificate: what was exported answers as what was measured, format by format."""

import dataclasses
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import DataError
from kerastransfer.evaluation import wording
from kerastransfer.evaluation.intervals import Estimate, wilson
from kerastransfer.export.formats import trial
from kerastransfer.foundation.quoting import quoted

FILE = "certificate.json"
SECONDS = 900.0  # that one format's trial may take
_REPEATS = 20
_TINY = 1e-7  # of a probability, in logarithms
# Greatest difference of a probability, and fraction of equal first classes.
TOLERANCES: Mapping[str, tuple[float, float]] = {
    "": (1e-3, 1.0),
    "float16": (2e-2, 0.99),
    "int8": (1.0, 0.9),
}
_TIE = 2e-3  # between two classes: either may come first


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FormatTrial:
    """How one format's answers compare with the trained network's.

    Parameters
    ----------
    name, path : str
        The format, and its file or folder below the export.
    quantize : str
        How its weights were rounded; empty for not at all.
    greatest, mean : float
        Difference of probabilities.
    greatest_logit, mean_logit : float
        Difference of logits, whose mean over classes is 0; of probabilities above 1e-7.
    agreement : Estimate
        Fraction of images with the same first class; of classes that are equally
        probable, to 0.002, either may be the first.
    accuracy : Estimate
    megabytes : float
    milliseconds : mapping of str to (float, float)
        Median and 95th percentile of a call, by the size of its batch.
    peak_megabytes : mapping of str to float
        The most memory that its process held with batches of that size.
    """

    name: str
    path: str
    quantize: str
    greatest: float
    mean: float
    greatest_logit: float
    mean_logit: float
    agreement: Estimate
    accuracy: Estimate
    megabytes: float
    milliseconds: Mapping[str, tuple[float, float]]
    peak_megabytes: Mapping[str, float]

    @property
    def agrees(self) -> bool:
        """Whether it lies within the tolerance of its format."""
        greatest, share = TOLERANCES[self.quantize]
        return self.greatest <= greatest and self.agreement.value >= share


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an export's formats answer, beside the network that was measured.

    Parameters
    ----------
    images : int
        Test images that were answered.
    accuracy : Estimate
        Of the trained network on them.
    formats : tuple of FormatTrial
    versions : mapping of str to str
    """

    images: int
    accuracy: Estimate
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
        return "\n".join([f"On test images, {network}", *lines])

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in plain Python, ready for JSON."""
        return dataclasses.asdict(self)


def try_format(
    name: str,
    path: Path,
    images: npt.NDArray[np.float32],
    expected: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    quantize: str = "",
) -> FormatTrial:
    """Answer images in a fresh process with one format, and compare.

    Parameters
    ----------
    name : {'saved_model', 'litert', 'onnx'}
    images : array of shape (n, height, width, 3)
        Crops as the ``images`` signature takes them.
    expected : array of shape (n, classes)
        The trained network's probabilities.

    Raises
    ------
    DataError
        If the process fails, or answers with something else.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch, "images.npy"), Path(scratch, "out.npz")
        np.save(given, images)
        words = [name, str(path.absolute()), str(given), str(out), str(_REPEATS)]
        done = subprocess.run(
            [sys.executable, trial.__file__, *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=scratch,
        )
        if done.returncode:
            last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise DataError(
                f"Expected the export {name} to run by itself, and it does not: "
                f"{quoted(last)}; leave it out of --format."
            )
        with np.load(out, allow_pickle=False) as arrays:
            answered = {key: arrays[key] for key in arrays.files}
    answers = answered["probabilities"].astype(np.float64)
    if answers.shape != expected.shape or not np.isfinite(answers).all():
        raise DataError(
            f"Expected {expected.shape} probabilities of the export {name}, got "
            f"{answers.shape} or such that are no numbers; leave it out of --format."
        )
    differences = np.abs(answers - expected)
    logits = np.abs(_logits(answers) - _logits(expected))
    n = len(labels)
    right = int((answers.argmax(axis=1) == labels).sum())
    return FormatTrial(
        name=name,
        path=path.name,
        quantize=quantize,
        greatest=float(differences.max()),
        mean=float(differences.mean()),
        greatest_logit=float(logits.max()),
        mean_logit=float(logits.mean()),
        agreement=wilson(int(_same_class(answers, expected).sum()), n),
        accuracy=wilson(right, n),
        megabytes=round(_size(path) / 1e6, 3),
        milliseconds={
            str(size): _times(answered[f"seconds_{size}"]) for size in trial.BATCHES
        },
        peak_megabytes={
            str(size): round(float(answered[f"peak_{size}"]) / 1e6, 1)
            for size in trial.BATCHES
        },
    )


def _same_class(
    answers: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Say of each image whether the answer's first class may be the expected one."""
    first = answers.argmax(axis=1)
    own = np.take_along_axis(expected, first[:, None], axis=1)[:, 0]
    return np.asarray(own >= expected.max(axis=1) - _TIE)


def _logits(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logits: npt.NDArray[np.float64] = np.log(np.maximum(rows, _TINY))
    return logits - logits.mean(axis=1, keepdims=True)


def _times(seconds: npt.NDArray[np.float64]) -> tuple[float, float]:
    median, high = np.quantile(seconds, [0.5, 0.95]) * 1e3
    return round(float(median), 3), round(float(high), 3)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


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
    wrong: Sequence[FormatTrial] = [e for e in certificate.formats if not e.agrees]
    if wrong:
        each = wrong[0]
        greatest, share = TOLERANCES[each.quantize]
        cure = "leave it out of --format"
        if each.quantize:
            cure = f"leave out --quantize {each.quantize}, or round less"
        raise DataError(
            f"Expected the export {each.name} to answer as the trained network, to "
            f"{greatest:g} and with the same class for {100 * share:g} % of images, "
            f"got a difference of {each.greatest:.3g} and {each.agreement}; nothing "
            f"was exported; {cure}."
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
