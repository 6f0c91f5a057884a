"""Blocks and preprocessing of EfficientNet-Lite0. Imports no TensorFlow."""

from typing import TYPE_CHECKING

from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.efficientnet_lite0 import weights
from kerastransfer.backbones.preprocessing import Preprocessing

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network


def _build(num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.efficientnet_lite0 import network

    return network.build(num_classes, seed)


EFFICIENTNET_LITE0 = Backbone(
    name="efficientnet_lite0",
    title="EfficientNet-Lite0",
    blocks=(
        Block(
            layers="stem, MBConv 0",
            parameters=1_824,
            multiply_adds=20_873_216,
            batch_norms=3,
        ),
        Block(
            layers="MBConv 1-2",
            parameters=13_968,
            multiply_adds=54_942_720,
            batch_norms=6,
        ),
        Block(
            layers="MBConv 3-4",
            parameters=39_712,
            multiply_adds=37_933_056,
            batch_norms=6,
        ),
        Block(
            layers="MBConv 5-7",
            parameters=198_480,
            multiply_adds=43_512_000,
            batch_norms=9,
        ),
        Block(
            layers="MBConv 8-10",
            parameters=446_784,
            multiply_adds=86_007_936,
            batch_norms=9,
        ),
        Block(
            layers="MBConv 11-14",
            parameters=1_652_640,
            multiply_adds=91_158_816,
            batch_norms=12,
        ),
        Block(
            layers="MBConv 15, head conv, pool",
            parameters=1_017_600,
            multiply_adds=49_479_808,
            batch_norms=4,
        ),
        Block(
            layers="classifier",
            parameters=1_281_000,
            multiply_adds=1_280_000,
            dropout=0.2,
        ),
    ),
    num_features=1280,
    outputs=(
        (112, 112, 16),
        (56, 56, 24),
        (28, 28, 40),
        (14, 14, 80),
        (14, 14, 112),
        (7, 7, 192),
        (1280,),
    ),
    source="ImageNet (ILSVRC-2012)",
    source_classes=1000,
    # The authors evaluate on a centre crop of 224 out of a shorter side of 256.
    preprocessing=Preprocessing(
        resize="shorter_side",
        resize_to=256,
        crop=224,
        interpolation="bicubic",
        channels="RGB",
        mean=(127.0, 127.0, 127.0),
        scale=(128.0, 128.0, 128.0),
    ),
    build=_build,
    weights=weights.WEIGHTS,
    port=weights.PORT,
)

BACKBONES = (EFFICIENTNET_LITE0,)
