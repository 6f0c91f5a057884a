"""A model of the user's own as a backbone, from its description alone.

Imports no TensorFlow: who looks a model through is `kerastransfer.backbones.
keras_models.own`, in another process where this one does without.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, get_origin

from kerastransfer.backbones.backbone import Backbone, Block, HeldWeights
from kerastransfer.backbones.keras_models import apart
from kerastransfer.backbones.keras_models.apart import Inquiry
from kerastransfer.backbones.keras_models.layout import SavedLayout
from kerastransfer.backbones.keras_models.origins import archive, hub_presets
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.backbones.published import WeightPort
from kerastransfer.backbones.spec import FUNCTION, HUB, KERAS, OwnSpec
from kerastransfer.errors import InputError
from kerastransfer.foundation import checksums, keras_settings
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.recipe import NUM_BLOCKS

if TYPE_CHECKING:
    import numpy as np

    from kerastransfer.backbones.network import Network


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is known of a user's model once it was looked through.

    Parameters
    ----------
    blocks, outputs, preprocessing
        As a `Backbone` has them.
    num_classes : int or None
        Of its classifier; None without one.
    layout : SavedLayout
        How Keras saves its weights.
    sha256 : str
        Of its file; of a preset or what a function made, of its arrays and layers.
    remarks : tuple of str
        How it was taken; sentences without a full stop.
    transformer_layers : tuple of int
        As a `Backbone` has them.
    """

    blocks: tuple[Block, ...]
    outputs: tuple[tuple[int, ...], ...]
    preprocessing: Preprocessing
    num_classes: int | None
    layout: SavedLayout
    sha256: str
    remarks: tuple[str, ...]
    transformer_layers: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Return what `as_dict` gave, perhaps through JSON.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If it is something else.
        """
        blocks = tuple(Block(**_typed(Block, each)) for each in value["blocks"])
        outputs = tuple(tuple(map(_count, each)) for each in value["outputs"])
        if len(blocks) != NUM_BLOCKS or len(outputs) != NUM_BLOCKS - 1:
            raise ValueError("it has not eight blocks")
        if not all(each and all(each) for each in outputs):
            raise ValueError("a block of no output")
        layers = tuple(map(_count, value["transformer_layers"]))
        if len(layers) not in (0, NUM_BLOCKS - 1):
            raise ValueError("its layers are not those of seven blocks")
        classes = value["num_classes"]
        pixels = dict(value["preprocessing"])
        for name in ("mean", "scale"):
            red, green, blue = map(float, pixels[name])
            pixels[name] = red, green, blue
        if not all(pixels["scale"]) or not pixels["crop"] or not pixels["resize_to"]:
            raise ValueError("a scale or a size of 0")
        return cls(
            blocks=blocks,
            outputs=outputs,
            preprocessing=Preprocessing(**_typed(Preprocessing, pixels)),
            num_classes=None if classes is None else _count(classes),
            layout=SavedLayout.from_dict(value["layout"]),
            sha256=_text(value["sha256"]),
            remarks=tuple(map(_text, value["remarks"])),
            transformer_layers=layers,
        )


def _typed(kind: type, value: Mapping[str, Any]) -> dict[str, Any]:
    """Check values by the types of a dataclass's defaults, as far as these tell."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, each in value.items():
        usual = fields[name].default
        if isinstance(usual, int | float) and not isinstance(each, int | float):
            raise TypeError(f"{name} is no number")
        if fields[name].type is int:
            _count(each)
        if fields[name].type is str:
            _text(each)
        words = fields[name].type
        if get_origin(words) is Literal and each not in get_args(words):
            raise ValueError(f"{name} is of no kind that there is")
    return dict(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count that is none")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text that is none")
    return value


class LaterWeights(Mapping[str, "np.ndarray"]):
    """The weights that a model brings, read when the first of them is asked for."""

    def __init__(self, spec: OwnSpec, sha256: str, source: object = None) -> None:
        self._spec, self._sha256 = spec, sha256
        self._source = source  # held, or it would have to be made again
        self._read: dict[str, np.ndarray] | None = None

    def __getitem__(self, name: str) -> "np.ndarray":
        return self._weights()[name]

    def __iter__(self) -> "Iterator[str]":
        return iter(self._weights())

    def __len__(self) -> int:
        return len(self._weights())

    @keras_settings.ours
    def _weights(self) -> "dict[str, np.ndarray]":
        if self._read is None:
            import_quietly()
            from kerastransfer.backbones.keras_models import own

            self._read = own.weights(self._spec, self._sha256)
        return self._read


def backbone(spec: OwnSpec, *, download: bool = True) -> Backbone:
    """Describe a user's model as a backbone.

    Parameters
    ----------
    download : bool
        Whether a preset that is not here may be fetched.

    Raises
    ------
    MissingError
        If there is no such file, or it may not be fetched.
    WeightsError
        If the file is no model's.
    InputError
        If the model cannot be cut, takes something else than one image, holds code, or
        does not say what it wants of pixels.
    """
    if spec.kind == FUNCTION:
        return _of_function(spec)
    if spec.kind == KERAS:
        archive.check(spec.file)
    files = _files(spec)
    of_page = spec.kind == HUB and bool(hub_presets.find(spec.place).page)
    absent = of_page and not hub_presets.version(spec.place)
    inquiry = Inquiry(
        about=spec.file.name,
        function="kerastransfer.backbones.keras_models.own:described",
        arguments={"name": str(spec)},
        identity=_identity(spec, files),
        download=download,
        fetches=of_page,
        afterwards=(lambda: _identity(spec, _files(spec))) if absent else None,
    )
    return _backbone(spec, apart.ask(inquiry, functools.partial(_fitting, spec, files)))


def _identity(spec: OwnSpec, files: list[str]) -> dict[str, Any]:
    return {**dataclasses.asdict(spec), "place": files}


def _fitting(
    spec: OwnSpec, files: list[str], value: Mapping[str, Any]
) -> "Description":
    """Read a description, which has to be one of these very files."""
    known = Description.from_dict(value)
    if spec.kind == KERAS and known.sha256 not in files:
        raise InputError(
            f"{quoted(spec.file)} was changed while it was looked at; start again."
        )
    return known


@keras_settings.ours
def _of_function(spec: OwnSpec) -> Backbone:
    """Call a function here, where its module is; what it makes is not kept."""
    import_quietly()
    from kerastransfer.backbones.keras_models import own

    known = Description.from_dict(
        apart.call(spec.label, own.described, {"name": str(spec)})
    )
    return _backbone(spec, known, own.alive(spec, known.sha256))


def _files(spec: OwnSpec) -> list[str]:
    """Return the hash of a model's file, or those of its folder's.

    Of a preset that has a page, large mostly, they are not read: its name, and what
    files it has here at what times.
    """
    if spec.kind == KERAS:
        return [_sha256(spec.file)]
    if hub_presets.find(spec.place).page:
        return [spec.place, *hub_presets.version(spec.place)]
    files = sorted(path for path in spec.file.rglob("*") if path.is_file())
    return [f"{path.relative_to(spec.file)} {_sha256(path)}" for path in files]


def _sha256(path: Path) -> str:
    return checksums.digests(path, ["sha256"])["sha256"]


def _backbone(spec: OwnSpec, known: Description, source: object = None) -> Backbone:
    held = HeldWeights(
        file=spec.file,
        sha256=known.sha256,
        mapping=LaterWeights(spec, known.sha256, source),
        source_classes=known.num_classes,
        remarks=known.remarks,
    )
    return Backbone(
        name=str(spec),
        title=spec.label,
        blocks=known.blocks,
        num_features=known.outputs[-1][0],
        outputs=known.outputs,
        source=f"the source of {spec.label}",
        source_classes=known.num_classes or 1,
        preprocessing=known.preprocessing,
        build=functools.partial(_build, spec, known.sha256),
        port=WeightPort(
            shapes=lambda: known.layout.shapes,
            formats={
                "keras": lambda file: known.layout.from_named(file.arrays),
                "keras_legacy": lambda file: known.layout.from_ordered(file.layers),
            },
        ),
        held=lambda: held,
        transformer_layers=known.transformer_layers,
    )


@keras_settings.ours
def _build(spec: OwnSpec, sha256: str, num_classes: int, seed: int) -> "Network":
    """Make the same network with weights drawn anew."""
    import_quietly()
    from kerastransfer.backbones.keras_models import own

    return own.build(spec, sha256, num_classes, seed)
