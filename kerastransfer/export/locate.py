"""Where a SavedModel is; found before TensorFlow is imported."""

from pathlib import Path

from kerastransfer.errors import MissingError
from kerastransfer.foundation import seal
from kerastransfer.foundation.quoting import quoted


def find_saved_model(folder: Path) -> Path:
    """Return the SavedModel in a run's folder, or `folder` itself if it is one.

    Raises
    ------
    MissingError
        If there is no SavedModel.
    """
    for candidate in (folder, folder / "saved_model"):
        if (candidate / "saved_model.pb").is_file():
            return candidate
    raise MissingError(
        f"Expected a run or a SavedModel in {quoted(folder)}, and there is none; train "
        "without --no-export, or run 'kerastransfer export RUN --out DIR'."
    )


def files(saved_model: Path) -> list[str]:
    """Return the names of a SavedModel's files, but for those that others added."""
    patterns = ("*.pb", "variables/*", "assets/*")
    paths = [path for pattern in patterns for path in saved_model.glob(pattern)]
    return [path.relative_to(saved_model).as_posix() for path in paths]


def check_seal(saved_model: Path) -> None:
    """Refuse a SavedModel of which a file was changed since it was written.

    Raises
    ------
    DataError
        The message names the files.
    """
    cure = "export the run again, or pass --ignore-seal (ignore_seal=True)"
    seal.check(saved_model, cure, read=files(saved_model))


def is_replaceable(folder: Path) -> bool:
    """Return whether nothing but an export of ours would be lost."""
    if not folder.is_dir():
        return False
    return (folder / "saved_model.pb").is_file() or not any(folder.iterdir())
