"""EfficientNet-Lite0, Lite1 and Lite2, in eight blocks.

The networks of https://github.com/tensorflow/tpu (efficientnet/lite), see `design`.
Drop-connect, which its authors used in training from scratch, is left out: fine-tuning
on few images gains nothing from it and the cached prefix could not have it.
"""

import keras

from kerastransfer.backbones.efficientnet_lite.design import (
    HEAD,
    LITE0,
    STEM,
    Design,
    LiteStage,
)
from kerastransfer.backbones.network import Network, seed_of

_EPSILON = 1e-3
_MOMENTUM = 0.99
_DROPOUT = 0.2


def build(
    num_classes: int, seed: int, design: Design = LITE0, size: int | None = None
) -> Network:
    """Make a network, drawn at random.

    Parameters
    ----------
    num_classes : int
        Size of the classifier.
    seed : int
        Every weight follows from it.
    design : Design
        Which of the networks.
    size : int, optional
        Side of its input in pixels; by default the design's.

    Returns
    -------
    Network
        From (n, size, size, 3) normalised images to (n, num_classes) logits.
    """
    draw = _Layers(seed)
    blocks: list[keras.Model] = []
    side, stages = size or design.size, design.stages()
    shape: tuple[int | None, ...] = (side, side, 3)
    unit = 0
    for block, stage in enumerate(stages, start=1):
        inputs = x = keras.Input(shape)
        if block == 1:
            x = draw.convolution(x, "stem", STEM, kernel=3, stride=2)
        for repeat in range(stage.repeats):
            stride = 1 if repeat else stage.stride
            x = draw.bottleneck(x, f"mb{unit}", stage, stride)
            unit += 1
        if block == len(stages):
            x = draw.convolution(x, "head", HEAD)
            x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        blocks.append(keras.Model(inputs, x, name=f"block{block}"))
        shape = blocks[-1].output_shape[1:]
    blocks.append(draw.classifier(shape, num_classes))
    return Network(tuple(blocks))


class _Layers:
    """The architecture's layers, each with an initialiser seeded by its name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def initializer(self, name: str) -> keras.initializers.Initializer:
        return keras.initializers.VarianceScaling(
            2.0, "fan_out", "truncated_normal", seed=seed_of(self.seed, name)
        )

    def normalise(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return keras.layers.BatchNormalization(
            momentum=_MOMENTUM, epsilon=_EPSILON, name=name
        )(x)

    def convolution(
        self,
        x: keras.KerasTensor,
        name: str,
        filters: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        activate: bool = True,
    ) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            filters,
            kernel,
            stride,
            padding="same",
            use_bias=False,
            kernel_initializer=self.initializer(f"{name}_conv"),
            name=f"{name}_conv",
        )(x)
        x = self.normalise(x, f"{name}_bn")
        return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x

    def bottleneck(
        self, x: keras.KerasTensor, name: str, stage: LiteStage, stride: int
    ) -> keras.KerasTensor:
        entry, width = x, x.shape[-1]
        if stage.expand > 1:
            x = self.convolution(x, f"{name}_expand", width * stage.expand)
        depthwise = f"{name}_depthwise"
        x = keras.layers.DepthwiseConv2D(
            stage.kernel,
            stride,
            padding="same",
            use_bias=False,
            depthwise_initializer=self.initializer(f"{depthwise}_conv"),
            name=f"{depthwise}_conv",
        )(x)
        x = self.normalise(x, f"{depthwise}_bn")
        x = keras.layers.ReLU(6.0, name=f"{depthwise}_relu")(x)
        x = self.convolution(x, f"{name}_project", stage.filters, activate=False)
        if stride == 1 and width == stage.filters:
            x = keras.layers.Add(name=f"{name}_add")([entry, x])
        return x

    def classifier(
        self, shape: tuple[int | None, ...], num_classes: int
    ) -> keras.Model:
        inputs = keras.Input(shape)
        x = keras.layers.Dropout(
            _DROPOUT, seed=seed_of(self.seed, "dropout"), name="dropout"
        )(inputs)
        x = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=0.01, seed=seed_of(self.seed, "classifier")
            ),
            name="classifier",
        )(x)
        return keras.Model(inputs, x, name="block8")
