"""A finished run in a few lines."""

from typing import TYPE_CHECKING

from kerastransfer.export.seals import SAVED_MODEL

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run


def text(run: "Run") -> str:
    """Give the metrics, the number to beat, and where the files are."""
    lines = [
        f"{run.config.recipe} on {run.config.dataset} with "
        f"{run.config.backbone}: {_measured_on(run)}, 95 % intervals",
        str(run.test),
    ]
    if run.to_beat is not None:
        lines.append(f"{'to beat':<15} {run.to_beat}")
        if run.to_beat.against:
            lines.append(f"{'against it':<15} {run.to_beat.against}")
    lines.append(f"{'run':<15} {run.folder}")
    if (run.folder / SAVED_MODEL).is_dir():
        lines.append(f"{'SavedModel':<15} {run.folder / SAVED_MODEL}")
    return "\n".join(lines)


def _measured_on(run: "Run") -> str:
    """Name the images that `test` is of; a cross-validation's are a fold."""
    fold = run.result.get("fold")
    return f"fold {fold} of {run.result['folds']}" if fold else "test set"
