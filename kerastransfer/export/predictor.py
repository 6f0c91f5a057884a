"""Classify image files with an exported model."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.errors import DataError, MissingError
from kerastransfer.export.saved_model import LABELS_FILE
from kerastransfer.records.write.stored_image import encode

_BATCH = 32
_MAX_BYTES = 256 * 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of a file.

    Parameters
    ----------
    path : Path
    probabilities : array of shape (classes,), or None
    error : str
        Why there is no answer; empty where there is one.
    """

    path: Path
    probabilities: NDArray[np.float32] | None
    error: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Predictor:
    """An exported model at work.

    Parameters
    ----------
    model : object
        The SavedModel as loaded; kept, for its variables live in it.
    classes : tuple of str
    """

    model: object
    classes: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """Load a run's, or an exported, SavedModel.

        Parameters
        ----------
        folder : Path
            A run's folder or a SavedModel's.

        Returns
        -------
        Predictor

        Raises
        ------
        MissingError
            If there is no SavedModel.
        """
        found = find(folder)
        labels = (found / "assets" / LABELS_FILE).read_text(encoding="utf-8")
        return cls(tf.saved_model.load(str(found)), tuple(labels.splitlines()))

    def predict(self, paths: Sequence[Path]) -> Iterator[Prediction]:
        """Classify files, in order; a broken one spoils no other.

        Parameters
        ----------
        paths : sequence of Path

        Yields
        ------
        Prediction
        """
        for start in range(0, len(paths), _BATCH):
            yield from self._predict_batch(paths[start : start + _BATCH])

    def _predict_batch(self, paths: Sequence[Path]) -> Iterator[Prediction]:
        read = [_read(path) for path in paths]
        good = [data for data, _ in read if data]
        answers = iter(self._classify(good) if good else ())
        for path, (data, error) in zip(paths, read, strict=True):
            yield Prediction(path, next(answers) if data else None, error)

    def _classify(self, encoded: list[bytes]) -> NDArray[np.float32]:
        signature = self.model.signatures["serving_default"]  # type: ignore[attr-defined]
        answer = signature(image=tf.constant(encoded))["probabilities"].numpy()
        return np.asarray(answer)


def find(folder: Path) -> Path:
    """Return the SavedModel in a run's folder, or the folder if it is one.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Path

    Raises
    ------
    MissingError
        If there is none.
    """
    for candidate in (folder, folder / "saved_model"):
        if (candidate / "saved_model.pb").is_file():
            return candidate
    raise MissingError(
        f"Expected a run or a SavedModel in {str(folder)!r}, and there is none; train "
        "without --no-export, or run 'kerastransfer export RUN --out DIR'."
    )


def _read(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes as records would hold them, or why there are none.

    The same encoding as in conversion: so EXIF rotation counts, every format that
    records take is read, and an image is classified as it would be in the records.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            return b"", f"larger than {_MAX_BYTES // 2**20} MiB"
        return encode(path.read_bytes()).data, ""
    except (DataError, OSError) as error:
        return b"", getattr(error, "strerror", None) or str(error)
