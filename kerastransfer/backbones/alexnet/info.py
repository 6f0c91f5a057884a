"""Blocks and preprocessing of the three AlexNets. Imports no TensorFlow."""

from typing import TYPE_CHECKING

from kerastransfer.backbones.alexnet import weights
from kerastransfer.backbones.backbone import Backbone, Block
from kerastransfer.backbones.preprocessing import Preprocessing

if TYPE_CHECKING:
    from kerastransfer.backbones.network import Network


def _build_alexnet(num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.alexnet import network

    return network.build_alexnet(num_classes, seed)


def _build_caffenet(num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.alexnet import network

    return network.build_caffenet(num_classes, seed)


def _build_alexnet_owt(num_classes: int, seed: int) -> "Network":
    from kerastransfer.backbones.alexnet import network

    return network.build_alexnet_owt(num_classes, seed)


# BVLC/caffe, models/bvlc_*/readme.md: images are warped to 256 x 256. The mean is that
# of python/caffe/imagenet/ilsvrc_2012_mean.npy over all pixels.
_CAFFE = Preprocessing(
    resize="warp",
    resize_to=256,
    crop=227,
    interpolation="bilinear",
    channels="BGR",
    mean=(104.00698793, 116.66876762, 122.67891434),
    scale=(1.0, 1.0, 1.0),
)
_CONV3_TO_FC8 = (
    Block(layers="convolution 384@3x3", parameters=885_120, multiply_adds=149_520_384),
    Block(
        layers="convolution 384@3x3 in 2 groups",
        parameters=663_936,
        multiply_adds=112_140_288,
    ),
    Block(
        layers="convolution 256@3x3 in 2 groups, max pool",
        parameters=442_624,
        multiply_adds=74_760_192,
    ),
    Block(
        layers="fully connected 4096", parameters=37_752_832, multiply_adds=37_748_736
    ),
    Block(
        layers="fully connected 4096",
        parameters=16_781_312,
        multiply_adds=16_777_216,
        dropout=0.5,
    ),
    Block(
        layers="classifier", parameters=4_097_000, multiply_adds=4_096_000, dropout=0.5
    ),
)

_OUTPUTS = (
    (27, 27, 96),
    (13, 13, 256),
    (13, 13, 384),
    (13, 13, 384),
    (6, 6, 256),
    (4096,),
    (4096,),
)

ALEXNET = Backbone(
    name="alexnet",
    title="AlexNet (BVLC)",
    blocks=(
        Block(
            layers="convolution 96@11x11, norm, max pool",
            parameters=34_944,
            multiply_adds=105_415_200,
        ),
        Block(
            layers="convolution 256@5x5 in 2 groups, norm, max pool",
            parameters=307_456,
            multiply_adds=223_948_800,
        ),
        *_CONV3_TO_FC8,
    ),
    num_features=4096,
    outputs=_OUTPUTS,
    source="ImageNet (ILSVRC-2012)",
    source_classes=1000,
    preprocessing=_CAFFE,
    build=_build_alexnet,
    weights=weights.ALEXNET,
    port=weights.ALEXNET_PORT,
)

CAFFENET = Backbone(
    name="caffenet",
    title="CaffeNet (BVLC reference)",
    blocks=(
        Block(
            layers="convolution 96@11x11, max pool, norm",
            parameters=34_944,
            multiply_adds=105_415_200,
        ),
        Block(
            layers="convolution 256@5x5 in 2 groups, max pool, norm",
            parameters=307_456,
            multiply_adds=223_948_800,
        ),
        *_CONV3_TO_FC8,
    ),
    num_features=4096,
    outputs=_OUTPUTS,
    source="ImageNet (ILSVRC-2012)",
    source_classes=1000,
    preprocessing=_CAFFE,
    build=_build_caffenet,
    weights=weights.CAFFENET,
    port=weights.CAFFENET_PORT,
)

ALEXNET_OWT = Backbone(
    name="alexnet_owt",
    title="AlexNet (one weird trick, torchvision)",
    blocks=(
        Block(
            layers="convolution 64@11x11, max pool",
            parameters=23_296,
            multiply_adds=70_276_800,
        ),
        Block(
            layers="convolution 192@5x5, max pool",
            parameters=307_392,
            multiply_adds=223_948_800,
        ),
        Block(
            layers="convolution 384@3x3", parameters=663_936, multiply_adds=112_140_288
        ),
        Block(
            layers="convolution 256@3x3", parameters=884_992, multiply_adds=149_520_384
        ),
        Block(
            layers="convolution 256@3x3, max pool",
            parameters=590_080,
            multiply_adds=99_680_256,
        ),
        Block(
            layers="fully connected 4096",
            parameters=37_752_832,
            multiply_adds=37_748_736,
            dropout=0.5,
        ),
        Block(
            layers="fully connected 4096",
            parameters=16_781_312,
            multiply_adds=16_777_216,
            dropout=0.5,
        ),
        Block(layers="classifier", parameters=4_097_000, multiply_adds=4_096_000),
    ),
    num_features=4096,
    outputs=(
        (27, 27, 64),
        (13, 13, 192),
        (13, 13, 384),
        (13, 13, 256),
        (6, 6, 256),
        (4096,),
        (4096,),
    ),
    source="ImageNet (ILSVRC-2012)",
    source_classes=1000,
    # pytorch/vision, transforms/_presets.py (ImageClassification), in 0 to 255.
    preprocessing=Preprocessing(
        resize="shorter_side",
        resize_to=256,
        crop=224,
        interpolation="bilinear",
        channels="RGB",
        mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
        scale=(255 * 0.229, 255 * 0.224, 255 * 0.225),
    ),
    build=_build_alexnet_owt,
    weights=weights.ALEXNET_OWT,
    port=weights.ALEXNET_OWT_PORT,
)

BACKBONES = (ALEXNET, CAFFENET, ALEXNET_OWT)
