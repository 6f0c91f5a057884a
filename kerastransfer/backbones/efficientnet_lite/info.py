"""Blocks and preprocessing of the EfficientNet-Lites. Imports no TensorFlow."""

import functools
import itertools
import math
from typing import TYPE_CHECKING

from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.efficientnet_lite import weights
from kerastransfer.backbones.efficientnet_lite.design import (
    HEAD,
    LITE0,
    LITE1,
    LITE2,
    STEM,
    Design,
)
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.backbones.spec import AT

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network

_DROPOUT = 0.2
_CLASSES = 1000
_BEYOND = 32  # pixels of the shorter side that the authors' centre crop leaves out


def _build(design: Design, size: int, num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.efficientnet_lite import network

    return network.build(num_classes, seed, design, size)


def _backbone(design: Design, size: int) -> Backbone:
    usual = size == design.size
    name = f"efficientnet_lite{design.number}"
    outputs = _outputs(design, size)
    return Backbone(
        name=name if usual else f"{name}{AT}{size}",
        title=f"EfficientNet-Lite{design.number}",
        blocks=_blocks(design, size),
        num_features=HEAD,
        outputs=(*outputs[:-1], (HEAD,)),
        source="ImageNet (ILSVRC-2012)",
        source_classes=_CLASSES,
        preprocessing=Preprocessing(
            resize="shorter_side",
            # the crop keeps its share of the image
            resize_to=math.ceil(size * (design.size + _BEYOND) / design.size),
            crop=size,
            interpolation="bicubic",
            channels="RGB",
            mean=(127.0, 127.0, 127.0),
            scale=(128.0, 128.0, 128.0),
        ),
        build=functools.partial(_build, design, size),
        weights=weights.published(design),
        port=weights.weight_port(design),
        at_size=functools.partial(_backbone, design),
    )


def _outputs(design: Design, size: int) -> list[tuple[int, int, int]]:
    """Return the maps that the seven stages end in."""
    side, shapes = math.ceil(size / 2), []  # after the stem
    for stage in design.stages():
        side = math.ceil(side / stage.stride)
        shapes.append((side, side, stage.filters))
    return shapes


def _blocks(design: Design, size: int) -> tuple[Block, ...]:
    """Count each stage's weights, normalisations and multiplications."""
    side = math.ceil(size / 2)
    norms, parameters, products = 1, 27 * STEM + 2 * STEM, 27 * STEM * side**2
    width, unit, blocks = STEM, 0, []
    for place, stage in enumerate(design.stages()):
        first = unit
        for stride in (stage.stride, *itertools.repeat(1, stage.repeats - 1)):
            wide, unit = width * stage.expand, unit + 1
            expanding = width * wide if wide > width else 0
            shrinking, depthwise = wide * stage.filters, stage.kernel**2 * wide
            products += expanding * side**2
            side = math.ceil(side / stride)
            products += (depthwise + shrinking) * side**2
            norms += 3 if expanding else 2
            parameters += expanding + depthwise + shrinking
            parameters += 2 * (wide + stage.filters + (wide if expanding else 0))
            width = stage.filters
        layers = f"MBConv {first}" + (f"-{unit - 1}" if unit - 1 > first else "")
        if place == 0:
            layers = f"stem, {layers}"
        if place == len(design.stages()) - 1:
            layers += ", head conv, pool"
            norms, parameters = norms + 1, parameters + width * HEAD + 2 * HEAD
            products += width * HEAD * side**2
        blocks.append(
            Block(
                layers=layers,
                parameters=parameters,
                batch_norms=norms,
                multiply_adds=products,
            )
        )
        norms = parameters = products = 0
    return (
        *blocks,
        Block(
            layers="classifier",
            parameters=(HEAD + 1) * _CLASSES,
            dropout=_DROPOUT,
            multiply_adds=HEAD * _CLASSES,
        ),
    )


BACKBONES = tuple(_backbone(design, design.size) for design in (LITE0, LITE1, LITE2))
