"""A trained model on images of one's own: `predict` and `predict_table`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.api.given import Location
from kerastransfer.errors import InputError
from kerastransfer.export import seals
from kerastransfer.export.answers import table
from kerastransfer.export.answers.files import as_paths, image_files, refuse_missing
from kerastransfer.export.locate import find_saved_model
from kerastransfer.foundation import keras_settings, system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.images.rendering import read_white_level

if TYPE_CHECKING:
    from kerastransfer.export.answers.classify import AnswerTable
    from kerastransfer.export.predictor import Prediction


@keras_settings.ours
def predict(
    model: Location,
    files: Location | Iterable[Location],
    *,
    top: int = 1,
    white_level: float | str | None = None,
    ignore_seal: bool = False,
) -> "Iterator[Prediction]":
    """Classify image files with a run or an exported model, one after the other.

    Parameters
    ----------
    model : path
        A run's folder, or that of a SavedModel which `Run.export` wrote.
    files : path or iterable of path
        Files, and folders whose images are taken at any depth.
    top : int
        Classes of each answer, the most probable first.
    white_level : float, optional
        The value that is white in images deeper than 8 bits; by default that of the
        images which the model was trained on.
    ignore_seal : bool
        Whether to take a model whose files were changed since it was exported.

    Yields
    ------
    Prediction
        In the order of the files; one that cannot be read spoils no other.
    """
    folder = _model_folder(model, top, white_level, ignore_seal)
    named = as_paths(files)
    paths = image_files(named)
    refuse_missing(named, paths)
    import_quietly()
    from kerastransfer.export.predictor import Predictor

    predictor = Predictor.load(folder, white_level=white_level, ignore_seal=ignore_seal)
    return predictor.predict(paths, top=top)


@keras_settings.ours
def predict_table(
    model: Location,
    files: Location | Iterable[Location],
    out: Location,
    *,
    top: int = 1,
    white_level: float | str | None = None,
    ignore_seal: bool = False,
) -> "AnswerTable":
    """Classify any number of image files into a table with a row a file.

    What was stopped goes on where it was.

    Parameters
    ----------
    model, files, top, white_level, ignore_seal
        As for `predict`.
    out : path
        Ends in ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``.

    Returns
    -------
    AnswerTable
        Where it is, and how many files could not be read.
    """
    folder = _model_folder(model, top, white_level, ignore_seal)
    table.check(Path(out))
    import_quietly()
    from kerastransfer.export.answers.classify import classify
    from kerastransfer.export.predictor import Predictor

    predictor = Predictor.load(folder, white_level=white_level, ignore_seal=ignore_seal)
    return classify(predictor, as_paths(files), Path(out), top=top)


def _model_folder(
    model: Location, top: int, white_level: float | str | None, ignore_seal: bool
) -> Path:
    """Refuse what cannot be answered before TensorFlow is loaded."""
    if top < 1:
        raise InputError(f"Expected --top > 0, got {top}.")
    read_white_level(white_level)
    folder = system.utf8(Path(model))
    if not folder.is_dir():
        raise InputError(f"Expected a run or a SavedModel, got {quoted(folder)}.")
    find_saved_model(folder)
    if (folder / seals.RESULT).is_file() and not ignore_seal:
        seals.check_run(folder)
    return folder
