"""What a card says of the export that it lies in."""

import dataclasses
from typing import TYPE_CHECKING

from kerastransfer.evaluation import wording
from kerastransfer.evaluation.calibration import Calibration
from kerastransfer.export.confidence import Confidence
from kerastransfer.runs.card.markdown import plain, table

if TYPE_CHECKING:
    from kerastransfer.export.formats.certificate import Certificate
    from kerastransfer.runs.finished import Run

_USE = {
    "saved_model": "A TensorFlow SavedModel. The signature `serving_default` takes "
    "image files' bytes (JPEG, PNG, GIF, BMP, WebP) as a vector of strings called "
    "`image`, and returns `label`, `probabilities`, `features` and `readable`; "
    "`images` takes float crops, {side} x {side}, RGB in 0 to 255.",
    "litert": "`model.tflite` for LiteRT. Its input is `image`: float crops, {side} x "
    "{side}, RGB in 0 to 255.",
    "onnx": "`model.onnx` for onnxruntime. Its input is `image`: float crops, {side} x "
    "{side}, RGB in 0 to 255.",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export, as far as its card speaks of it.

    Parameters
    ----------
    formats : tuple of str
    confidence : Confidence
        What is done to probabilities.
    certificate : Certificate or None
        None where none was asked for.
    """

    formats: tuple[str, ...] = ("saved_model",)
    confidence: Confidence = dataclasses.field(default_factory=Confidence)
    certificate: "Certificate | None" = None


def use(run: "Run", export: Exported | None) -> str:
    """Say how the files are used."""
    side = run.backbone.preprocessing.crop
    if export is None:
        return (
            "## Use\n\n`model.keras` takes crops as the backbone's preprocessing gives "
            "them, and gives logits. `kerastransfer export` writes files that take "
            "images as they are."
        )
    lines = [f"- {_USE[name].format(side=side)}" for name in export.formats]
    return "## Use\n\n" + "\n".join(lines)


def trust(export: Exported | None) -> str:
    """Sum up calibration and certificate; empty where there is no export."""
    if export is None:
        return ""
    parts = [_calibration(export.confidence), _certificate(export)]
    return "\n\n".join(parts)


def _calibration(confidence: Confidence) -> str:
    title = "## Calibration\n\n"
    if confidence.before is None or confidence.after is None:
        return title + "Not calibrated: probabilities are as training left them."
    rows = [
        [name, *_of(value)]
        for name, value in (("before", confidence.before), ("after", confidence.after))
    ]
    text = (
        f"{title}Logits are divided by {confidence.temperature:.3f}, which was fitted "
        f"to {confidence.before.error.n:,} validation images; 95 % intervals.\n\n"
        + table(["", "calibration error", "of it by chance", "Brier score"], rows)
    )
    chosen = confidence.chosen
    if chosen is not None:
        text += (
            f"\n\nBelow a probability of {confidence.threshold:.3f} the answer is "
            f'"don\'t know". Of the validation images it answers '
            f"{plain(str(chosen.coverage))}; of these are right "
            f"{plain(str(chosen.precision))}."
        )
    return text


def _of(value: Calibration) -> list[str]:
    brier = value.brier
    return [
        wording.percent(value.error.as_dict()),
        f"{100 * value.by_chance:.1f} %",
        f"{brier.value:.3f} ({brier.low:.3f} to {brier.high:.3f})",
    ]


def _certificate(export: Exported) -> str:
    title = "## Certificate\n\n"
    stated = export.certificate
    if stated is None:
        return (
            f"{title}None: the export was not tried. `kerastransfer export --format` "
            "tries it on test images in a process of its own."
        )
    rows = [
        [
            " ".join(part for part in (each.name, each.quantize) if part),
            wording.percent(each.agreement.as_dict()),
            f"{each.greatest:.2g}",
            wording.percent(each.accuracy.as_dict()),
            f"{each.megabytes:.1f}",
            *(f"{each.milliseconds[size][0]:.1f}" for size in ("1", "32")),
        ]
        for each in stated.formats
    ]
    head = ["format", "same class as the trained network", "greatest difference"]
    head += ["accuracy", "MB", "ms, 1 image", "ms, 32 images"]
    files = stated.files
    if files is None:
        skew = "Original files were not at hand to be tried."
    elif files.agreement is None:
        skew = "No original file could be read by the SavedModel."
    else:
        skew = (
            f"Original files, answered by the SavedModel, have the same class as their "
            f"records for {wording.percent(files.agreement.as_dict())}; the greatest "
            f"difference of a probability is {files.greatest:.2g}; "
            f"{files.unreadable:,} could not be read."
        )
    return (
        f"{title}On {stated.images:,} test images, each format in a process of its "
        "own; the whole of it is in `certificate.json`.\n\n"
        f"{table(head, rows)}\n\n{skew}"
    )
