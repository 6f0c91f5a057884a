"""AlexNet, CaffeNet and the one-weird-trick AlexNet, in Keras's layout.

The first two have equal shapes: two groups in conv2, conv4 and conv5
(BVLC/caffe, models/bvlc_*/deploy.prototxt). The third has none (torchvision,
models/alexnet.py). conv1's input channels stay in the file's order: BGR for the Caffe
networks, RGB for torchvision's; the backbone's preprocessing feeds them so.
"""

from collections.abc import Mapping

import numpy as np

from kerastransfer.backbones.porting import Shape, check_names, check_shape
from kerastransfer.errors import WeightsError

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
_TORCH_NAMES = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "fc8": "classifier.6",
}


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


def from_caffe(layers: Mapping[str, tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
    """Port a ``.caffemodel`` of AlexNet or CaffeNet, whose layers have equal names.

    Parameters
    ----------
    layers : mapping of str to tuple of ndarray
        Weights and biases of ``conv1`` to ``fc8``, with old or new blob shapes.

    Returns
    -------
    dict of str to ndarray
        Keys ``<layer>/<variable>``, Keras's layout.

    Raises
    ------
    WeightsError
        If a layer is missing, left over, or of another shape.
    """
    return _from_nchw(_pairs(layers, _CAFFE), _CAFFE)


def from_toronto(layers: Mapping[str, tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
    """Port Toronto's ``bvlc_alexnet.npy``, which is in TensorFlow's layout already.

    Parameters
    ----------
    layers : mapping of str to tuple of ndarray
        Weights and biases of ``conv1`` to ``fc8``.

    Returns
    -------
    dict of str to ndarray
        Keys ``<layer>/<variable>``, Keras's layout.

    Raises
    ------
    WeightsError
        If a layer is missing, left over, or of another shape.
    """
    weights: dict[str, np.ndarray] = {}
    for layer, (kernel, bias) in _pairs(layers, _CAFFE).items():
        check_shape(f"{layer}, weights", kernel, _CAFFE[layer])
        check_shape(f"{layer}, biases", bias, _CAFFE[layer][-1:])
        weights |= {f"{layer}/kernel": kernel, f"{layer}/bias": bias}
    return weights


def from_torch(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Port torchvision's state dict of the one-weird-trick AlexNet.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        ``features.0.weight`` to ``classifier.6.bias``.

    Returns
    -------
    dict of str to ndarray
        Keys ``<layer>/<variable>``, Keras's layout.

    Raises
    ------
    WeightsError
        If a tensor is missing, left over, or of another shape.
    """
    names = {
        layer: (f"{theirs}.weight", f"{theirs}.bias")
        for layer, theirs in _TORCH_NAMES.items()
    }
    check_names(tensors, {name: None for pair in names.values() for name in pair})
    pairs = {layer: (tensors[w], tensors[b]) for layer, (w, b) in names.items()}
    return _from_nchw(pairs, _OWT)


_Pairs = Mapping[str, tuple[np.ndarray, np.ndarray]]


def _pairs(
    layers: Mapping[str, tuple[np.ndarray, ...]], expected: Mapping[str, Shape]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    check_names(layers, expected)
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for layer in expected:
        if len(layers[layer]) != 2:
            raise WeightsError(
                f"The weights do not fit: expected weights and biases in {layer!r}, "
                f"got {len(layers[layer])} arrays."
            )
        pairs[layer] = layers[layer][0], layers[layer][1]
    return pairs


def _from_nchw(pairs: _Pairs, expected: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """Port weights of Caffe's and PyTorch's layout: channels first."""
    weights: dict[str, np.ndarray] = {}
    for layer, shape in expected.items():
        kernel, bias = pairs[layer]
        bias = _without_ones(bias, 1)
        check_shape(f"{layer}, biases", bias, shape[-1:])
        weights[f"{layer}/kernel"] = _kernel(
            layer, _without_ones(kernel, len(shape)), shape
        )
        weights[f"{layer}/bias"] = bias
    return weights


def _kernel(layer: str, kernel: np.ndarray, shape: Shape) -> np.ndarray:
    name = f"{layer}, weights"
    if len(shape) == 4:  # (out, in, rows, columns) to (rows, columns, in, out)
        check_shape(name, kernel, (shape[3], shape[2], shape[0], shape[1]))
        return kernel.transpose(2, 3, 1, 0)
    check_shape(name, kernel, shape[::-1])
    if layer != "fc6":
        return kernel.T
    # fc6 sees the flattened map: channels first there, channels last in Keras.
    rows, columns, channels = _MAP
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
