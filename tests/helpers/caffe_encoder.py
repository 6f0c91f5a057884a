"""Caffe's files, written from src/caffe/proto/caffe.proto for the tests to read."""

import numpy as np

# BVLC/caffe, models/bvlc_alexnet/deploy.prototxt; CaffeNet's are the same.
SHAPES = {
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
    "fc6": (4096, 9216),
    "fc7": (4096, 4096),
    "fc8": (1000, 4096),
}
_TYPES = {4: (4, "Convolution"), 2: (14, "InnerProduct")}  # by the kernel's rank


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def integer(field, value):
    return varint(field << 3) + varint(value)


def message(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def blob(array, *, version):
    data = message(5, np.ascontiguousarray(array, "<f4").tobytes())
    if version == 1:  # num, channels, height, width
        sizes = (1,) * (4 - array.ndim) + array.shape
        return b"".join(integer(i, n) for i, n in enumerate(sizes, start=1)) + data
    dims = b"".join(varint(size) for size in array.shape)
    return message(7, message(1, dims)) + data


def layer(name, weights, biases, *, version):
    number, word = _TYPES[weights.ndim]
    blobs = [blob(array, version=version) for array in (weights, biases)]
    if version == 1:
        fields = message(4, name.encode()) + integer(5, number)
        return message(2, fields + b"".join(message(6, b) for b in blobs))
    fields = message(1, name.encode()) + message(2, word.encode())
    return message(100, fields + b"".join(message(7, b) for b in blobs))


def network(layers, *, version):
    """Encode {name: (weights, biases)} as a NetParameter."""
    return message(1, b"net") + b"".join(
        layer(name, *blobs, version=version) for name, blobs in layers.items()
    )


_CONV = """layer {{ name: "conv{n}" type: "Convolution"
  bottom: "{bottom}" top: "conv{n}"
  convolution_param {{ num_output: {out} kernel_size: {kernel} stride: {stride}
    pad: {pad} group: {group} }} }}
layer {{ name: "relu{n}" type: "ReLU" bottom: "conv{n}" top: "relu{n}" }}
"""
_NORM = """layer {{ name: "norm{n}" type: "LRN" bottom: "{bottom}" top: "norm{n}"
  lrn_param {{ local_size: 5 alpha: 0.0001 beta: 0.75 }} }}
"""
_POOL = """layer {{ name: "pool{n}" type: "Pooling" bottom: "{bottom}" top: "pool{n}"
  pooling_param {{ pool: MAX kernel_size: 3 stride: 2 }} }}
"""
_FULL = """layer {{ name: "fc{n}" type: "InnerProduct" bottom: "{bottom}" top: "fc{n}"
  inner_product_param {{ num_output: {out} }} }}
"""
_RELU = """layer {{ name: "relu{n}" type: "ReLU" bottom: "fc{n}" top: "relu{n}" }}
"""
_AFTER = {"norm": _NORM, "pool": _POOL}


def prototxt(order):
    """Describe AlexNet (order 'norm', 'pool') or CaffeNet, as deploy.prototxt does."""
    text = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 227 input_dim: 227\n'
    bottom = "data"
    for n, out, kernel, stride, pad, group, after in (
        (1, 96, 11, 4, 0, 1, order),
        (2, 256, 5, 1, 2, 2, order),
        (3, 384, 3, 1, 1, 1, ()),
        (4, 384, 3, 1, 1, 2, ()),
        (5, 256, 3, 1, 1, 2, ("pool",)),
    ):
        text += _CONV.format(
            n=n,
            bottom=bottom,
            out=out,
            kernel=kernel,
            stride=stride,
            pad=pad,
            group=group,
        )
        bottom = f"relu{n}"
        for what in after:
            text += _AFTER[what].format(n=n, bottom=bottom)
            bottom = f"{what}{n}"
    for n, out in ((6, 4096), (7, 4096), (8, 1000)):
        text += _FULL.format(n=n, bottom=bottom, out=out)
        if n < 8:
            text += _RELU.format(n=n)
        bottom = f"relu{n}"
    return text
