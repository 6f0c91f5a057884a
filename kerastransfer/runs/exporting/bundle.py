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
from kerastransfer.errors import InputError, MissingError
from kerastransfer.evaluation import temperature
from kerastransfer.evaluation.intervals import wilson
from kerastransfer.export.confidence import Confidence
from kerastransfer.export.locate import is_replaceable
from kerastransfer.foundation import atomic, locks, system
from kerastransfer.foundation.formats import seal
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly, without_noise
from kerastransfer.records.find import find_or_convert
from kerastransfer.records.images.rules import ImageRules
from kerastransfer.records.reader import Records
from kerastransfer.runs.exporting import images

if TYPE_CHECKING:
    from kerastransfer.export.formats.trials import FormatTrial
    from kerastransfer.runs.finished import Run

FORMATS = ("saved_model", "litert", "onnx")
SAMPLES = 500
LABELS, PREPROCESSING = "labels.txt", "preprocessing.json"
_FILES = {
    "saved_model": "saved_model",
    "litert": "model.tflite",
    "onnx": "model.onnx",
}
_NEEDED = {
    "saved_model": (),
    "litert": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
}
_VERSION = "1"  # the folder that servers look for


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What is exported, and what it has to fulfil.

    Parameters
    ----------
    formats : tuple of str
        Of `FORMATS`.
    quantize : str, optional
        ``float16`` or ``int8``: LiteRT's weights.
    samples : int
        Test images that the certificate is about, at most.
    require : float, optional
        Accuracy that the lower end of every format's interval has to reach.
    """

    formats: tuple[str, ...]
    quantize: str | None = None
    samples: int = SAMPLES
    require: float | None = None

    def check(self) -> None:
        """Refuse what cannot be exported, before any work is done.

        Raises
        ------
        InputError
            If a format or a number is none that there is.
        MissingError
            If what a format needs is not installed.
        """
        for name in self.formats:
            if name not in FORMATS:
                raise InputError(
                    f"Expected --format of {', '.join(FORMATS)}, got {quoted(name)}."
                )
            if not all(map(importlib.util.find_spec, _NEEDED[name])):
                raise MissingError(
                    f"Format {name} needs {' and '.join(_NEEDED[name])}: "
                    "pip install 'kerastransfer[export]'."
                )
        if self.quantize not in (None, "float16", "int8"):
            raise InputError(
                f"Expected --quantize float16 or int8, got {quoted(self.quantize)}."
            )
        if self.quantize and "litert" not in self.formats:
            raise InputError(
                "Expected --format litert with --quantize: the others stay float32."
            )
        if self.samples < 1:
            raise InputError(f"Expected --samples of 1 or more, got {self.samples}.")
        if self.require is not None and not 0 < self.require <= 1:
            raise InputError(
                f"Expected --require accuracy>=X with X above 0 and up to 1, got "
                f"{quoted(self.require)}."
            )


def export(
    run: "Run", folder: Path, options: BundleOptions, confidence: Confidence
) -> Path:
    """Write a run's model in several formats, and their certificate.

    The folder gets ``saved_model/1`` (as servers want it), ``model.tflite`` and
    ``model.onnx``, as far as they are asked for; ``labels.txt``,
    ``preprocessing.json``, ``certificate.json``, and ``SHA256SUMS`` of all. It is there
    once every format was tried in a process of its own and agreed with the network.

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
    lock = locks.held(locks.beside(folder), keep=False)
    full = system.telling_of_full_disk(folder, "and export again.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with full, lock, atomic.staging(folder) as scratch:
        complete = scratch / "complete"
        _write_formats(run, records, complete, options, confidence)
        stated = _certify(run, records, complete, options, confidence)
        say(str(stated))
        certificate.refuse_disagreement(stated)
        if options.require is not None:
            certificate.refuse_below(stated, options.require)
        if "saved_model" not in options.formats:  # what the others were made from
            shutil.rmtree(complete / _FILES["saved_model"])
        atomic.write_json(complete / certificate.FILE, stated.as_dict())
        files = (path for path in complete.rglob("*") if path.is_file())
        seal.write(complete, sorted(p.relative_to(complete).as_posix() for p in files))
        atomic.replace_folder(complete, folder)
    return folder


def _is_bundle(folder: Path) -> bool:
    from kerastransfer.export.formats import certificate

    return is_replaceable(folder) or (folder / certificate.FILE).is_file()


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
    }
    for name, text in texts.items():
        atomic.write_text(folder / name, text)
    first = folder / _FILES["saved_model"] / _VERSION
    rules = ImageRules.read(run.folder)
    saved_model.save(run.blocks(), preprocessing, run.classes, first, rules, confidence)
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


def _takes(run: "Run") -> dict[str, Any]:
    """Say what the ``images`` input of every format takes, and what is done to it."""
    side = run.backbone.preprocessing.crop
    return {
        "input": {
            "name": "image",
            "shape": [None, side, side, 3],
            "type": "float32",
            "channels": "RGB",
            "range": [0, 255],
        },
        "inside": run.backbone.preprocessing.as_dict(),
        "outputs": ["probabilities", "features"],
    }


def _certify(
    run: "Run",
    records: Records,
    folder: Path,
    options: BundleOptions,
    confidence: Confidence,
) -> Any:
    """Try every format on test images, beside the network that was measured."""
    from kerastransfer.export.formats.certificate import Certificate
    from kerastransfer.export.formats.trials import try_files, try_format
    from kerastransfer.features import inference

    count = records.size("test")
    drawn = np.random.default_rng(0).permutation(count)[: options.samples]
    positions = np.sort(drawn)
    batches = images.crops(run, records, "test", positions)
    preprocessing = run.backbone.preprocessing
    measured, labels = inference.probabilities(
        run.blocks(),
        preprocessing,
        inference.centre_views(records, "test", positions, preprocessing),
    )
    crops = np.concatenate([batch for batch, _ in batches])
    expected = temperature.apply(measured, confidence.temperature)
    tried: list[FormatTrial] = []
    for name in options.formats:
        say(f"Trying {name} in a process of its own")
        path = folder / _FILES[name]
        quantize = (options.quantize or "") if name == "litert" else ""
        at = path / _VERSION if name == "saved_model" else path
        one = try_format(name, at, crops, expected, labels, quantize)
        tried.append(dataclasses.replace(one, path=path.name))
    model = folder / _FILES["saved_model"] / _VERSION
    files = images.answers_to_files(run, records, positions, model)
    right = int((measured.argmax(axis=1) == labels).sum())
    return Certificate(
        images=len(labels),
        accuracy=wilson(right, len(labels)),
        files=None if files is None else try_files(files, expected),
        formats=tuple(tried),
        versions=_versions(options.formats),
    )


def _versions(formats: Sequence[str]) -> dict[str, str]:
    names = ["kerastransfer", "tensorflow", "keras", "numpy"]
    names += [needed for name in formats for needed in _NEEDED[name]]
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }
