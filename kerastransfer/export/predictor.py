"""Classify image files with an exported model."""

import contextlib
import dataclasses
import functools
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.export import file_reading, seals
from kerastransfer.export.confidence import Confidence
from kerastransfer.export.file_reading import FileRead
from kerastransfer.export.locate import find_saved_model
from kerastransfer.export.saved_model import LABELS_FILE
from kerastransfer.foundation import report
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.pending import Load
from kerastransfer.records.workers import Workers

BATCH = 32
_AHEAD = 16  # batches whose files may be read before the first of them is classified
_SHOWN = 3  # classes


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
    threshold : float
        Probability of the first class below which the model does not know.
    """

    path: Path
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32] | None
    error: str = ""
    num_shown: int = _SHOWN
    threshold: float = 0.0

    def __str__(self) -> str:
        if self.probabilities is None:
            return f"{self.path}: error: {self.error}"
        likeliest = ", ".join(f"{label} {100 * p:.1f} %" for label, p in self.top())
        doubt = "" if self.knows else "don't know, perhaps "
        return f"{self.path}: {doubt}{likeliest}"

    @property
    def knows(self) -> bool:
        """Whether the first class is as probable as the model was told to ask for."""
        if self.probabilities is None:
            return False
        return bool(self.probabilities.max() >= self.threshold)

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
    folder : Path
        Where it was loaded from.
    rules : ImageRules
        How the images were read that it was trained on.
    threshold : float
        Probability of the first class below which it does not know.
    """

    model: object
    classes: tuple[str, ...]
    folder: Path
    rules: ImageRules = dataclasses.field(default_factory=ImageRules)
    threshold: float = 0.0

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
            seals.check_saved_model(saved_model)
        assets = saved_model / "assets"
        labels = (assets / LABELS_FILE).read_text(encoding="utf-8")
        rules = ImageRules.read(assets).with_white_level(white_level)
        model = tf.saved_model.load(str(saved_model))
        threshold = Confidence.read(assets).threshold
        classes = tuple(labels.splitlines())
        return cls(model, classes, saved_model, rules, threshold)

    @property
    def batch_size(self) -> int:
        """How many files are classified together."""
        return BATCH

    @property
    def identity(self) -> str:
        """A digest of what answers depend on: weights, classes, how images are read."""
        digest = hashlib.sha256(repr(self.rules).encode())
        for name in seals.saved_model_files(self.folder):
            if not name.endswith(".pb"):  # the graph, whose bytes differ each time
                digest.update(f"{name} {seal.sha256(self.folder / name)}\n".encode())
        return digest.hexdigest()

    def predict(self, paths: Sequence[Path], top: int = 1) -> Iterator[Prediction]:
        """Classify image files, in their order; show the `top` classes of each.

        A file that cannot be read gives a `Prediction` with an error; the others are
        classified all the same.
        """
        for batch in self.batches(paths, top):
            yield from batch

    def batches(
        self, paths: Sequence[Path], top: int = 1, *, apart: bool = False
    ) -> Iterator[list[Prediction]]:
        """Classify image files, and yield the answers to a batch of files at a time.

        Files are read by other processes where they are many, as in conversion; no more
        than some batches are in memory at a time. A file that ends the process which
        reads it gives an error like another that cannot be read.

        Parameters
        ----------
        apart : bool
            Whether few files are read by another process too.
        """
        read = functools.partial(file_reading.read, rules=self.rules)
        with Workers(
            read,
            _load,
            weigh=_weigh,
            images=len(paths),
            lost=file_reading.lost,
            apart=apart,
        ) as workers:
            for begin in range(0, len(paths), _AHEAD * BATCH):
                several = paths[begin : begin + _AHEAD * BATCH]
                yield from self._in_order(several, workers(enumerate(several)), top)

    def _in_order(
        self, paths: Sequence[Path], files: Iterator[FileRead], top: int
    ) -> Iterator[list[Prediction]]:
        """Classify files that come in any order, batch by batch in their own."""
        early: dict[int, FileRead] = {}
        begin = end = 0
        for file in files:
            early[file.number] = file
            while end in early:
                end += 1
                if end - begin == BATCH or end == len(paths):
                    batch = [early.pop(number) for number in range(begin, end)]
                    yield self._answers(paths[begin:end], batch, top)
                    begin = end

    def _answers(
        self, paths: Sequence[Path], files: Sequence[FileRead], top: int
    ) -> list[Prediction]:
        """Classify files that were read, and tell of what was odd in them."""
        for path, file in zip(paths, files, strict=True):
            for words in file.warnings:
                report.warn(f"{quoted(path)} has {words}.")
        readable = [file.data for file in files if file.data]
        rows = iter(self._classify(readable) if readable else ())
        answers = [(next(rows) if file.data else None, file.error) for file in files]
        return [
            Prediction(
                path,
                self.classes,
                *_without_nan(row, error),
                num_shown=top,
                threshold=self.threshold,
            )
            for path, (row, error) in zip(paths, answers, strict=True)
        ]

    def _classify(self, encoded: list[bytes]) -> NDArray[np.float32]:
        signatures = self.model.signatures  # type: ignore[attr-defined]
        # Exports of earlier versions take records' bytes where they take any file's.
        signature = signatures.get("records") or signatures["serving_default"]
        return np.asarray(signature(image=tf.constant(encoded))["probabilities"])


@contextlib.contextmanager
def opened(
    folder: Path,
    export: Callable[[Path], Path],
    white_level: float | str | None,
    *,
    ignore_seal: bool,
) -> Iterator[Predictor]:
    """Load a SavedModel; where none is in the folder, one is exported for a moment."""
    with tempfile.TemporaryDirectory() as scratch:
        if not folder.is_dir():
            folder = export(Path(scratch) / folder.name)
        yield Predictor.load(folder, white_level=white_level, ignore_seal=ignore_seal)


def _without_nan(
    row: NDArray[np.float32] | None, error: str
) -> tuple[NDArray[np.float32] | None, str]:
    """Return an answer, or that there is none: the graph could not read the bytes."""
    if row is None or np.isfinite(row).all():
        return row, error
    return None, "the model gives no number for it"


def _load(_: tuple[int, Path]) -> Load:
    return Load(size=0, images=1)


def _weigh(file: FileRead) -> int:
    return len(file.data)
