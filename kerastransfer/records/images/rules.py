"""How a run's images were read, kept with it so that others are read alike."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from kerastransfer.foundation import json_file
from kerastransfer.foundation.quoting import quoted
from kerastransfer.records.images.rendering import (
    LEGACY,
    Rendering,
    read_background,
    read_white_level,
)

FILE = "images.json"
_SIZE = 256
_LARGEST = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """What decides the pixels of an image that records or a model are given.

    Parameters
    ----------
    image_size : int
        The shorter side that larger images are shrunk to, in pixels.
    """

    image_size: int = _SIZE
    rendering: Rendering = LEGACY

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any]) -> Self:
        """Return the rules that records were made by."""
        return cls(
            image_size=metadata["image_size"],
            rendering=Rendering.of_metadata(metadata),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the rules in plain Python, ready for JSON."""
        rendering = dataclasses.asdict(self.rendering)
        return {"image_size": self.image_size, **rendering}

    def with_white_level(self, value: float | str | None) -> Self:
        """Return the rules with a user's white level, if that is not ``auto``.

        Raises
        ------
        InputError
            If it is no white level.
        """
        level = read_white_level(value)
        if isinstance(level, str):
            return self
        rendering = dataclasses.replace(self.rendering, given=level)
        return dataclasses.replace(self, rendering=rendering)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the rules in a folder; where there are none, those of earlier versions.

        Raises
        ------
        DataError
            If the file is damaged.
        """
        what = "how images are read"
        return json_file.read_kept(folder / FILE, cls._of_dict, what) or cls()

    @classmethod
    def _of_dict(cls, fields: Mapping[str, Any]) -> Self:
        fields = dict(fields)
        size = fields.pop("image_size")
        rendering = Rendering(**fields)
        levels = (rendering.given, *rendering.levels.values())
        for level in levels:
            if level is not None:
                read_white_level(level)
        if rendering.background is not None:
            read_background(rendering.background)
        if type(size) is not int or not 0 < size <= _LARGEST:
            raise ValueError(f"image_size {quoted(size)}")
        return cls(image_size=size, rendering=rendering)
