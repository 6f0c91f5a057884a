"""A SavedModel, or a bundle of formats, calibrated where that is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.errors import InputError
from kerastransfer.export.confidence import Confidence
from kerastransfer.export.locate import is_replaceable
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.runs.exporting import bundle
from kerastransfer.runs.exporting.options import BundleOptions

if TYPE_CHECKING:
    from kerastransfer.runs.finished import Run


def export(
    run: "Run",
    folder: Path,
    *,
    calibrate: bool = False,
    precision: float | None = None,
    bundle_options: BundleOptions | None = None,
) -> Path:
    """Write a run's SavedModel, or a bundle of formats; see `Run.export`."""
    folder = system.utf8(folder)
    if bundle_options is not None:
        bundle_options.check()
    elif folder.exists() and not is_replaceable(folder):
        raise InputError(
            f"Expected --out to name a new folder or an older SavedModel, got "
            f"{quoted(folder)}, which holds other files."
        )
    if precision is not None and not calibrate:
        raise InputError(
            "Expected --precision with --calibrate, which tells what a probability is "
            "worth; add it, or leave --precision out."
        )
    confidence = _confidence(run, precision) if calibrate else Confidence()
    if bundle_options is not None:
        return bundle.export(run, folder, bundle_options, confidence)
    import_quietly()
    from kerastransfer.export import saved_model

    preprocessing, rules = run.backbone.preprocessing, ImageRules.read(run.folder)
    saved_model.save(
        run.blocks(), preprocessing, run.classes, folder, rules, confidence
    )
    return folder


def _confidence(run: "Run", precision: float | None) -> Confidence:
    """Fit a temperature, and a threshold, to what the run answered in validation."""
    if precision is not None and not 0 < precision < 1:
        raise InputError(
            f"Expected --precision between 0 and 1, got {quoted(precision)}."
        )
    import_quietly()
    from kerastransfer.runs import predictions

    path = run.folder / predictions.FOLDER / "val.csv"
    probabilities, labels = predictions.read_answers(path, run.classes)
    confidence = Confidence.fitted(probabilities, labels, precision)
    say(str(confidence))
    return confidence
