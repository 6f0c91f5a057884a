"""What the source looked like to a backbone, as a small file."""

import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.features import feature_file
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.quoting import quoted

SAMPLE = 1_000
_KIND = "statistics"
_TEXTS = ("dataset", "backbone", "weights")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatistics:
    """The mean response to the source's images, and how sure it is.

    Parameters
    ----------
    mean : array of shape (d,), float64
        Of block 7's output.
    count : int or None
        Images it rests on; None where it follows from the weights alone.
    scatter : float
        Trace of the covariance of one image's response; 0 without images.
    covariance : array of shape (d, d), float32, optional
    sample : array of shape (k, d), float32, optional
        Responses to some of the images, drawn at random.
    dataset, backbone : str
        Names.
    weights : str
        SHA-256 of the weights' file.
    """

    mean: NDArray[np.float64]
    count: int | None
    scatter: float
    covariance: NDArray[np.float32] | None = None
    sample: NDArray[np.float32] | None = None
    dataset: str
    backbone: str
    weights: str

    def write(self, path: Path) -> None:
        """Write a file, whole or not at all."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields |= {**feature_file.heading(_KIND), "count": self.count or 0}
        numpy_files.write_npz(
            path, {k: np.asarray(v) for k, v in fields.items() if v is not None}
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` made.

        Raises
        ------
        MissingError
            If there is no such file.
        DataError
            If it is damaged, or holds something else.
        """
        held = feature_file.open_arrays(path)
        feature_file.check_kind(held, _KIND, path)
        mean = feature_file.take(held, "mean", path)
        count = _scalar(held, "count", path)
        statistics = cls(
            mean=np.array(mean, np.float64) if mean.dtype.kind == "f" else mean,
            count=int(count) or None,
            scatter=float(_scalar(held, "scatter", path)),
            covariance=held.get("covariance"),
            sample=held.get("sample"),
            **{name: str(feature_file.take(held, name, path)) for name in _TEXTS},
        )
        _check(statistics, path)
        return statistics


def _scalar(held: dict[str, NDArray[Any]], name: str, path: Path) -> Any:
    value = feature_file.take(held, name, path)
    if value.shape != () or value.dtype.kind not in "iuf" or not np.isfinite(value):
        raise DataError(
            f"Expected a number {quoted(name)} in {quoted(path)}, got {value.dtype} of "
            f"shape {value.shape}."
        )
    return value[()]


def _check(statistics: SourceStatistics, path: Path) -> None:
    size = statistics.mean.size
    rows = 0 if statistics.sample is None else len(np.atleast_1d(statistics.sample))
    _check_array("mean", statistics.mean, (size,), path)
    _check_array("covariance", statistics.covariance, (size, size), path)
    _check_array("sample", statistics.sample, (rows, size), path)
    if statistics.scatter < 0 or (
        statistics.count is not None and statistics.count < 2
    ):
        raise DataError(
            "Expected two images or more and a scatter of 0 or more in "
            f"{quoted(path)}, got {statistics.count} and {quoted(statistics.scatter)}."
        )


def _check_array(
    name: str, array: NDArray[Any] | None, shape: tuple[int, ...], path: Path
) -> None:
    if array is None:
        return
    if array.shape != shape or array.dtype.kind != "f" or not array.size:
        raise DataError(
            f"Expected {name} of shape {shape} in {quoted(path)}, got {array.dtype} of "
            f"shape {array.shape}."
        )
    if not np.isfinite(array).all():
        raise DataError(
            f"Expected finite numbers in {quoted(name)} of {quoted(path)}, got a NaN "
            "or an infinity; make the file again."
        )
