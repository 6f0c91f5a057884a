"""Networks encoded by the tests themselves, and read by OpenCV as well."""

import struct

import cv2
import numpy as np
import pytest
from helpers import caffe_encoder

from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.weights.readers import caffe_file

# An encoder of protocol buffers, independent of the reader; fields of caffe.proto.


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *parts):
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def new_blob(array, dims_packed=True):
    dims = (
        message(1, *map(varint, array.shape))
        if dims_packed
        else b"".join(number(1, n) for n in array.shape)
    )
    return message(7, dims) + message(5, array.astype("<f4").tobytes())


def old_blob(array):
    sizes = (1,) * (4 - array.ndim) + array.shape
    head = b"".join(number(f, n) for f, n in enumerate(sizes, start=1))
    return head + message(5, array.astype("<f4").tobytes())


def new_layer(name, kind, blobs, extra=b""):
    head = message(1, name.encode()) + message(2, kind.encode()) + extra
    return message(100, head, *(message(7, blob) for blob in blobs))


def old_layer(name, kind, blobs, extra=b""):
    head = message(4, name.encode()) + number(5, kind) + extra
    return message(2, head, *(message(6, blob) for blob in blobs))


PROTOTXT = """
name: "AlexNet"
input: "data" input_dim: 1 input_dim: 3 input_dim: 227 input_dim: 227
"""
CONVOLUTION = """
layer {{ name: "{0}" type: "Convolution" bottom: "{1}" top: "{0}"
  convolution_param {{ num_output: {2} kernel_size: {3} stride: {4} pad: {5}
  group: {6} }} }}
"""
POOL = """
layer {{ name: "{0}" type: "Pooling" bottom: "{1}" top: "{0}"
  pooling_param {{ pool: MAX kernel_size: 3 stride: 2 }} }}
"""
INNER = """
layer {{ name: "{0}" type: "InnerProduct" bottom: "{1}" top: "{0}"
  inner_product_param {{ num_output: {2} }} }}
"""


def prototxt():
    text = PROTOTXT + CONVOLUTION.format("conv1", "data", 96, 11, 4, 0, 1)
    text += POOL.format("pool1", "conv1")
    text += CONVOLUTION.format("conv2", "pool1", 256, 5, 1, 2, 2)
    text += POOL.format("pool2", "conv2")
    text += CONVOLUTION.format("conv3", "pool2", 384, 3, 1, 1, 1)
    text += CONVOLUTION.format("conv4", "conv3", 384, 3, 1, 1, 2)
    text += CONVOLUTION.format("conv5", "conv4", 256, 3, 1, 1, 2)
    text += POOL.format("pool5", "conv5")
    for name, bottom, width in (
        ("fc6", "pool5", 4096),
        ("fc7", "fc6", 4096),
        ("fc8", "fc7", 1000),
    ):
        text += INNER.format(name, bottom, width)
    return text


def numbers(shape, start):
    """Return rising numbers, distinct up to 2**24, that start elsewhere per blob."""
    count = np.prod(shape)
    return np.arange(start, start + count, dtype=np.float32).reshape(shape)


def alexnet(generation):
    """Encode a full AlexNet of distinct numbers; return it and its blobs."""
    parts, blobs, start = [message(1, b"AlexNet")], {}, 0
    for name, shape in caffe_encoder.SHAPES.items():
        convolution = name.startswith("conv")
        pair = tuple(numbers(s, start + i) for i, s in enumerate((shape, shape[:1])))
        start += 2
        group = 2 if name in ("conv2", "conv4", "conv5") else 1
        extra = number(1, shape[0]) + number(2, 1)
        if convolution:
            extra += number(4, shape[-1]) + number(5, group)
        if generation == 1:
            extra = message(10 if convolution else 17, extra)
            kind = 4 if convolution else 14
            parts.append(old_layer(name, kind, map(old_blob, pair), extra))
            parts.append(old_layer(f"relu_{name}", 18, ()))
        else:
            extra = message(106 if convolution else 117, extra)
            kind = "Convolution" if convolution else "InnerProduct"
            parts.append(new_layer(name, kind, map(new_blob, pair), extra))
            parts.append(new_layer(f"relu_{name}", "ReLU", ()))
        blobs[name] = pair
    return b"".join(parts), blobs


@pytest.mark.parametrize("generation", [1, 2])
def test_read_a_full_alexnet_as_opencv_does(generation, tmp_path):
    data, blobs = alexnet(generation)
    path = tmp_path / "alexnet.caffemodel"
    path.write_bytes(data)
    read = caffe_file.read_layers(path)
    assert list(read) == list(caffe_encoder.SHAPES)
    assert sum(b.size for pair in read.values() for b in pair) == 60_965_224
    (tmp_path / "deploy.prototxt").write_text(prototxt())
    net = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(path))
    for name, pair in read.items():
        for index, blob in enumerate(pair):
            theirs = net.getParam(name, index)
            assert np.array_equal(blob.ravel(), blobs[name][index].ravel()), name
            assert np.array_equal(blob.ravel(), theirs.ravel()), name
    path.unlink()  # a quarter of a gigabyte
    old = generation == 1
    assert read["fc6"][0].shape == ((1, 1, 4096, 9216) if old else (4096, 9216))
    assert read["fc8"][1].shape == ((1, 1, 1, 1000) if old else (1000,))
    assert read["conv2"][0].shape == (256, 48, 5, 5)


def save(path, *parts):
    path.write_bytes(b"".join(parts))
    return path


X = np.arange(6, dtype=np.float32).reshape(2, 3)
SHAPE_2_3 = message(7, message(1, varint(2), varint(3)))
FLOATS = [struct.pack("<f", v) for v in X.flat]


@pytest.mark.parametrize(
    "blob",
    [
        new_blob(X),
        new_blob(X, dims_packed=False),
        SHAPE_2_3 + b"".join(varint(5 << 3 | 5) + f for f in FLOATS),
        SHAPE_2_3 + message(5, *FLOATS[:2]) + message(5, *FLOATS[2:]),
        SHAPE_2_3 + message(8, X.astype("<f8").tobytes()),
        SHAPE_2_3 + b"".join(varint(8 << 3 | 1) + struct.pack("<d", v) for v in X.flat),
        new_blob(X) + message(6, bytes(24)) + number(99, 5),
    ],
    ids=["packed", "dims", "unpacked", "chunks", "double", "doubles", "diff"],
)
def test_every_spelling_of_a_blob(blob, tmp_path):
    path = save(tmp_path / "a.caffemodel", new_layer("ip", "InnerProduct", [blob]))
    (read,) = caffe_file.read_layers(path)["ip"]
    np.testing.assert_array_equal(read, X)
    assert read.shape == (2, 3)


@pytest.mark.parametrize("version", [1, 2])
def test_read_halves_as_opencv_writes_them(version, tmp_path):
    draw = np.random.default_rng(0)
    layers = {
        "conv1": (draw.normal(size=(4, 3, 3, 3)), draw.normal(size=4)),
        "ip": (draw.normal(size=(5, 4)), draw.normal(size=5)),
    }
    whole, halves = tmp_path / "a.caffemodel", tmp_path / "b.caffemodel"
    whole.write_bytes(caffe_encoder.network(layers, version=version))
    cv2.dnn.shrinkCaffeModel(str(whole), str(halves))
    assert halves.stat().st_size < 0.7 * whole.stat().st_size
    for name, blobs in caffe_file.read_layers(halves).items():
        for ours, theirs in zip(blobs, layers[name], strict=True):
            assert ours.dtype == np.float16
            expected = theirs.astype(np.float32).astype(np.float16)
            np.testing.assert_array_equal(ours.ravel(), expected.ravel())


@pytest.mark.parametrize(
    ("kind", "dtype"), [(number(10, 0), "<f8"), (number(10, 1), "<f4"), (b"", "<f8")]
)
def test_raw_numbers_of_other_types(kind, dtype, tmp_path):
    blob = SHAPE_2_3 + kind + message(12, X.astype(dtype).tobytes())
    path = save(tmp_path / "a.caffemodel", new_layer("ip", "InnerProduct", [blob]))
    np.testing.assert_array_equal(caffe_file.read_layers(path)["ip"][0], X)


def test_old_sizes_win_over_a_shape_as_in_caffe(tmp_path):
    blob = old_blob(X) + message(7, message(1, varint(6)))
    path = save(tmp_path / "a.caffemodel", new_layer("ip", "InnerProduct", [blob]))
    assert caffe_file.read_layers(path)["ip"][0].shape == (1, 1, 2, 3)


def with_nan(value):
    array = X.copy()
    array[1, 1] = value
    return array


def net(blob):
    return new_layer("ip", "InnerProduct", [blob])


@pytest.mark.parametrize(
    ("data", "message_"),
    [
        (net(new_blob(with_nan(np.nan))), "layer 'ip': a blob holds a NaN"),
        (net(new_blob(with_nan(np.inf))), "NaN or an infinity"),
        (net(SHAPE_2_3 + message(5, bytes(20))), "should hold 6 numbers and has 5"),
        (net(SHAPE_2_3 + message(5, bytes(23))), "cut off or of another type"),
        (net(SHAPE_2_3), "should hold 6 numbers and has 0"),
        (net(SHAPE_2_3 + number(5, 3)), "a number where a message"),
        (net(SHAPE_2_3 + varint(5 << 3 | 1) + bytes(8)), "of another type"),
        (net(number(1, -1) + message(5, bytes(4))), r"claims a shape of \(-1, 1"),
        (net(message(7, message(1, varint(-5)))), "claims a shape of"),
        (net(number(1, 2**40) + number(2, 2**40)), "too large"),
        (net(message(7, message(1, *[varint(1)] * 9))), "claims a shape of"),
        (net(message(1, b"x") + message(5, bytes(4))), "no whole number"),
        (
            net(message(5, bytes(4)) + message(8, bytes(8))),
            "both single and double",
        ),
        (
            net(SHAPE_2_3 + number(10, 3) + message(12, bytes(24))),
            "raw numbers are no floating-point",
        ),
        (
            net(SHAPE_2_3 + number(10, 2) + message(12, bytes(11))),
            "numbers are cut",
        ),
        (net(SHAPE_2_3 + number(10, 2) + message(12, bytes(10))), "numbers and has 5"),
        (net(new_blob(X) + message(12, bytes(24))), "both raw and other"),
        (net(SHAPE_2_3 + number(10, 2) + number(12, 5)), "a number where a message"),
        (net(new_blob(X)) * 2, "two layers with weights are called 'ip'"),
        (message(1, b"empty") + new_layer("relu", "ReLU", ()), "no layer in it has"),
        (message(2, message(1, message(50, old_blob(X)))), "before 2014"),
        (message(100, message(1, b"\xff\xfe"), message(7, new_blob(X))), "parsed"),
        (b"\x0a\xff\xff\xff\xff\x0fx", "claims 4,294,967,295 bytes where 1 are left"),
        (net(new_blob(X)) + b"\x0a\x05abc", "claims 5 bytes where 3 are left"),
        (b"\x0a" + b"\xff" * 10, "longer than 64 bits"),
        (b"\x0b", "starts no field"),
        (b"\x02\x01x", "cut off or of another format"),
        (number(100, 5), "a number where a message"),
        (b"<!DOCTYPE html><html>Not here</html>", "field"),
    ],
)
def test_read_refuses(data, message_, tmp_path):
    path = save(tmp_path / "bad.caffemodel", data)
    with pytest.raises(WeightsError, match=rf"bad\.caffemodel.*{message_}"):
        caffe_file.read_layers(path)


@pytest.mark.parametrize("encode", [old_blob, new_blob])
def test_every_truncation_is_refused(encode, tmp_path):
    make = old_layer if encode is old_blob else new_layer
    data = message(1, b"n") + make("ip", 14 if make is old_layer else "I", [encode(X)])
    path = tmp_path / "cut.caffemodel"
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"cut\.caffemodel"):
            caffe_file.read_layers(path)


def test_flipped_bytes_never_escape(tmp_path):
    whole = message(1, b"n") + net(new_blob(X))
    path = tmp_path / "flipped.caffemodel"
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                caffe_file.read_layers(path)
            except WeightsError as error:
                assert "flipped.caffemodel" in str(error)


def test_read_mean(tmp_path):
    image = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    path = save(tmp_path / "mean.binaryproto", old_blob(image))
    read = caffe_file.read_mean(path)
    np.testing.assert_array_equal(read, image)
    assert read.dtype == np.float32
    path = save(tmp_path / "grey.binaryproto", old_blob(image[:1]))
    with pytest.raises(WeightsError, match=r"\(1, 1, 4, 5\), not \(1, 3, height"):
        caffe_file.read_mean(path)
    with pytest.raises(WeightsError, match="mean image"):
        caffe_file.read_mean(save(tmp_path / "cut", old_blob(image)[:-1]))
    with pytest.raises(MissingError, match="not there"):
        caffe_file.read_mean(tmp_path / "none")
