"""Features of images in a file: a backbone's response (block 7) to each."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.foundation import numpy_files
from kerastransfer.foundation.quoting import quoted

FORMAT = 2  # 2: of JPEGs decoded accurately
_KIND = "features"
_TEXTS = ("dataset", "backbone", "fit", "weights", "records")
_ARRAYS = ("features", "labels", "ids", "splits")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFile:
    """Features of images, and where they came from.

    Parameters
    ----------
    features : array of shape (n, d), float32
        Block 7's output; mapped from a file, so that any number of images fits.
    labels : array of shape (n,), int64
    ids : array of shape (n,), str
        Of the records: relative paths.
    splits : array of shape (n,), str
        ``train``, ``val`` or ``test``.
    dataset, backbone : str
        Names.
    fit : str
        How images that are not square were brought to the network: ``crop``, ``pad``
        or ``squash``.
    weights, records : str
        SHA-256 of the weights' file, and the records' content hash.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    ids: NDArray[np.str_]
    splits: NDArray[np.str_]
    dataset: str
    backbone: str
    fit: str
    weights: str
    records: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open a file that `write` made.

        Returns
        -------
        FeatureFile
            Its features are not yet read, and not yet known to be finite.

        Raises
        ------
        MissingError
            If there is no such file.
        DataError
            If it is damaged, or holds something else.
        """
        held = open_arrays(path)
        check_kind(held, _KIND, path)
        fields: dict[str, Any] = {name: take(held, name, path) for name in _ARRAYS}
        fields |= {name: str(take(held, name, path)) for name in _TEXTS}
        file = cls(**fields)
        _check(file, path)
        return file


def write(
    path: Path, blocks: Iterable[NDArray[np.float32]], num_features: int, **fields: Any
) -> None:
    """Write features as they come.

    Parameters
    ----------
    blocks : iterable of arrays of shape (k, num_features)
        In the order of the labels.
    **fields
        All fields of `FeatureFile` but `features`.

    Raises
    ------
    DataError
        If the blocks hold other rows than there are labels.
    """
    shape = len(fields["labels"]), num_features
    arrays = {name: np.asarray(value) for name, value in fields.items()}
    rows = numpy_files.RowBlocks(shape, blocks)
    numpy_files.write_npz(path, {**heading(_KIND), "features": rows, **arrays})


def heading(kind: str) -> dict[str, NDArray[Any]]:
    """Return the arrays that say what a file holds."""
    return {"kind": np.array(kind), "format": np.array(FORMAT)}


def open_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Open the arrays of a file that ``kerastransfer features`` made."""
    cure = "make it again with 'kerastransfer features'"
    return numpy_files.read_npz(path, kind="a file of features", cure=cure)


def kind_of(path: Path) -> str:
    """Return what a file says it holds: ``features``, ``statistics`` or nothing."""
    return str(open_arrays(path).get("kind", ""))


def check_kind(held: dict[str, NDArray[Any]], kind: str, path: Path) -> None:
    """Refuse an archive of another kind, or of an earlier format."""
    actual = str(held.get("kind", ""))
    if actual != kind:
        raise DataError(
            f"Expected a file of {kind} at {quoted(path)}, got one of "
            f"{quoted(actual[:40] or 'other arrays')}; make it with 'kerastransfer "
            "features'."
        )
    version = held.get("format", np.array(1))
    if version.shape != () or version != FORMAT:
        raise DataError(
            f"Expected a file of format {FORMAT} at {quoted(path)}, got "
            f"{str(version)[:20]}, made by another release, which decoded images in "
            "another way; make it again with 'kerastransfer features'."
        )


def take(held: dict[str, NDArray[Any]], name: str, path: Path) -> NDArray[Any]:
    """Return an archive's array, or say that it is missing."""
    if name not in held:
        raise DataError(
            f"Expected an array {quoted(name)} in {quoted(path)}; make the file again "
            "with 'kerastransfer features'."
        )
    return held[name]


def _check(file: FeatureFile, path: Path) -> None:
    rows = len(file.labels) if file.labels.ndim == 1 else -1
    sound = (
        file.features.ndim == 2
        and file.features.dtype == np.float32
        and file.labels.dtype == np.int64
        and file.ids.dtype.kind == file.splits.dtype.kind == "U"
        and len(file.features) == rows
        and file.ids.shape == file.splits.shape == (rows,)
    )
    if not sound:
        raise DataError(
            f"Expected float32 features (n, d) with int64 labels and text ids and "
            f"splits (n,) in {quoted(path)}, got features {file.features.dtype} "
            f"{file.features.shape}, labels {file.labels.dtype} "
            f"{file.labels.shape}, ids {file.ids.shape}."
        )
