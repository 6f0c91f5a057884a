"""Blocks, preprocessing and weights of each row of ``keras.applications``.

Imports no TensorFlow: what was counted in the built networks is in ``figures.json``,
which ``tools/backbone_figures.py`` writes and a test compares; the rest is asked of a
child.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from kerastransfer.backbones.applications.row import ApplicationRow
from kerastransfer.backbones.applications.rows import ROWS
from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.keras_models import apart
from kerastransfer.backbones.keras_models.apart import Inquiry
from kerastransfer.backbones.keras_models.layout import SavedLayout
from kerastransfer.backbones.porting import Ported, Shape
from kerastransfer.backbones.preprocessing import PIXELS, Preprocessing
from kerastransfer.backbones.published import PublishedWeights, WeightPort
from kerastransfer.backbones.spec import AT
from kerastransfer.errors import InputError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.foundation.quoting import quoted
from kerastransfer.recipe import NUM_BLOCKS

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network
    from kerastransfer.weights.readers.weight_file import WeightFile

FIGURES = "figures.json"
_KERAS_IO = "https://keras.io/api/applications"


@dataclasses.dataclass(frozen=True, slots=True)
class _Described:
    """What a built network says: counts as in ``figures.json``, and its layout."""

    figures: dict[str, Any]
    layout: SavedLayout

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Check what was kept; anything but a description raises."""
        figures = value["figures"]
        counts = figures["blocks"]
        wrong = [
            each
            for count in counts
            for name in ("parameters", "batch_norms", "random_layers", "multiply_adds")
            for each in (count[name], *count["output"])
            if type(each) is not int or each < 0
        ]
        if wrong or len(counts) != NUM_BLOCKS or not 0 <= figures["dropout"] < 1:
            raise ValueError("counts that are none")
        return cls(figures, SavedLayout.from_dict(value["layout"]))


def _backbone(row: ApplicationRow, size: int, figures: Mapping[str, Any]) -> Backbone:
    blocks = figures["blocks"]
    usual = size == row.size
    ends = (*row.cuts, "feature", "classifier")
    return Backbone(
        name=row.name if usual else f"{row.name}{AT}{size}",
        title=f"{row.constructor} of keras.applications",
        blocks=tuple(
            Block(
                layers=_layers(number, ends),
                parameters=counts["parameters"],
                batch_norms=counts["batch_norms"],
                random_layers=counts["random_layers"],
                multiply_adds=counts["multiply_adds"],
                dropout=figures["dropout"] if number == len(blocks) else 0.0,
            )
            for number, counts in enumerate(blocks, start=1)
        ),
        num_features=blocks[-2]["output"][0],
        outputs=tuple(tuple(counts["output"]) for counts in blocks[:-1]),
        source="ImageNet (ILSVRC-2012)",
        source_classes=1000,
        preprocessing=Preprocessing(
            resize="shorter_side",
            # the crop keeps its share of the image
            resize_to=math.ceil(size * row.resize_to / row.size),
            crop=size,
            interpolation=row.interpolation,
            **PIXELS[row.pixels],
        ),
        build=functools.partial(_build, row, size),
        at_size=None if row.smallest == row.size else functools.partial(_at_size, row),
        weights=(_weights(row),),
        port=WeightPort(
            shapes=functools.partial(_shapes, row, size),
            formats={
                "keras": functools.partial(_from_named, row, size),
                "keras_legacy": functools.partial(_from_ordered, row, size),
            },
        ),
    )


def _layers(number: int, ends: tuple[str, ...]) -> str:
    """Name a block's layers in the words of ``model.summary()``."""
    end = ends[number - 1]
    if end == "classifier":
        return end
    return f"to the {end}" if end == "feature" else f"to {end}"


def _weights(row: ApplicationRow) -> PublishedWeights:
    algorithm = "md5" if len(row.hash) == 32 else "sha256"
    return PublishedWeights(
        name=row.name,
        backbone=row.name,
        file=row.url.rpartition("/")[2],
        urls=(row.url,),
        of_keras=True,
        checksums=(Checksum(algorithm, row.hash),) if row.hash else (),
        licence=row.licence,
        top1=row.top1,
        top5=row.top5,
        accuracy_source=(
            "keras/src/applications/mobilenet_v3.py"
            if row.constructor.startswith("MobileNetV3")
            else _KERAS_IO
        ),
    )


def _build(row: ApplicationRow, size: int, num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.applications import network

    return network.build(row, num_classes, seed, size)


def _at_size(row: ApplicationRow, size: int) -> Backbone:
    """Describe a row for images of another size, of which nothing is written down."""
    if size < row.smallest:
        raise InputError(
            f"Expected images of {row.smallest} pixels or more for {quoted(row.name)}, "
            f"got {size}."
        )
    return _backbone(row, size, _described(row, size).figures)


@functools.cache
def _described(row: ApplicationRow, size: int) -> _Described:
    inquiry = Inquiry(
        about=f"{row.name} for images of {size} pixels",
        function="kerastransfer.backbones.applications.network:described",
        arguments={"name": row.name, "size": size},
        identity={**dataclasses.asdict(row), "size": size},
    )
    return apart.ask(inquiry, _Described.from_dict)


def _shapes(row: ApplicationRow, size: int) -> dict[str, Shape]:
    return _described(row, size).layout.shapes


def _from_named(row: ApplicationRow, size: int, file: "WeightFile") -> Ported:
    return _described(row, size).layout.from_named(file.arrays)


def _from_ordered(row: ApplicationRow, size: int, file: "WeightFile") -> Ported:
    return _described(row, size).layout.from_ordered(file.layers)


def _all() -> tuple[Backbone, ...]:
    text = resources.files(__package__).joinpath(FIGURES).read_text(encoding="utf-8")
    figures = json.loads(text)
    return tuple(_backbone(row, row.size, figures[row.name]) for row in ROWS)


BACKBONES = _all()
