"""Classify image files with an exported model."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.errors import DataError
from kerastransfer.export.locate import find_saved_model
from kerastransfer.export.saved_model import LABELS_FILE
from kerastransfer.export.seals import check_saved_model
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images import notes
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.images.samples import ValueRange
from kerastransfer.records.write.stored_image import store, unknown_white

_BATCH = 32
_SHOWN = 3  # classes
_MAX_BYTES = 256 * 2**20
_WARNINGS = {
    notes.FRAMES: "several frames or pages, of which the first was taken",
    notes.CLIPPED: "values above the white level of the training images",
    notes.BANDS: "bands beyond red, green and blue, which were left out",
    notes.BLANK: "nothing but transparency",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Prediction:
    """The class probabilities of one image file, or why it could not be read.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes, in the order of the probabilities.
    probabilities : array of shape (num_classes,), or None
        None where the file could not be read.
    error : str
        Why the file could not be read; empty where it was.
    num_shown : int
        How many classes `top` and the text name unless they are told otherwise.
    """

    path: Path
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32] | None
    error: str = ""
    num_shown: int = _SHOWN

    def __str__(self) -> str:
        if self.probabilities is None:
            return f"{self.path}: error: {self.error}"
        likeliest = (f"{label} {100 * p:.1f} %" for label, p in self.top())
        return f"{self.path}: {', '.join(likeliest)}"

    def top(self, k: int | None = None) -> list[tuple[str, float]]:
        """Return the `k` most probable classes with their probabilities.

        The most probable class comes first; of equals the one with the lower index.
        The list is empty where the file could not be read.
        """
        if self.probabilities is None:
            return []
        best = (-self.probabilities).argsort(kind="stable")[: k or self.num_shown]
        return [(self.classes[i], float(self.probabilities[i])) for i in best]


@dataclasses.dataclass(frozen=True, slots=True)
class Predictor:
    """An exported model that classifies image files.

    Parameters
    ----------
    model : object
        The loaded SavedModel, which owns the variables.
    rules : ImageRules
        How the images were read that it was trained on.
    """

    model: object
    classes: tuple[str, ...]
    rules: ImageRules = dataclasses.field(default_factory=ImageRules)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        white_level: float | str | None = None,
        ignore_seal: bool = False,
    ) -> "Predictor":
        """Load a SavedModel that was exported by a run.

        Parameters
        ----------
        folder : Path
            The run's folder, or the SavedModel's.
        white_level : float, optional
            The value that is white in images deeper than 8 bits; by default that of
            the images which the model was trained on.
        ignore_seal : bool
            Whether to take it even where its files were changed since.

        Raises
        ------
        MissingError
            If there is no SavedModel.
        DataError
            If its files are not those that were exported.
        """
        saved_model = find_saved_model(folder)
        if not ignore_seal:
            check_saved_model(saved_model)
        assets = saved_model / "assets"
        labels = (assets / LABELS_FILE).read_text(encoding="utf-8")
        rules = ImageRules.read(assets).with_white_level(white_level)
        model = tf.saved_model.load(str(saved_model))
        return cls(model, tuple(labels.splitlines()), rules)

    def predict(self, paths: Sequence[Path], top: int = 1) -> Iterator[Prediction]:
        """Classify image files, in their order; show the `top` classes of each.

        A file that cannot be read gives a `Prediction` with an error; the others are
        classified all the same.
        """
        for start in range(0, len(paths), _BATCH):
            for prediction in self._predict_batch(paths[start : start + _BATCH]):
                yield dataclasses.replace(prediction, num_shown=top)

    def _predict_batch(self, paths: Sequence[Path]) -> Iterator[Prediction]:
        files = [_read(path, self.rules) for path in paths]
        readable = [data for data, _ in files if data]
        rows = iter(self._classify(readable) if readable else ())
        for path, (data, error) in zip(paths, files, strict=True):
            yield Prediction(path, self.classes, next(rows) if data else None, error)

    def _classify(self, encoded: list[bytes]) -> NDArray[np.float32]:
        signatures = self.model.signatures  # type: ignore[attr-defined]
        # Exports of earlier versions take records' bytes where they take any file's.
        signature = signatures.get("records") or signatures["serving_default"]
        return np.asarray(signature(image=tf.constant(encoded))["probabilities"])


def _read(path: Path, rules: ImageRules) -> tuple[bytes, str]:
    """Return a file's bytes as records would hold them, or why it cannot be read.

    The image is encoded as in conversion: EXIF rotation is applied, every format that
    records accept is read, and the result is that of the same image in records.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            return b"", f"larger than {_MAX_BYTES // 2**20} MiB"
        data = path.read_bytes()
        stored = store(data, rules.image_size, rendering=rules.rendering)
    except (DataError, OSError) as error:
        return b"", getattr(error, "strerror", None) or str(error)
    if isinstance(stored, ValueRange):
        return b"", unknown_white(stored)
    for note, words in _WARNINGS.items():
        if note in stored.notes:
            report.warn(f"{quoted(path)} has {words}.")
    return stored.image.data, ""
