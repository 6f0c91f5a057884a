"""How one format's answers compare with those of the network that was measured."""

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kerastransfer.errors import DataError
from kerastransfer.evaluation.intervals import Estimate, wilson
from kerastransfer.export.formats import trial
from kerastransfer.foundation.quoting import quoted

SECONDS = 900.0  # that one format's trial may take
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
class FilesTrial:
    """How answers to original files compare with those to records, which were measured.

    Parameters
    ----------
    unreadable : int
        Files that the SavedModel says it cannot read.
    greatest : float
        Difference of probabilities, of those that it reads.
    agreement : Estimate
        Fraction of them with the same first class, as of `FormatTrial`.
    """

    unreadable: int
    greatest: float
    agreement: Estimate

    @property
    def agrees(self) -> bool:
        """Whether decoding and resizing in the graph are those of the records."""
        greatest, share = FILES_TOLERANCE
        return self.greatest <= greatest and self.agreement.value >= share


def try_files(
    answers: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]
) -> FilesTrial | None:
    """Compare answers to original files with those to records.

    Parameters
    ----------
    answers : array of shape (n, classes)
        NaN where a file could not be read.

    Returns
    -------
    FilesTrial or None
        None where none could be read.
    """
    readable = np.isfinite(answers).all(axis=1)
    if not readable.any():
        return None
    given, wanted = answers[readable], expected[readable]
    return FilesTrial(
        unreadable=int((~readable).sum()),
        greatest=float(np.abs(given - wanted).max()),
        agreement=wilson(int(_same_class(given, wanted).sum()), len(given)),
    )


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
