"""The networks of ``keras.applications`` that recipes can be applied to.

A row is all that is needed of a network: the rest is read off what Keras builds. It
imports no TensorFlow.

Weights' names, places and hashes are those in Keras 3.15's source; accuracies are from
https://keras.io/api/applications (read in November 2026), of MobileNetV3 from the
docstring of keras/src/applications/mobilenet_v3.py.

Licences are those of the releases that the weights come from, which Keras's files do
not name: of ResNet, ResNetV2, Inception, Xception, VGG, DenseNet and MobileNetV2 as
docs/templates/applications.md of keras-team/keras says; of ConvNeXt that of
github.com/facebookresearch/ConvNeXt. For the EfficientNets and MobileNetV3 no page that
names their weights was read: theirs is that of Google's code. Look before you pass
weights on.
"""

from collections.abc import Iterator

from kerastransfer.backbones.applications.efficientnets import (
    efficientnets,
    efficientnets_v2,
)
from kerastransfer.backbones.applications.row import (
    BSD,
    KERAS,
    MIT,
    ApplicationRow,
    kernels,
)


def _resnets() -> Iterator[ApplicationRow]:
    first = ("pool1_pool", "conv2_block3_out", "conv3_block4_out")
    yield ApplicationRow(
        name="resnet50",
        constructor="ResNet50",
        pixels="caffe",
        cuts=(*first, "conv4_block3_out", "conv4_block6_out", "conv5_block2_out"),
        url=kernels("resnet", "resnet50"),
        hash="2cb95161c43110f7111970584f804107",
        licence=MIT,
        top1=0.749,
        top5=0.921,
    )
    yield ApplicationRow(
        name="resnet50v2",
        constructor="ResNet50V2",
        pixels="halves",
        cuts=(*first, "conv4_block3_out", "conv4_block6_out", "conv5_block2_out"),
        url=kernels("resnet", "resnet50v2"),
        hash="3ef43a0b657b3be2300d5770ece849e0",
        licence=BSD,
        top1=0.760,
        top5=0.930,
    )
    yield ApplicationRow(
        name="resnet101v2",
        constructor="ResNet101V2",
        pixels="halves",
        cuts=(*first, "conv4_block12_out", "conv4_block23_out", "conv5_block2_out"),
        url=kernels("resnet", "resnet101v2"),
        hash="6343647c601c52e1368623803854d971",
        licence=BSD,
        top1=0.772,
        top5=0.938,
    )


def _mobilenets() -> Iterator[ApplicationRow]:
    yield ApplicationRow(
        name="mobilenetv2",
        constructor="MobileNetV2",
        pixels="halves",
        cuts=(
            "expanded_conv_project_BN",
            "block_2_add",
            "block_5_add",
            "block_9_add",
            "block_12_add",
            "block_15_add",
        ),
        url=f"{KERAS}/mobilenet_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        top1=0.713,
        top5=0.901,
    )
    yield ApplicationRow(
        name="mobilenetv3large",
        constructor="MobileNetV3Large",
        pixels="halves",
        cuts=_expanded("add 2_add 5_add 9_add 11_add 14_add"),
        url=f"{KERAS}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float.h5",
        hash="59e551e166be033d707958cf9e29a6a7",
        top1=0.756,
    )
    yield ApplicationRow(
        name="mobilenetv3small",
        constructor="MobileNetV3Small",
        pixels="halves",
        cuts=_expanded("project_bn 2_add 4_add 5_add 7_add 10_add"),
        url=f"{KERAS}/mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float.h5",
        hash="8768d4c2e7dee89b9d02b2d03d65d862",
        top1=0.681,
    )


def _expanded(ends: str) -> tuple[str, str, str, str, str, str]:
    first, second, third, fourth, fifth, sixth = (
        f"expanded_conv_{end}" for end in ends.split()
    )
    return first, second, third, fourth, fifth, sixth


def _convnexts() -> Iterator[ApplicationRow]:
    long = ("add_2", "add_5", "add_14", "add_23", "add_32", "add_34")
    for letter, cuts, digest, top1 in (
        (
            "tiny",
            ("add_2", "add_5", "add_8", "add_11", "add_14", "add_16"),
            "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
            0.813,
        ),
        (
            "small",
            long,
            "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
            0.823,
        ),
        (
            "base",
            long,
            "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
            0.853,
        ),
    ):
        yield ApplicationRow(
            name=f"convnext{letter}",
            constructor=f"ConvNeXt{letter.title()}",
            interpolation="bicubic",
            pixels="imagenet",
            cuts=cuts,
            url=f"{KERAS}/convnext/convnext_{letter}.h5",
            hash=digest,
            licence=MIT,
            top1=top1,
        )


def _others() -> Iterator[ApplicationRow]:
    yield ApplicationRow(
        name="densenet121",
        constructor="DenseNet121",
        pixels="imagenet",
        cuts=(
            "pool1",
            "pool2_pool",
            "pool3_pool",
            "conv4_block12_concat",
            "pool4_pool",
            "conv5_block8_concat",
        ),
        url=kernels("densenet", "densenet121"),
        hash="9d60b8095a5708f2dcce2bca79d332c7",
        licence=BSD,
        top1=0.750,
        top5=0.923,
    )


def _inceptions() -> Iterator[ApplicationRow]:
    yield ApplicationRow(
        name="inceptionv3",
        constructor="InceptionV3",
        size=299,
        resize_to=342,
        smallest=75,
        pixels="halves",
        cuts=("max_pooling2d_1", "mixed2", "mixed4", "mixed6", "mixed7", "mixed9"),
        url=kernels("inception_v3", "inception_v3"),
        hash="9a0d58056eeedaa3f26cb7ebd46da564",
        top1=0.779,
        top5=0.937,
    )
    yield ApplicationRow(
        name="xception",
        constructor="Xception",
        size=299,
        resize_to=342,
        smallest=71,
        pixels="halves",
        cuts=("block1_conv2_act", "add_1", "add_2", "add_6", "add_10", "add_11"),
        url=kernels("xception", "xception"),
        hash="0a58e3b7378bc2990ea3b43d5981f1f6",
        licence=MIT,
        top1=0.790,
        top5=0.945,
    )
    yield ApplicationRow(
        name="vgg16",
        constructor="VGG16",
        smallest=224,  # its block 6 takes the maps of that size
        pixels="caffe",
        cuts=(
            "block1_pool",
            "block2_pool",
            "block3_pool",
            "block4_pool",
            "block5_pool",
            "fc1",
        ),
        url=kernels("vgg16", "vgg16"),
        hash="64373286793e3c8b2b4e3219cbf3544b",
        licence="CC-BY-4.0",
        top1=0.713,
        top5=0.901,
    )


ROWS: tuple[ApplicationRow, ...] = (
    *_resnets(),
    *efficientnets(),
    *efficientnets_v2(),
    *_mobilenets(),
    *_convnexts(),
    *_others(),
    *_inceptions(),
)
