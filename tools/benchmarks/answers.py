"""Answers to a folder of photographs: a table of ours against a loop over a SavedModel.

Both use one SavedModel of EfficientNet-Lite0 with random weights. The loop gives each
file's bytes to ``serving_default``, one after the other, as its users begin. Beside it
stands what decoding alone takes: ours, without the network.
"""

import functools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.pipeline import make_photographs
from benchmarks.row import Row

if TYPE_CHECKING:
    from kerastransfer.export.predictor import Predictor

_COUNT, _LOOPED = 2_000, 400
_AIM = 3.0
_WIDTH, _HEIGHT = 500, 375


def rows() -> list[Row]:
    """List the comparisons.

    Returns
    -------
    list of Row
    """
    place = tempfile.TemporaryDirectory()
    folder = Path(place.name, "photographs")
    make_photographs(folder, _WIDTH, _HEIGHT, _COUNT)
    predictor = _export(Path(place.name, "model"))

    def ours(place: object = place) -> float:  # keeps the folder
        return _table(predictor, folder)

    name = f"{_COUNT:,} JPEGs of {_WIDTH}x{_HEIGHT} into a table of answers"
    return [
        Row(
            name=f"{name}, against a loop over the SavedModel's serving_default",
            aim=_AIM,
            unit="images/s",
            ours=ours,
            theirs=functools.partial(_loop, predictor, folder),
        ),
        Row(
            name=f"{name}, against reading the files alone",
            aim=0.0,  # none: it shows what decoding alone would allow
            unit="images/s",
            ours=ours,
            theirs=functools.partial(_read, predictor, folder),
        ),
    ]


def _export(folder: Path) -> "Predictor":
    from kerastransfer.backbones import table
    from kerastransfer.export import saved_model
    from kerastransfer.export.predictor import Predictor

    backbone = table.get("efficientnet_lite0")
    network = backbone.build(2, 0)
    saved_model.save(network, backbone.preprocessing, ("flower", "temple"), folder)
    return Predictor.load(folder)


def _table(predictor: "Predictor", folder: Path) -> float:
    """Return images a second of a whole table, its file included."""
    from kerastransfer.export.answers.classify import classify

    with tempfile.TemporaryDirectory() as scratch:
        begin = time.perf_counter()
        written = classify(predictor, [folder], Path(scratch, "answers.csv"))
        return written.files / (time.perf_counter() - begin)


def _loop(predictor: "Predictor", folder: Path) -> float:
    """Return images a second of calls with one file each."""
    import tensorflow as tf

    signature = predictor.model.signatures["serving_default"]  # type: ignore[attr-defined]
    paths = sorted(folder.rglob("*.jpg"))[:: _COUNT // _LOOPED]
    begin = time.perf_counter()
    for path in paths:
        answer = signature(image=tf.constant([path.read_bytes()]))
        int(np.argmax(answer["probabilities"]))
    return len(paths) / (time.perf_counter() - begin)


def _read(predictor: "Predictor", folder: Path) -> float:
    """Return images a second of reading alone, by as many processes."""
    from kerastransfer.export import file_reading
    from kerastransfer.records.pending import Load
    from kerastransfer.records.workers import Workers

    paths = sorted(folder.rglob("*.jpg"))
    read = functools.partial(file_reading.read, rules=predictor.rules)
    begin = time.perf_counter()
    with Workers(read, lambda _: Load(0, 1), images=len(paths)) as workers:
        number = sum(1 for _ in workers(enumerate(paths)))
    return number / (time.perf_counter() - begin)
