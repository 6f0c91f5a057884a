"""How one format's answers compare with those of the network that was measured."""

import dataclasses
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import DataError
from kerastransfer.evaluation.intervals import Estimate, wilson
from kerastransfer.export.formats import trial
from kerastransfer.foundation.quoting import quoted

_SECONDS, _SECONDS_AN_IMAGE = 600.0, 2.0  # that one format's trial may take
_REPEATS = 20
_TINY = 1e-7  # of a probability, in logarithms
# Greatest difference of a probability, and fraction of equal first classes.
TOLERANCES: Mapping[str, tuple[float, float]] = {
    "": (1e-3, 1.0),
    "float16": (2e-2, 0.99),
    "int8": (1.0, 0.9),
}
# Likewise of original files: TensorFlow reads some kinds a little otherwise.
FILES_TOLERANCE = (2e-2, 0.99)
_TIE = 1e-2  # of a probability, by which another is as good as equal


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
        probable, to a hundredth of the more probable one, either may be the first.
    names_agree : bool
        Whether the names of classes, where the format gives some, are those of the
        most probable ones.
    feature_difference : float
        Greatest difference of a feature, as a part of the largest one.
    accuracy : Estimate
    megabytes : float
    milliseconds : mapping of str to (float, float)
        Median and 95th percentile of a call, by the size of its batch.
    peak_megabytes : mapping of str to float or None
        The most memory that its process held with batches of that size; None where
        the system does not tell.
    """

    name: str
    path: str
    quantize: str
    greatest: float
    mean: float
    greatest_logit: float
    mean_logit: float
    agreement: Estimate
    names_agree: bool
    feature_difference: float
    accuracy: Estimate
    megabytes: float
    milliseconds: Mapping[str, tuple[float, float]]
    peak_megabytes: Mapping[str, float | None]

    @property
    def agrees(self) -> bool:
        """Whether it lies within the tolerance of its format."""
        greatest, share = TOLERANCES[self.quantize]
        within = self.greatest <= greatest and self.feature_difference <= greatest
        return within and self.names_agree and self.agreement.value >= share


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilesTrial:
    """How answers to original files compare with those to records, which were measured.

    Parameters
    ----------
    unreadable : int
        Files that the SavedModel says it cannot read.
    typical, greatest : float
        Difference of probabilities, of those that it reads: of nine in ten images, and
        of all.
    agreement : Estimate or None
        Fraction of them with the same first class, as of `FormatTrial`; None where it
        reads none.
    """

    unreadable: int
    typical: float
    greatest: float
    agreement: Estimate | None

    @property
    def agrees(self) -> bool:
        """Whether decoding and resizing in the graph are mostly those of the records.

        Single files may be of kinds that TensorFlow does not read as Pillow does.
        """
        typical, share = FILES_TOLERANCE
        if self.agreement is None:
            return True  # nothing can be said against it; that none is read is said
        return self.typical <= typical and self.agreement.high >= share


def try_files(
    answers: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]
) -> FilesTrial:
    """Compare answers to original files with those to records.

    Parameters
    ----------
    answers : array of shape (n, classes)
        NaN where a file could not be read.
    """
    readable = np.isfinite(answers).all(axis=1)
    unreadable = int((~readable).sum())
    if not readable.any():
        return FilesTrial(
            unreadable=unreadable, typical=0.0, greatest=0.0, agreement=None
        )
    given, wanted = answers[readable], expected[readable]
    differences = np.abs(given - wanted).max(axis=1)
    return FilesTrial(
        unreadable=unreadable,
        typical=float(np.quantile(differences, 0.9)),
        greatest=float(differences.max()),
        agreement=wilson(int(_same_class(given, wanted).sum()), len(given)),
    )


def try_format(
    name: str,
    path: Path,
    images: Path,
    expected: npt.NDArray[np.float64],
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    classes: Sequence[str],
    scratch: Path,
    quantize: str = "",
) -> FormatTrial:
    """Answer images in a fresh process with one format, and compare.

    Parameters
    ----------
    name : {'saved_model', 'litert', 'onnx'}
    images : Path
        A ``.npy`` file of crops as the ``images`` signature takes them: float32 of
        shape (n, height, width, 3).
    expected : array of shape (n, classes)
        The trained network's probabilities.
    features : array of shape (n, d)
        Its block 7's output.
    classes : sequence of str
        Names, in the order of the probabilities.
    scratch : Path
        A folder for what the process is given and answers.

    Raises
    ------
    DataError
        If the process fails, or answers with something else.
    """
    answered = _answered(name, path, images, len(labels), scratch)
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
        names_agree=_names_agree(answered, answers, classes),
        feature_difference=_part_of_largest(answered["features"], features),
        accuracy=wilson(right, n),
        megabytes=round(_size(path) / 1e6, 3),
        milliseconds={
            str(size): _times(answered[f"seconds_{size}"]) for size in trial.BATCHES
        },
        peak_megabytes={
            str(size): round(float(peak) / 1e6, 1) if (peak := taken) else None
            for size in trial.BATCHES
            for taken in [answered[f"peak_{size}"]]
        },
    )


def _answered(
    name: str, path: Path, images: Path, count: int, scratch: Path
) -> dict[str, npt.NDArray[Any]]:
    """Answer images in a fresh process, and read what it leaves."""
    place = scratch.absolute()  # the process has a folder of its own
    given, out = images.absolute(), place / "answers.npz"
    words = [name, str(path.absolute()), str(given), str(out), str(_REPEATS)]
    limit = _SECONDS + _SECONDS_AN_IMAGE * count
    try:
        done = subprocess.run(
            [sys.executable, trial.__file__, *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
            cwd=place,
        )
        reason = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        ended = done.returncode == 0
    except subprocess.TimeoutExpired:
        reason, ended = f"no answer within {limit:,.0f} s", False
    if not ended:
        raise DataError(
            f"Expected the export {name} to run by itself, and it does not: "
            f"{quoted(reason)}; leave it out of --format, or try fewer --samples."
        )
    with np.load(out, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _names_agree(
    answered: Mapping[str, npt.NDArray[Any]],
    answers: npt.NDArray[np.float64],
    classes: Sequence[str],
) -> bool:
    """Whether names of classes, where there are some, are of the most probable ones."""
    if "labels" not in answered:
        return True
    names = [classes[number] for number in answers.argmax(axis=1)]
    return bool((answered["labels"] == np.array(names)).all())


def _part_of_largest(
    given: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]
) -> float:
    if given.shape != expected.shape:
        return math.inf
    largest = max(float(np.abs(expected).max()), _TINY)
    return float(np.abs(given - expected).max()) / largest


def _same_class(
    answers: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Say of each image whether the answer's first class may be the expected one."""
    first = answers.argmax(axis=1)
    own = np.take_along_axis(expected, first[:, None], axis=1)[:, 0]
    return np.asarray(own >= (1 - _TIE) * expected.max(axis=1))


def _logits(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logits: npt.NDArray[np.float64] = np.log(np.maximum(rows, _TINY))
    return logits - logits.mean(axis=1, keepdims=True)


def _times(seconds: npt.NDArray[np.float64]) -> tuple[float, float]:
    median, high = np.quantile(seconds, [0.5, 0.95]) * 1e3
    return round(float(median), 3), round(float(high), 3)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)
