"""LiteRT (once TensorFlow Lite): one file for phones and small computers.

Class names and what the model takes are in the file as associated files: a zip archive
at its end, which ``zipfile`` opens.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerastransfer.foundation import atomic

Quantize = Literal["float16", "int8"]
SIGNATURE = "images"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same bytes each time


def convert(
    saved_model: Path,
    out: Path,
    *,
    files: Mapping[str, str],
    quantize: Quantize | None = None,
    samples: Iterable[NDArray[np.float32]] = (),
) -> None:
    """Write a SavedModel's ``images`` signature as a LiteRT file.

    Parameters
    ----------
    files : mapping of str to str
        Texts that the file holds, by name.
    quantize : {'float16', 'int8'}, optional
        Weights as half floats; or weights and what flows between layers as bytes, where
        inputs and outputs stay float.
    samples : iterable of arrays of shape (1, height, width, 3)
        Training images, by which the ranges of int8 are chosen.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[SIGNATURE]
    )
    if quantize is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        several = list(samples)
        converter.representative_dataset = lambda: (
            (SIGNATURE, {"image": each}) for each in several
        )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as to:
        for name, text in files.items():
            to.writestr(zipfile.ZipInfo(name, _DATE), text)
    with atomic.replacing(out, out.suffix) as scratch:
        scratch.write_bytes(converter.convert() + archive.getvalue())
