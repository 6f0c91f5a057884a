"""The published weights of the three AlexNets.

Sources: BVLC/caffe, models/*/readme.md and docs/model_zoo.md; Open Model Zoo,
models/public/{alexnet,caffenet}/model.yml (sizes, SHA-256 and SHA-384); torchvision
0.28, ``AlexNet_Weights.IMAGENET1K_V1.meta``.
"""

from kerastransfer.backbones.alexnet import port
from kerastransfer.backbones.published import (
    Auxiliary,
    PublishedWeights,
    ReferencePrediction,
    WeightPort,
)
from kerastransfer.foundation.checksums import Checksum

_BERKELEY = "http://dl.caffe.berkeleyvision.org"
_ILSVRC12 = f"{_BERKELEY}/caffe_ilsvrc12.tar.gz"
_MEAN_AND_WORDS = (
    Auxiliary(
        name="imagenet_mean.binaryproto",
        archive=_ILSVRC12,
        checksum=Checksum("sha1", "63e4652e656abc1e87b7a8339a7e02fca63a2c0c"),
    ),
    Auxiliary(name="synset_words.txt", archive=_ILSVRC12),
)

ALEXNET_PORT = WeightPort(
    shapes=port.shapes,
    formats={
        "caffe": lambda file: port.from_caffe(file.layers),
        "toronto": lambda file: port.from_toronto(file.layers),
    },
)
ALEXNET = (
    PublishedWeights(
        name="alexnet",
        backbone="alexnet",
        file="bvlc_alexnet.caffemodel",
        urls=(
            f"{_BERKELEY}/bvlc_alexnet.caffemodel",
            "https://nvidia.box.com/shared/static/5j264j7mky11q8emy4q14w3r8hl5v6zh"
            ".caffemodel",
        ),
        size=243_862_414,
        checksums=(
            Checksum(
                "sha256",
                "4bff209a9837298157915ef50a4831a59636a6ca1a6b8ebacd990c3a5f3053e0",
            ),
            Checksum("sha1", "9116a64c0fbe4459d18f4bb6b56d647b63920377"),
            Checksum("md5", "29eb495b11613825c1900382f5286963"),
        ),
        licence="unrestricted use",
        top1=0.571,
        top5=0.802,
        auxiliary=_MEAN_AND_WORDS,
    ),
    PublishedWeights(
        name="alexnet_toronto",
        backbone="alexnet",
        file="bvlc_alexnet.npy",
        urls=("https://www.cs.toronto.edu/~guerzhoy/tf_alexnet/bvlc_alexnet.npy",),
        licence="unrestricted use (made from bvlc_alexnet.caffemodel)",
        auxiliary=_MEAN_AND_WORDS,
    ),
)

CAFFENET_PORT = ALEXNET_PORT  # caffe-tensorflow converts it as it does AlexNet
CAFFENET = (
    PublishedWeights(
        name="caffenet",
        backbone="caffenet",
        file="bvlc_reference_caffenet.caffemodel",
        urls=(f"{_BERKELEY}/bvlc_reference_caffenet.caffemodel",),
        size=243_862_418,
        checksums=(
            Checksum("sha1", "4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46"),
            Checksum(
                "sha384",
                "6677844301d6c7f68f5b6a299cf41c4f0955bab7d1fb8719375fae6d05b6173d"
                "b9deccf3ac4aaa4225bf6c6e99d81a68",
            ),
        ),
        licence="unrestricted use",
        top1=0.574,
        top5=0.804,
        auxiliary=_MEAN_AND_WORDS,
        # BVLC/caffe, examples/00-classification.ipynb
        prediction=ReferencePrediction(
            image_url="https://raw.githubusercontent.com/BVLC/caffe/master/examples/"
            "images/cat.jpg",
            image_sha256="59b67bce",
            mean=(104.00698793, 116.66876762, 122.67891434),
            top5=(
                (281, "tabby", 0.31243637),
                (None, "tiger cat", 0.2379719),
                (None, "Egyptian cat", 0.12387239),
                (None, "red fox", 0.10075711),
                (None, "lynx", 0.070957087),
            ),
            tolerance=0.02,  # for another library's resizing to 227 x 227
        ),
    ),
)

ALEXNET_OWT_PORT = WeightPort(
    shapes=port.shapes_owt,
    formats=dict.fromkeys(
        ("torch", "safetensors"), lambda file: port.from_torch(file.arrays)
    ),
)
ALEXNET_OWT = (
    PublishedWeights(
        name="alexnet_owt",
        backbone="alexnet_owt",
        file="alexnet-owt-7be5be79.pth",
        urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
        # torch.hub takes the first digits of the hash from the file's name.
        checksums=(Checksum("sha256", "7be5be79"),),
        licence="BSD-3-Clause (torchvision; none given for the weights themselves)",
        top1=0.56522,
        top5=0.79066,
    ),
)
