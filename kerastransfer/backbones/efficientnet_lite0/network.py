"""EfficientNet-Lite0, in eight blocks.

The network of https://github.com/tensorflow/tpu (efficientnet/lite): EfficientNet-B0
without squeeze-and-excitation, with ReLU6, and with the stem and head of fixed width.
Drop-connect, which its authors used in training from scratch, is left out: fine-tuning
on few images gains nothing from it and the cached prefix could not have it.
"""

import dataclasses

import keras

from kerastransfer.backbones.network import Network, seed_of

_EPSILON = 1e-3
_MOMENTUM = 0.99
_DROPOUT = 0.2
_STEM = 32
_HEAD = 1280


@dataclasses.dataclass(frozen=True, slots=True)
class _Stage:
    """A row of the architecture table."""

    kernel: int
    stride: int
    expand: int
    filters: int
    repeats: int


_STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)


def build(num_classes: int, seed: int) -> Network:
    """Make the network, drawn at random.

    Parameters
    ----------
    num_classes : int
        Size of the classifier.
    seed : int
        Every weight follows from it.

    Returns
    -------
    Network
        From (n, 224, 224, 3) normalised images to (n, num_classes) logits.
    """
    draw = _Layers(seed)
    blocks: list[keras.Model] = []
    shape: tuple[int | None, ...] = (224, 224, 3)
    unit = 0
    for block, stage in enumerate(_STAGES, start=1):
        inputs = x = keras.Input(shape)
        if block == 1:
            x = draw.convolution(x, "stem", _STEM, kernel=3, stride=2)
        for repeat in range(stage.repeats):
            stride = 1 if repeat else stage.stride
            x = draw.bottleneck(x, f"mb{unit}", stage, stride)
            unit += 1
        if block == len(_STAGES):
            x = draw.convolution(x, "head", _HEAD)
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
        self, x: keras.KerasTensor, name: str, stage: _Stage, stride: int
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
