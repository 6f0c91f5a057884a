"""The backbones there are. Facts only: nothing here imports TensorFlow."""

import dataclasses
from typing import TYPE_CHECKING

from kerastransfer.backbones.alexnet.info import ALEXNET, ALEXNET_OWT, CAFFENET
from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.backbones.preprocessing import Preprocessing
from kerastransfer.errors import UnknownNameError

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network


def _build_efficientnet_lite0(num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.efficientnet_lite0 import network

    return network.build(num_classes, seed)


_EFFICIENTNET_LITE0 = Backbone(
    name="efficientnet_lite0",
    title="EfficientNet-Lite0",
    blocks=(
        Block(layers="stem, MBConv 0", parameters=1_824, batch_norms=3),
        Block(layers="MBConv 1-2", parameters=13_968, batch_norms=6),
        Block(layers="MBConv 3-4", parameters=39_712, batch_norms=6),
        Block(layers="MBConv 5-7", parameters=198_480, batch_norms=9),
        Block(layers="MBConv 8-10", parameters=446_784, batch_norms=9),
        Block(layers="MBConv 11-14", parameters=1_652_640, batch_norms=12),
        Block(
            layers="MBConv 15, head conv, pool",
            parameters=1_017_600,
            batch_norms=4,
        ),
        Block(layers="classifier", parameters=1_281_000, dropout=0.2),
    ),
    num_features=1280,
    outputs=(
        *((112, 112, 16), (56, 56, 24), (28, 28, 40), (14, 14, 80), (14, 14, 112)),
        *((7, 7, 192), (1280,)),
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
    build=_build_efficientnet_lite0,
)

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (_EFFICIENTNET_LITE0, ALEXNET, CAFFENET, ALEXNET_OWT)
}


def get(name: str, mean_image: MeanImage | None = None) -> Backbone:
    """Return the backbone called `name`.

    Parameters
    ----------
    name : str
        A key of `BACKBONES`.
    mean_image : MeanImage, optional
        Subtracted in place of the mean pixel.

    Returns
    -------
    Backbone

    Raises
    ------
    UnknownNameError
        If there is none.
    WeightsError
        If the mean image does not go with the backbone's geometry.
    """
    try:
        backbone = BACKBONES[name]
    except KeyError:
        raise UnknownNameError("backbone", name, BACKBONES) from None
    if mean_image is None:
        return backbone
    preprocessing = dataclasses.replace(backbone.preprocessing, mean_image=mean_image)
    return dataclasses.replace(backbone, preprocessing=preprocessing)
