"""AlexNet's forward pass in NumPy, channels first, from the formulas of lrn_layer.cpp,
pooling_layer.cpp and im2col.cpp; slow, and independent of every library tested."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def convolve(x, weights, biases, *, stride=1, pad=0, groups=1):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    size = weights.shape[2:]
    out = []
    for maps, kernel in zip(
        np.split(x, groups, axis=1), np.split(weights, groups), strict=True
    ):
        patches = sliding_window_view(maps, size, axis=(2, 3))
        patches = patches[:, :, ::stride, ::stride]  # n, channels, rows, columns, *size
        n, _, rows, columns = patches.shape[:4]
        flat = patches.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, -1)
        y = flat @ kernel.reshape(len(kernel), -1).T
        out.append(y.reshape(n, rows, columns, -1).transpose(0, 3, 1, 2))
    return np.concatenate(out, axis=1) + biases[:, None, None]


def pool(x, *, ceil):
    """Max-pool 3 x 3 at stride 2."""
    rest = (x.shape[2] - 3) % 2 if ceil else 0
    x = np.pad(x, ((0, 0), (0, 0), (0, rest), (0, rest)), constant_values=-np.inf)
    return sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max((4, 5))


def normalise(x, *, size=5, alpha=1e-4, beta=0.75, k=1.0):
    squares = np.pad(x**2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    energy = sliding_window_view(squares, size, axis=1).sum(-1)
    return x / (k + alpha / size * energy) ** beta


def full(x, weights, biases):
    return x.reshape(len(x), -1) @ weights.T + biases


def forward(x, layers, order):
    """Return the responses of BVLC's networks by layer; order as in `prototxt`."""
    after = {"norm": normalise, "pool": lambda x: pool(x, ceil=True)}
    seen = {}
    for n, arguments, then in (
        (1, {"stride": 4}, order),
        (2, {"pad": 2, "groups": 2}, order),
        (3, {"pad": 1}, ()),
        (4, {"pad": 1, "groups": 2}, ()),
        (5, {"pad": 1, "groups": 2}, ("pool",)),
    ):
        x = np.maximum(convolve(x, *layers[f"conv{n}"], **arguments), 0)
        for what in then:
            x = seen[f"{what}{n}"] = after[what](x)
    for n in (6, 7):
        x = seen[f"relu{n}"] = np.maximum(full(x, *layers[f"fc{n}"]), 0)
    seen["fc8"] = full(x, *layers["fc8"])
    return seen
