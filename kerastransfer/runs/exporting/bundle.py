"""A run's model in several formats, with a certificate that they answer alike."""

import dataclasses
import importlib.metadata
import importlib.util
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerastransfer.datasets import table as datasets
from kerastransfer.errors import DataError, InputError
from kerastransfer.evaluation import temperature
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.export.confidence import FILE as CONFIDENCE_FILE
from kerastransfer.export.confidence import Confidence
from kerastransfer.export.locate import is_replaceable
from kerastransfer.foundation import atomic, locks, system
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly, without_noise
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.images import rules
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.reader import Records
from kerastransfer.runs.card.card import card
from kerastransfer.runs.card.exported import Exported
from kerastransfer.runs.exporting import images
from kerastransfer.runs.exporting.options import NEEDED, BundleOptions

if TYPE_CHECKING:
    from kerastransfer.export.formats.trials import FormatTrial
    from kerastransfer.runs.finished import Run

LABELS, PREPROCESSING, CARD = "labels.txt", "preprocessing.json", "README.md"
_FILES = {
    "saved_model": "saved_model",
    "litert": "model.tflite",
    "onnx": "model.onnx",
}
_VERSION = "1"  # the folder that servers look for


def export(
    run: "Run", folder: Path, options: BundleOptions, confidence: Confidence
) -> Path:
    """Write a run's model in several formats, and their certificate.

    The folder gets ``saved_model/1`` (as servers want it), ``model.tflite`` and
    ``model.onnx``, as far as they are asked for; ``labels.txt``,
    ``preprocessing.json``, ``certificate.json``, ``README.md`` (the model card), and
    ``SHA256SUMS`` of all. It is there once every format was tried in a process of its
    own and agreed with the network.

    Raises
    ------
    DataError
        If a format answers otherwise, or less accurately than is required.
    """
    if folder.exists() and not _is_bundle(folder):
        raise InputError(
            f"Expected --out to name a new folder or an older export, got "
            f"{quoted(folder)}, which holds other files."
        )
    import_quietly()
    from kerastransfer.export.formats import certificate

    records = find_or_convert(datasets.resolve(run.config.dataset))
    _refuse_other_records(run, records)
    lock = locks.held(locks.beside(folder), keep=False)
    full = system.telling_of_full_disk(folder, "and export again.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with full, lock, atomic.staging(folder) as scratch:
        complete = scratch / "complete"
        _write_formats(run, records, complete, options, confidence)
        trial_folder = scratch / "trial"
        trial_folder.mkdir()
        stated = _certify(run, records, complete, options, confidence, trial_folder)
        say(str(stated))
        certificate.refuse_disagreement(stated)
        if options.require is not None:
            certificate.refuse_below(stated, options.require)
        if "saved_model" not in options.formats:  # what the others were made from
            shutil.rmtree(complete / _FILES["saved_model"])
        atomic.write_json(complete / certificate.FILE, stated.as_dict())
        about = Exported(
            formats=options.formats, confidence=confidence, certificate=stated
        )
        card(run, records, about).save(complete / CARD)
        files = (path for path in complete.rglob("*") if path.is_file())
        seal.write(complete, sorted(p.relative_to(complete).as_posix() for p in files))
        atomic.replace_folder(complete, folder)
    return folder


def _is_bundle(folder: Path) -> bool:
    """Whether nothing but an export of ours would be lost."""
    from kerastransfer.export.formats import certificate

    if is_replaceable(folder):
        return True
    if not (folder / seal.FILE).is_file() or not (folder / certificate.FILE).is_file():
        return False
    ours = {*_FILES.values(), LABELS, PREPROCESSING, certificate.FILE, seal.FILE}
    ours |= {CONFIDENCE_FILE, rules.FILE, CARD}
    return all(path.name in ours for path in folder.iterdir())


def _refuse_other_records(run: "Run", records: Records) -> None:
    """Refuse records that the run was not trained on: what is test may be others."""
    if records.classes != run.classes or records.content_hash != run.config.records:
        raise DataError(
            f"Expected the records that the run was trained on, and those of "
            f"{quoted(records.name)} are others, of which it may have seen some; bring "
            "the images back, train again, or leave --format out."
        )
    if not records.size("test"):
        raise DataError(
            "Expected test images to certify an export on, and there are none; leave "
            "--format out."
        )


def _write_formats(
    run: "Run",
    records: Records,
    folder: Path,
    options: BundleOptions,
    confidence: Confidence,
) -> None:
    """Write the formats that are asked for, and what stands beside them."""
    from kerastransfer.export import saved_model
    from kerastransfer.export.formats import litert, onnx_model

    preprocessing = run.backbone.preprocessing
    texts = {
        LABELS: "".join(f"{name}\n" for name in run.classes),
        PREPROCESSING: atomic.json_text(_takes(run)),
        CONFIDENCE_FILE: atomic.json_text(confidence.as_dict()),
        rules.FILE: atomic.json_text(ImageRules.read(run.folder).as_dict()),
    }
    for name, text in texts.items():
        atomic.write_text(folder / name, text)
    first = folder / _FILES["saved_model"] / _VERSION
    image_rules = ImageRules.read(run.folder)
    saved_model.save(
        run.blocks(), preprocessing, run.classes, first, image_rules, confidence
    )
    if "litert" in options.formats:
        say("Converting to LiteRT")
        crops = list(images.training_crops(run, records)) if options.quantize else []
        with without_noise():
            litert.convert(
                first,
                folder / _FILES["litert"],
                files=texts,
                quantize=options.quantize,  # type: ignore[arg-type]
                samples=crops,
            )
    if "onnx" in options.formats:
        say("Converting to ONNX")
        with without_noise():
            onnx_model.convert(first, folder / _FILES["onnx"], files=texts)


_BEFORE = ("resize", "resize_to", "crop", "interpolation", "fit")  # by the caller


def _takes(run: "Run") -> dict[str, Any]:
    """Say what the ``image`` input of every format takes, and what is done to it."""
    fields = run.backbone.preprocessing.as_dict()
    side = run.backbone.preprocessing.crop
    return {
        "input": {
            "name": "image",
            "shape": [None, side, side, 3],
            "type": "float32",
            "channels": "RGB",
            "range": [0, 255],
        },
        "before": {name: fields[name] for name in _BEFORE if name in fields},
        "inside": {name: fields[name] for name in fields if name not in _BEFORE},
        "outputs": ["probabilities", "features"],
    }


def _certify(
    run: "Run",
    records: Records,
    folder: Path,
    options: BundleOptions,
    confidence: Confidence,
    scratch: Path,
) -> Any:
    """Try every format on test images, beside the network that was measured."""
    from kerastransfer.export.formats.certificate import Certificate
    from kerastransfer.export.formats.trials import try_files, try_format

    count = records.size("test")
    drawn = np.random.default_rng(0).permutation(count)[: options.samples]
    positions = np.sort(drawn)
    crops = scratch / "images.npy"
    images.write_crops(run, records, positions, crops)
    labels, features, measured = images.measured(run, records, positions)
    expected = temperature.apply(measured, confidence.temperature)
    tried: list[FormatTrial] = []
    for name in options.formats:
        say(f"Trying {name} in a process of its own")
        path = folder / _FILES[name]
        one = try_format(
            name,
            path / _VERSION if name == "saved_model" else path,
            crops,
            expected,
            features,
            labels,
            classes=run.classes,
            scratch=scratch,
            quantize=(options.quantize or "") if name == "litert" else "",
        )
        tried.append(dataclasses.replace(one, path=path.name))
    model = folder / _FILES["saved_model"] / _VERSION
    files = images.answers_to_files(run, records, positions, model)
    right = int((measured.argmax(axis=1) == labels).sum())
    return Certificate(
        images=len(labels),
        records=records.content_hash,
        accuracy=wilson(right, len(labels)),
        temperature=confidence.temperature,
        threshold=confidence.threshold,
        files=None if files is None else try_files(files[1], expected[files[0]]),
        formats=tuple(tried),
        versions=_versions(options.formats),
    )


def _versions(formats: Sequence[str]) -> dict[str, str]:
    names = ["kerastransfer", "tensorflow", "keras", "numpy"]
    names += [needed for name in formats for needed in NEEDED[name]]
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }
