"""How a network is named: ``resnet50``, ``resnet50@320``, ``keras:FILE.keras?...``.

The name says all that decides what is built, so that a run's config, its folder, its
cache and its exports hold it without knowing of it. Imports no TensorFlow.
"""

import dataclasses
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, quote, unquote

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

OWN = "keras:"
AT = "@"
_OPTIONS = ("cuts", "preprocessing", "size")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OwnSpec:
    """A Keras model of the user's, and how it is to be taken.

    Parameters
    ----------
    file : Path
        Absolute.
    cuts : tuple of str
        Layers that end blocks 1 to 6; empty where they are to be chosen.
    preprocessing : str
        What becomes of pixels before the model; empty where it does that itself.
    size : int, optional
        Side of the input in pixels; by default the model's.
    """

    file: Path
    cuts: tuple[str, ...] = ()
    preprocessing: str = ""
    size: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name that begins with ``keras:``; the inverse of ``str``.

        Raises
        ------
        InputError
            If it names no file, or an option that there is not.
        """
        place, _, query = text.removeprefix(OWN).partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        odd = [name for name in options if name not in _OPTIONS]
        size = options.get("size", "")
        if not place or odd or not (size.isdecimal() or not size):
            raise InputError(
                f"Expected --backbone {OWN}FILE.keras, perhaps with --cuts, "
                f"--preprocessing and --image-size, got {quoted(text)}."
            )
        return cls(
            file=Path(unquote(place)).resolve(),
            cuts=tuple(unquote(c) for c in options.get("cuts", "").split(",") if c),
            preprocessing=options.get("preprocessing", ""),
            size=int(size) if size else None,
        )

    def __str__(self) -> str:
        options = {
            "cuts": ",".join(quote(cut, safe="") for cut in self.cuts),
            "preprocessing": self.preprocessing,
            "size": str(self.size or ""),
        }
        query = "&".join(
            f"{name}={quote(value, safe=',')}"
            for name, value in options.items()
            if value
        )
        place = quote(str(self.file), safe="/ ")
        return f"{OWN}{place}" + (f"?{query}" if query else "")


def is_own(name: str) -> bool:
    """Whether a name is that of a user's file."""
    return name.startswith(OWN)


def short(name: str) -> str:
    """Return a name that fits into one of a folder.

    >>> short("keras:/models/lab.keras?size=96"), short("resnet50@320")
    ('keras-lab', 'resnet50@320')
    """
    return f"keras-{OwnSpec.parse(name).file.stem}" if is_own(name) else name


def with_options(
    name: str | None,
    *,
    cuts: tuple[str, ...] | None = None,
    preprocessing: str | None = None,
    size: int | None = None,
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
    if cuts is None and preprocessing is None and size is None:
        return name
    if name is None:
        raise InputError(
            "Expected --backbone beside --image-size, --cuts and --preprocessing."
        )
    if is_own(name):
        spec = OwnSpec.parse(name)
        return str(
            dataclasses.replace(
                spec,
                cuts=cuts or spec.cuts,
                preprocessing=preprocessing or spec.preprocessing,
                size=size or spec.size,
            )
        )
    if cuts is not None or preprocessing is not None:
        raise InputError(
            f"Expected --cuts and --preprocessing beside --backbone {OWN}FILE.keras, "
            f"got {quoted(name)}, whose blocks and preprocessing are known."
        )
    return f"{name.partition(AT)[0]}{AT}{size}"
