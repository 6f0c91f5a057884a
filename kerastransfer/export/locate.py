"""Where a SavedModel is; found before TensorFlow is imported."""

from pathlib import Path

from kerastransfer.errors import MissingError
from kerastransfer.foundation.quoting import quoted


def find_saved_model(folder: Path) -> Path:
    """Return the SavedModel in a run's folder or an export's, or `folder` itself.

    Raises
    ------
    MissingError
        If there is no SavedModel.
    """
    inside = (folder / "saved_model", folder / "1", folder / "saved_model" / "1")
    for candidate in (folder, *inside):
        if (candidate / "saved_model.pb").is_file():
            return candidate
    raise MissingError(
        f"Expected a run or a SavedModel in {quoted(folder)}, and there is none; train "
        "without --no-export, or run 'kerastransfer export RUN --out DIR'."
    )


def is_replaceable(folder: Path) -> bool:
    """Return whether nothing but an export of ours would be lost."""
    if not folder.is_dir():
        return False
    return (folder / "saved_model.pb").is_file() or not any(folder.iterdir())
