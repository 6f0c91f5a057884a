"""AlexNet, CaffeNet and the one-weird-trick AlexNet, in Keras's layout.

The first two have equal shapes: two groups in conv2, conv4 and conv5
(BVLC/caffe, models/bvlc_*/deploy.prototxt). The third has none (torchvision,
models/alexnet.py). conv1's input channels stay in the file's order: BGR for the Caffe
networks, RGB for torchvision's; the backbone's preprocessing feeds them so.
"""

from collections.abc import Mapping

import numpy as np

from kerastransfer.backbones import heads, named_arrays
from kerastransfer.backbones.alexnet.file_layers import (
    Layers,
    check_layers,
    usual_names,
)
from kerastransfer.backbones.named_arrays import Naming
from kerastransfer.backbones.porting import (
    Ported,
    Shape,
    check_shape,
)
from kerastransfer.errors import WeightsError
from kerastransfer.foundation.quoting import quoted

_FEATURES = 4096
# The last map before fc6: rows, columns, channels.
_MAP = (6, 6, 256)
_FULL: dict[str, Shape] = {
    "fc6": (9216, 4096),
    "fc7": (4096, 4096),
    "fc8": (4096, 1000),
}
# Rows, columns, channels in / groups, channels out.
_CAFFE: dict[str, Shape] = {
    "conv1": (11, 11, 3, 96),
    "conv2": (5, 5, 48, 256),
    "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384),
    "conv5": (3, 3, 192, 256),
    **_FULL,
}
_OWT: dict[str, Shape] = {
    "conv1": (11, 11, 3, 64),
    "conv2": (5, 5, 64, 192),
    "conv3": (3, 3, 192, 384),
    "conv4": (3, 3, 384, 256),
    "conv5": (3, 3, 256, 256),
    **_FULL,
}
_HEAD = "fc8"
_TRUNK = tuple(name for name in _CAFFE if name != _HEAD)
_TORCH_NAMES = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
}
_TORCH_HEAD = 6  # its place in the classifier


def _is_trunk(name: str) -> bool:
    part, _, rest = name.partition(".")
    place = rest.partition(".")[0]
    return part == "features" or (
        part == "classifier" and place.isdecimal() and int(place) < _TORCH_HEAD
    )


_TORCHVISION = Naming(
    trunk=tuple(
        f"{layer}.{array}"
        for layer in _TORCH_NAMES.values()
        for array in ("weight", "bias")
    ),
    head=f"classifier.{_TORCH_HEAD}",
    is_trunk=_is_trunk,
)


def shapes() -> dict[str, Shape]:
    """Return every variable of AlexNet and of CaffeNet and its shape.

    Returns
    -------
    dict of str to tuple of int
        Keys ``<layer>/<variable>``, Keras's layout; 60,965,224 numbers.
    """
    return _with_biases(_CAFFE)


def shapes_owt() -> dict[str, Shape]:
    """Return every variable of the one-weird-trick AlexNet and its shape.

    Returns
    -------
    dict of str to tuple of int
        Keys ``<layer>/<variable>``, Keras's layout; 61,100,840 numbers.
    """
    return _with_biases(_OWT)


def from_caffe(layers: Mapping[str, tuple[np.ndarray, ...]]) -> Ported:
    """Port a ``.caffemodel`` of AlexNet or CaffeNet, whose layers have equal names.

    Parameters
    ----------
    layers : mapping of str to tuple of ndarray
        Weights and biases of ``conv1`` to ``fc7``, with old or new blob shapes or as
        convolutions, and perhaps of a classifier.

    Raises
    ------
    WeightsError
        If a layer of blocks 1-7 is missing or of another shape, or the file has
        another layer among them.
    """
    layers, remarks = usual_names(layers)
    head = check_layers(layers, _TRUNK, _HEAD, _FEATURES, outputs_first=True)
    trunk = {name: _pair(layers, name) for name in _TRUNK}
    weights = _from_nchw(trunk, _CAFFE)
    return _ported(weights, layers, head, remarks, outputs_first=True)


def from_toronto(layers: Mapping[str, tuple[np.ndarray, ...]]) -> Ported:
    """Port Toronto's ``bvlc_alexnet.npy``, which is in TensorFlow's layout already.

    Parameters
    ----------
    layers : mapping of str to tuple of ndarray
        Weights and biases of ``conv1`` to ``fc7``, and perhaps of a classifier.

    Raises
    ------
    WeightsError
        If a layer of blocks 1-7 is missing or of another shape, or the file has
        another layer among them.
    """
    layers, remarks = usual_names(layers)
    head = check_layers(layers, _TRUNK, _HEAD, _FEATURES, outputs_first=False)
    weights: dict[str, np.ndarray] = {}
    for layer in _TRUNK:
        shape = _CAFFE[layer]
        kernel, bias = _pair(layers, layer)
        if kernel.shape in ((*_MAP, _FEATURES), (1, 1, *shape)):  # a convolution
            kernel = kernel.reshape(shape)
        check_shape(f"{layer}, weights", kernel.shape, shape)
        check_shape(f"{layer}, biases", bias.shape, shape[-1:])
        weights |= {f"{layer}/kernel": kernel, f"{layer}/bias": bias}
    return _ported(weights, layers, head, remarks, outputs_first=False)


def from_torch(tensors: Mapping[str, np.ndarray]) -> Ported:
    """Port torchvision's state dict of the one-weird-trick AlexNet.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        ``features.0.weight`` to ``classifier.4.bias``, after any prefix, and perhaps a
        classifier's.

    Raises
    ------
    WeightsError
        If a tensor of blocks 1-7 is missing or of another shape, or the file has
        another one among them.
    """
    network = named_arrays.find_network(tensors, [_TORCHVISION], _FEATURES)
    pairs = {
        layer: (network[f"{theirs}.weight"], network[f"{theirs}.bias"])
        for layer, theirs in _TORCH_NAMES.items()
    }
    return network.ported(_from_nchw(pairs, _OWT), _HEAD)


_Pairs = Mapping[str, tuple[np.ndarray, np.ndarray]]


def _ported(
    weights: dict[str, np.ndarray],
    layers: Layers,
    head: str,
    remarks: tuple[str, ...],
    *,
    outputs_first: bool,
) -> Ported:
    if head:
        kernel, bias, remark = heads.dense(layers[head], outputs_first=outputs_first)
        weights = {**weights, f"{_HEAD}/kernel": kernel, f"{_HEAD}/bias": bias}
        remarks = (*remarks, remark) if remark else remarks
        if head != _HEAD:
            remarks = (*remarks, f"its classifier is called {quoted(head)}")
    used = {*_TRUNK, head}
    return Ported(
        weights=weights,
        skipped=tuple(name for name in layers if name not in used),
        remarks=remarks,
    )


def _pair(layers: Layers, layer: str) -> tuple[np.ndarray, np.ndarray]:
    if len(layers[layer]) != 2:
        raise WeightsError(
            f"The weights do not fit: expected weights and biases in {quoted(layer)}, "
            f"got {len(layers[layer])} arrays."
        )
    return layers[layer][0], layers[layer][1]


def _from_nchw(pairs: _Pairs, expected: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """Port weights of Caffe's and PyTorch's layout: channels first."""
    weights: dict[str, np.ndarray] = {}
    for layer, (kernel, bias) in pairs.items():
        shape = expected[layer]
        bias = _without_ones(bias, 1)
        check_shape(f"{layer}, biases", bias.shape, shape[-1:])
        weights[f"{layer}/kernel"] = _kernel(
            layer, _without_ones(kernel, len(shape)), shape
        )
        weights[f"{layer}/bias"] = bias
    return weights


def _kernel(layer: str, kernel: np.ndarray, shape: Shape) -> np.ndarray:
    name = f"{layer}, weights"
    if len(shape) == 4:  # (out, in, rows, columns) to (rows, columns, in, out)
        check_shape(name, kernel.shape, (shape[3], shape[2], shape[0], shape[1]))
        return kernel.transpose(2, 3, 1, 0)
    rows, columns, channels = _MAP
    if kernel.shape in (
        (_FEATURES, channels, rows, columns),  # fc6 as a convolution, and fc7
        (_FEATURES, _FEATURES, 1, 1),
    ):
        kernel = kernel.reshape(_FEATURES, -1)
    check_shape(name, kernel.shape, shape[::-1])
    if layer != "fc6":
        return kernel.T
    # fc6 sees the flattened map: channels first there, channels last in Keras.
    maps = kernel.reshape(-1, channels, rows, columns)
    return maps.transpose(2, 3, 1, 0).reshape(shape)


def _without_ones(array: np.ndarray, rank: int) -> np.ndarray:
    """Take off the leading ones of an old blob, which always has four sizes."""
    lead = array.ndim - rank
    if array.ndim == 4 and lead > 0 and array.shape[:lead] == (1,) * lead:
        return array.reshape(array.shape[lead:])
    return array


def _with_biases(kernels: Mapping[str, Shape]) -> dict[str, Shape]:
    result: dict[str, Shape] = {}
    for layer, shape in kernels.items():
        result |= {f"{layer}/kernel": shape, f"{layer}/bias": shape[-1:]}
    return result
