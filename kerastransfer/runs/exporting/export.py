"""A SavedModel, or a bundle of formats, calibrated where that is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from kerastransfer.errors import InputError
from kerastransfer.evaluation import reliability
from kerastransfer.export.confidence import Confidence
from kerastransfer.export.locate import is_replaceable
from kerastransfer.foundation import system
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.runs.card.card import card
from kerastransfer.runs.card.exported import Exported
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
    reliability_file: Path | None = None,
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
    if reliability_file is not None:
        _check_reliability(reliability_file, folder, calibrate=calibrate)
    confidence = _confidence(run, precision) if calibrate else Confidence()
    if bundle_options is not None:
        bundle.export(run, folder, bundle_options, confidence)
    else:
        _export_saved_model(run, folder, confidence)
    if reliability_file is not None:
        _draw(reliability_file, confidence)
    return folder


def _check_reliability(file: Path, folder: Path, *, calibrate: bool) -> None:
    if not calibrate:
        raise InputError(
            "Expected --reliability with --calibrate, of which it shows what it "
            "brings; add it, or leave --reliability out."
        )
    if folder.absolute() in file.absolute().parents:
        raise InputError(
            f"Expected --reliability outside the export, which is sealed, got "
            f"{quoted(file)}."
        )
    reliability.check(file)


def _draw(file: Path, confidence: Confidence) -> None:
    """Draw how often answers are right that are so sure, before and after."""
    calibrations = {"before": confidence.before, "after": confidence.after}
    known = {name: each for name, each in calibrations.items() if each is not None}
    reliability.write(file, known, "validation images")


def _export_saved_model(run: "Run", folder: Path, confidence: Confidence) -> None:
    import_quietly()
    from kerastransfer.export import saved_model

    preprocessing, rules = run.backbone.preprocessing, ImageRules.read(run.folder)
    text = str(card(run, export=Exported(confidence=confidence)))
    saved_model.save(
        run.blocks(), preprocessing, run.classes, folder, rules, confidence, text
    )


def _confidence(run: "Run", precision: float | None) -> Confidence:
    """Fit a temperature, and a threshold, to what the run answered in validation."""
    if precision is not None and not 0 < precision < 1:
        raise InputError(
            f"Expected --precision between 0 and 1, got {quoted(precision)}."
        )
    import_quietly()
    from kerastransfer.runs import predictions

    path = run.folder / predictions.FOLDER / "val.csv"
    answers, groups = predictions.read_answers(path, run.classes)
    confidence = Confidence.fitted(*answers, precision, groups)
    say(str(confidence))
    return confidence
