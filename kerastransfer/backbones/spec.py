"""How a network is named: ``resnet50``, ``resnet50@320``, ``keras:FILE`` and others.

The name says all that decides what is built, so that a run's config, its folder, its
cache and its exports hold it without knowing of it. Imports no TensorFlow.
"""

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, quote, unquote

from kerastransfer.backbones.preprocessing import PIXELS
from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

KERAS, HUB, FUNCTION = "keras:", "hub:", "function:"
AT = "@"
FEATURES = ("class", "mean", "both")
SMALLEST, LARGEST = 32, 1024  # sides of an input, in pixels
_KINDS = (KERAS, HUB, FUNCTION)
_OPTIONS = ("cuts", "preprocessing", "size", "feature")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OwnSpec:
    """A Keras model that is in no table, and how it is to be taken.

    Parameters
    ----------
    kind : {'keras:', 'hub:', 'function:'}
        A file that Keras saved, a preset of KerasHub, or a function that makes a model.
    place : str
        The file's absolute path; a preset's name, or the absolute path of its folder; a
        function as ``MODULE:NAME``.
    cuts : tuple of str
        Layers that end blocks 1 to 6; empty where they are to be chosen.
    preprocessing : str
        What becomes of pixels before the model; empty where it does that itself.
    size : int, optional
        Side of the input in pixels; by default the model's.
    feature : str
        What a transformer's tokens become: one of `FEATURES`; empty for the default.
    """

    kind: str = KERAS
    place: str
    cuts: tuple[str, ...] = ()
    preprocessing: str = ""
    size: int | None = None
    feature: str = ""

    @property
    def file(self) -> Path:
        """The place as a path."""
        return Path(self.place)

    @property
    def label(self) -> str:
        """What the model is called in a title."""
        return self.place if self.kind == FUNCTION else self.file.name

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name that `is_own`; the inverse of ``str``.

        Raises
        ------
        InputError
            If it names no file, or an option or a value of one that there is not.
        """
        kind = next((kind for kind in _KINDS if text.startswith(kind)), KERAS)
        place, _, query = text.removeprefix(kind).partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        odd = [name for name in options if name not in _OPTIONS]
        if not place or odd:
            raise InputError(
                f"Expected --backbone {KERAS}FILE.keras or {HUB}PRESET, perhaps with "
                f"--cuts, --preprocessing and --image-size, got {quoted(text)}."
            )
        size = options.get("size", "")
        return cls(
            kind=kind,
            place=_settled(kind, _unquoted(kind, place)),
            cuts=tuple(unquote(c) for c in options.get("cuts", "").split(",") if c),
            preprocessing=_one_of(PIXELS, "preprocessing", options),
            size=side(size) if size else None,
            feature=_one_of(FEATURES, "feature", options),
        )

    def __str__(self) -> str:
        options = {
            "cuts": ",".join(quote(cut, safe="") for cut in self.cuts),
            "preprocessing": self.preprocessing,
            "size": str(self.size or ""),
            "feature": self.feature,
        }
        query = "&".join(
            f"{name}={quote(value, safe=',')}"
            for name, value in options.items()
            if value
        )
        place = quote(self.place, safe=":" if self.kind == FUNCTION else "/ ")
        return f"{self.kind}{place}" + (f"?{query}" if query else "")


def _one_of(choices: Collection[str], option: str, options: dict[str, str]) -> str:
    value = options.get(option, "")
    if value and value not in choices:
        raise InputError(
            f"Expected {option}={'|'.join(choices)} behind the name of a network, got "
            f"{quoted(value)}."
        )
    return value


def side(text: str) -> int:
    """Read the side of a network's images.

    Returns
    -------
    int
        In pixels.

    Raises
    ------
    InputError
        If it is no number from `SMALLEST` to `LARGEST`.
    """
    if not text.isdecimal() or not SMALLEST <= int(text) <= LARGEST:
        raise InputError(
            f"Expected a side of {SMALLEST} to {LARGEST} pixels, got {quoted(text)}."
        )
    return int(text)


def _settled(kind: str, place: str) -> str:
    """Return a place that means the same from every folder."""
    if kind == FUNCTION:
        module, colon, name = place.partition(":")
        words = [*module.split("."), *name.split(".")]
        if not colon or not all(word.isidentifier() for word in words):
            raise InputError(
                f"Expected backbone={FUNCTION}MODULE:NAME, such as "
                f"{FUNCTION}my_lab.models:make, got {quoted(FUNCTION + place)}."
            )
        return place
    if kind == HUB and not is_path(place):
        return place
    path = _path(place)
    return str(path.resolve()) if kind == KERAS or path.exists() else place


def _unquoted(kind: str, place: str) -> str:
    """Decode a place; as it is where a file is called so and none as decoded."""
    plain = unquote(place)
    if kind == FUNCTION or plain == place:
        return plain
    there, decoded = (_path(each).exists() for each in (place, plain))
    return place if there and not decoded else plain


def _path(place: str) -> Path:
    """Expand the home, as shells do at the beginning of a word alone."""
    return Path.home() / place[2:] if place.startswith("~/") else Path(place)


def is_path(place: str) -> bool:
    """Whether what stands behind ``hub:`` is a folder's path, and no preset's name.

    >>> is_path("./vit"), is_path("lab/vit"), is_path("vit"), is_path("hf://ann/vit")
    (True, True, False, False)
    """
    separators = [each for each in (os.sep, os.altsep) if each]
    return "://" not in place and any(each in place for each in separators)


def is_own(name: str) -> bool:
    """Whether a name is that of a model in no table."""
    return name.startswith(_KINDS)


def short(name: str) -> str:
    """Return a name that fits into one of a folder.

    >>> short("keras:/models/lab.keras?size=96"), short("resnet50@320")
    ('keras-lab', 'resnet50@320')
    >>> short("function:my_lab.models:make")
    'function-my_lab.models.make'
    """
    if not is_own(name):
        return name
    spec = OwnSpec.parse(name)
    if spec.kind == FUNCTION:
        return f"function-{spec.place.replace(':', '.')}"
    return f"{spec.kind[:-1]}-{spec.file.stem}"


def with_options(
    name: str | None,
    *,
    cuts: tuple[str, ...] | None = None,
    preprocessing: str | None = None,
    size: int | None = None,
    feature: str | None = None,
) -> str | None:
    """Return the name of a network that is taken in another way.

    Parameters
    ----------
    name : str, optional
        None where the network is the default one.

    Raises
    ------
    InputError
        If there is no name to go with, or the options go with own models alone.

    Examples
    --------
    >>> with_options("resnet50", size=320)
    'resnet50@320'
    """
    if (cuts, preprocessing, size, feature) == (None,) * 4:
        return name
    if name is None:
        raise InputError(
            "Expected --backbone beside --image-size, --cuts, --preprocessing and "
            "--feature."
        )
    if is_own(name):
        spec = OwnSpec.parse(name)
        return str(
            dataclasses.replace(
                spec,
                cuts=cuts or spec.cuts,
                preprocessing=preprocessing or spec.preprocessing,
                size=size or spec.size,
                feature=feature or spec.feature,
            )
        )
    if (cuts, preprocessing, feature) != (None,) * 3:
        raise InputError(
            "Expected --cuts, --preprocessing and --feature beside --backbone "
            f"{KERAS}FILE.keras or {HUB}PRESET, got {quoted(name)}, of which they are "
            "known."
        )
    return f"{name.partition(AT)[0]}{AT}{size}"
