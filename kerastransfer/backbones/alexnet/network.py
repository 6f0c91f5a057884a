"""AlexNet in three readings: BVLC's, CaffeNet's, and the one of "one weird trick".

The first two are BVLC/caffe's models/bvlc_alexnet and models/bvlc_reference_caffenet,
which differ in the order of pooling and normalisation and in their initial biases. The
third is torchvision's ``alexnet``: no normalisation and no groups.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import keras

from kerastransfer.backbones.layers import GroupedConv2D, LocalResponseNormalization
from kerastransfer.backbones.network import Network, seed_of

_WIDTH = 4096
_DROPOUT = 0.5
_POOL, _POOL_STRIDE = 3, 2
_FLATTENED, _CLASSIFIER = 6, 8  # blocks

# initializers(layer, fan_in, seed): Keras's arguments for one layer.
_Initializers = Callable[[str, int, int], dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Convolution:
    """A convolution, its ReLU, and what follows in its block."""

    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    then: tuple[Literal["norm", "pool"], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Design:
    """What makes one of the three networks."""

    size: int
    convolutions: tuple[_Convolution, ...]
    dropouts: tuple[int, ...]  # the blocks that begin with one
    initializers: _Initializers


def build_alexnet(num_classes: int, seed: int) -> Network:
    """Make BVLC's AlexNet, drawn as its train_val.prototxt says.

    Parameters
    ----------
    num_classes : int
        Size of the classifier.
    seed : int
        Every weight follows from it.

    Returns
    -------
    Network
        From (n, 227, 227, 3) normalised images, BGR, to (n, num_classes) logits.
    """
    return _build(_ALEXNET, num_classes, seed)


def build_caffenet(num_classes: int, seed: int) -> Network:
    """Make BVLC's reference CaffeNet, drawn as its train_val.prototxt says.

    Parameters
    ----------
    num_classes : int
        Size of the classifier.
    seed : int
        Every weight follows from it.

    Returns
    -------
    Network
        From (n, 227, 227, 3) normalised images, BGR, to (n, num_classes) logits.
    """
    return _build(_CAFFENET, num_classes, seed)


def build_alexnet_owt(num_classes: int, seed: int) -> Network:
    """Make torchvision's AlexNet, drawn as PyTorch draws its layers.

    Parameters
    ----------
    num_classes : int
        Size of the classifier.
    seed : int
        Every weight follows from it.

    Returns
    -------
    Network
        From (n, 224, 224, 3) normalised images, RGB, to (n, num_classes) logits.

    References
    ----------
    .. [1] A. Krizhevsky, "One weird trick for parallelizing convolutional neural
       networks", 2014; pytorch/vision, torchvision/models/alexnet.py.
    """
    return _build(_ALEXNET_OWT, num_classes, seed)


def _gaussian(lifted: float) -> _Initializers:
    """Draw as Caffe's two networks do; `lifted` is the bias where it is not zero."""

    def initializers(layer: str, fan_in: int, seed: int) -> dict[str, Any]:
        deviation = 0.005 if layer in ("fc6", "fc7") else 0.01
        bias = 0.0 if layer in ("conv1", "conv3", "fc8") else lifted
        return {
            "kernel_initializer": keras.initializers.RandomNormal(
                stddev=deviation, seed=seed_of(seed, layer)
            ),
            "bias_initializer": keras.initializers.Constant(bias),
        }

    return initializers


def _uniform(layer: str, fan_in: int, seed: int) -> dict[str, Any]:
    """Draw as PyTorch does by default: weights and biases within 1 / sqrt(fan in)."""
    limit = fan_in**-0.5
    return {
        f"{what}_initializer": keras.initializers.RandomUniform(
            -limit, limit, seed=seed_of(seed, f"{layer}/{what}")
        )
        for what in ("kernel", "bias")
    }


_NORM_POOL: tuple[Literal["norm", "pool"], ...] = ("norm", "pool")
_POOL_NORM: tuple[Literal["norm", "pool"], ...] = ("pool", "norm")


def _caffe(
    then: tuple[Literal["norm", "pool"], ...], initializers: _Initializers
) -> _Design:
    """Describe one of BVLC's networks; `then` follows conv1 and conv2."""
    return _Design(
        size=227,
        convolutions=(
            _Convolution(filters=96, kernel=11, stride=4, then=then),
            _Convolution(filters=256, kernel=5, padding=2, groups=2, then=then),
            _Convolution(filters=384, kernel=3, padding=1),
            _Convolution(filters=384, kernel=3, padding=1, groups=2),
            _Convolution(filters=256, kernel=3, padding=1, groups=2, then=("pool",)),
        ),
        dropouts=(7, 8),
        initializers=initializers,
    )


_ALEXNET = _caffe(_NORM_POOL, _gaussian(0.1))
_CAFFENET = _caffe(_POOL_NORM, _gaussian(1.0))
_ALEXNET_OWT = _Design(
    size=224,
    convolutions=(
        _Convolution(filters=64, kernel=11, stride=4, padding=2, then=("pool",)),
        _Convolution(filters=192, kernel=5, padding=2, then=("pool",)),
        _Convolution(filters=384, kernel=3, padding=1),
        _Convolution(filters=256, kernel=3, padding=1),
        _Convolution(filters=256, kernel=3, padding=1, then=("pool",)),
    ),
    dropouts=(6, 7),
    initializers=_uniform,
)


def _build(design: _Design, num_classes: int, seed: int) -> Network:
    blocks: list[keras.Model] = []
    shape: tuple[int | None, ...] = (design.size, design.size, 3)
    for block, convolution in enumerate(design.convolutions, start=1):
        blocks.append(_convolutional(block, shape, convolution, design, seed))
        shape = blocks[-1].output_shape[1:]
    for block, units in ((6, _WIDTH), (7, _WIDTH), (_CLASSIFIER, num_classes)):
        blocks.append(_full(block, shape, units, design, seed))
        shape = blocks[-1].output_shape[1:]
    return Network(tuple(blocks))


def _convolutional(
    block: int,
    shape: tuple[int | None, ...],
    convolution: _Convolution,
    design: _Design,
    seed: int,
) -> keras.Model:
    inputs = x = keras.Input(shape)
    padding = "same" if convolution.padding else "valid"
    if convolution.padding and convolution.stride > 1:  # where "same" would be lopsided
        x = keras.layers.ZeroPadding2D(convolution.padding, name=f"pad{block}")(x)
        padding = "valid"
    fan_in = convolution.kernel**2 * x.shape[-1] // convolution.groups
    layer = GroupedConv2D if convolution.groups > 1 else keras.layers.Conv2D
    arguments = {"groups": convolution.groups} if convolution.groups > 1 else {}
    x = layer(
        convolution.filters,
        convolution.kernel,
        convolution.stride,
        padding,
        name=f"conv{block}",
        **arguments,
        **design.initializers(f"conv{block}", fan_in, seed),
    )(x)
    x = keras.layers.ReLU(name=f"relu{block}")(x)
    for kind in convolution.then:
        x = _THEN[kind](x, f"{kind}{block}")
    return keras.Model(inputs, x, name=f"block{block}")


def _pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    # Caffe rounds the output's size up and PyTorch down. Maps of 55, 27 and 13 leave no
    # remainder, so all agree; another input size would have to say which it means.
    assert (x.shape[1] - _POOL) % _POOL_STRIDE == 0, x.shape
    return keras.layers.MaxPooling2D(_POOL, _POOL_STRIDE, name=name)(x)


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return LocalResponseNormalization(name=name)(x)


_THEN = {"norm": _norm, "pool": _pool}


def _full(
    block: int,
    shape: tuple[int | None, ...],
    units: int,
    design: _Design,
    seed: int,
) -> keras.Model:
    inputs = x = keras.Input(shape)
    if block in design.dropouts:
        name = f"drop{block}"
        x = keras.layers.Dropout(_DROPOUT, seed=seed_of(seed, name), name=name)(x)
    if block == _FLATTENED:
        x = keras.layers.Flatten(name="flatten")(x)
    fan_in = x.shape[-1]
    x = keras.layers.Dense(
        units, name=f"fc{block}", **design.initializers(f"fc{block}", fan_in, seed)
    )(x)
    if block != _CLASSIFIER:
        x = keras.layers.ReLU(name=f"relu{block}")(x)
    return keras.Model(inputs, x, name=f"block{block}")
