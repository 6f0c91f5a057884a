"""What is exported, and what it has to fulfil."""

import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import Any, Self

from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted

FORMATS = ("saved_model", "litert", "onnx")
SAMPLES = 500
# What a format is written and tried with.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "saved_model": (),
    "litert": ("ai_edge_litert",),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
}


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

    formats: tuple[str, ...] = ()
    quantize: str | None = None
    samples: int = SAMPLES
    require: float | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return options by their names; one format may be given as a string.

        Raises
        ------
        InputError
            If there is no such option.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        odd = sorted(set(fields) - set(names))
        if odd:
            raise InputError(
                f"Expected options of an export among {', '.join(names)}, got "
                f"{quoted(odd[0])}."
            )
        formats = fields.get("formats", ())
        several = (formats,) if isinstance(formats, str) else tuple(formats)
        return cls(**{**fields, "formats": several})

    def check(self) -> None:
        """Refuse what cannot be exported, before any work is done.

        Raises
        ------
        InputError
            If a format or a number is none that there is.
        MissingError
            If what a format needs is not installed.
        """
        self._check_formats()
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

    def _check_formats(self) -> None:
        if not self.formats:
            raise InputError(f"Expected --format of {', '.join(FORMATS)}, got none.")
        for name in self.formats:
            if name not in FORMATS:
                raise InputError(
                    f"Expected --format of {', '.join(FORMATS)}, got {quoted(name)}."
                )
            if not all(map(importlib.util.find_spec, NEEDED[name])):
                raise MissingError(
                    f"Format {name} needs {' and '.join(NEEDED[name])}: "
                    "pip install 'kerastransfer[export]'."
                )
