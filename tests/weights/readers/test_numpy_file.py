"""Archives and pickles that NumPy itself wrote, and some it would not write."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import numpy_file

LAYERS = {
    "conv1": [np.arange(24.0, dtype=np.float32).reshape(2, 3, 4), np.ones(4, "f4")],
    "fc8": [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">f4")],
}


def python_2_pickle(layers):
    """Encode a mapping as Python 2 and NumPy 1 did: text for bytes, protocol 2."""

    def text(value):
        return b"U" + bytes([len(value)]) + value.encode()

    def rebuilt():
        kind = b"cnumpy\nndarray\n"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n" + kind + b"K\x00\x85U\x01b\x87R"
        )

    def dtype(code, order, flags=b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"):
        made = b"cnumpy\ndtype\n" + text(code) + b"K\x00K\x01\x87R"
        return made + b"(K\x03" + text(order) + b"NNN" + flags + b"tb"

    def array(value):
        shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in value.shape) + b"t"
        raw = value.astype("<f4").tobytes()
        state = b"(K\x01" + shape + dtype("f4", "<") + b"\x89"
        return rebuilt() + state + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"

    items = b"".join(
        text(name) + b"](" + b"".join(array(a) for a in arrays) + b"e"
        for name, arrays in layers.items()
    )
    mapping = b"}(" + items + b"u"
    state = b"(K\x01)" + dtype("O8", "|", b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK?")
    body = b"\x80\x02" + rebuilt() + state + b"\x89](" + mapping + b"etb."
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (-(len(header) + 11) % 16) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def check(read):
    assert list(read) == list(LAYERS)
    for name, arrays in read.items():
        for ours, theirs in zip(arrays, LAYERS[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype.isnative


def test_read_toronto_as_numpy_writes_it(tmp_path):
    np.save(tmp_path / "a.npy", LAYERS, allow_pickle=True)
    check(numpy_file.read_toronto(tmp_path / "a.npy"))


@pytest.mark.parametrize("protocol", [2, 3, 4])  # 4 is what numpy.save uses at most
def test_read_toronto_of_every_pickle_protocol(protocol, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array(None, object), allow_pickle=True)
    data = path.read_bytes()
    header = data[: data.index(b"\n") + 1]
    body = pickle.dumps(np.array(LAYERS, object), protocol=protocol)
    path.write_bytes(header + body)
    check(numpy_file.read_toronto(path))


@pytest.mark.parametrize("names", [("weights", "biases"), ("biases", "weights")])
def test_read_toronto_takes_caffe_tensorflow_s_dicts_of_dicts(names, tmp_path):
    layers = {
        layer: {n: arrays[["weights", "biases"].index(n)] for n in names}
        for layer, arrays in LAYERS.items()
    }
    np.save(tmp_path / "a.npy", layers, allow_pickle=True)
    check(numpy_file.read_toronto(tmp_path / "a.npy"))


def test_read_toronto_of_python_2(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(python_2_pickle(LAYERS))
    # The reference reads the hand-made pickle too.
    theirs = np.load(path, allow_pickle=True, encoding="latin1").item()
    np.testing.assert_array_equal(theirs["fc8"][0], LAYERS["fc8"][0])
    check(numpy_file.read_toronto(path))


class Evil:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.trace}",)


def test_read_toronto_runs_nothing(tmp_path):
    trace = tmp_path / "trace"
    np.save(tmp_path / "evil.npy", {"conv1": [Evil(trace)]}, allow_pickle=True)
    with pytest.raises(WeightsError, match=r"evil\.npy.*asks for 'posix.system'"):
        numpy_file.read_toronto(tmp_path / "evil.npy")
    assert not trace.exists()
    np.load(tmp_path / "evil.npy", allow_pickle=True)  # the trap springs here
    assert trace.exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"conv1": [1, 2]}, "layer 'conv1' holds what is no array"),
        ({"conv1": 5}, "is no layer"),
        ({"conv1": {"weights": 5}}, "layer 'conv1' holds what is no array"),
        ({"conv1": {"a": {"weights": np.ones(2)}}}, "holds what is no array"),
        ({1: [np.ones(2)]}, "is no layer"),
        ({}, "no mapping of layers"),
        ([np.ones(2)], "no mapping of layers"),
        ({"conv1": [np.array(["a"])]}, "type 'U1'"),
        ({"conv1": [np.ones(2, "f4,i4")]}, "type 'V8'"),
        ({"conv1": [np.array([{}, {}])]}, "more than one object"),
        ({"conv1": [np.float32(3)]}, "asks for 'numpy.*scalar'"),
    ],
)
def test_read_toronto_refuses(value, message, tmp_path):
    boxed = np.empty((), object)
    boxed[()] = value
    np.save(tmp_path / "bad.npy", boxed, allow_pickle=True)
    with pytest.raises(WeightsError, match=rf"bad\.npy.*{message}"):
        numpy_file.read_toronto(tmp_path / "bad.npy")


def test_read_toronto_refuses_arrays_larger_than_their_bytes(tmp_path):
    data = python_2_pickle({"a": [np.zeros(4, "f4")]})
    path = tmp_path / "bad.npy"
    for count in (5, 2**31 - 1, -4):
        path.write_bytes(
            data.replace(
                b"(J\x04\x00\x00\x00t", b"(J" + struct.pack("<i", count) + b"t"
            )
        )
        with pytest.raises(WeightsError, match=r"has not the bytes|claims a shape"):
            numpy_file.read_toronto(path)


def test_read_toronto_refuses_plain_arrays(tmp_path):
    np.save(tmp_path / "plain.npy", np.ones(3))
    with pytest.raises(WeightsError, match=r"shape \(3,\) and type float64"):
        numpy_file.read_toronto(tmp_path / "plain.npy")


def test_every_truncation_of_a_pickle_is_refused(tmp_path):
    whole = python_2_pickle({"a": [np.zeros(4, "f4")]})
    path = tmp_path / "cut.npy"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.npy"):
            numpy_file.read_toronto(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(WeightsError, match="1 bytes follow"):
        numpy_file.read_toronto(path)


ARRAYS = {
    "conv1/kernel": np.arange(24.0, dtype=np.float32).reshape(2, 3, 4),
    "conv1/bias": np.ones(4, np.float16),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">i4"),
    "scalar": np.array(True),
    "empty": np.zeros((0, 2)),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_read_npz(save, tmp_path):
    save(tmp_path / "a.npz", **ARRAYS)
    read = numpy_file.read_npz(tmp_path / "a.npz")
    assert list(read) == list(ARRAYS)
    for name, array in read.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.shape == ARRAYS[name].shape
        assert array.dtype == ARRAYS[name].dtype.newbyteorder("=")


def test_class_names_are_those_of_a_port(tmp_path):
    path = tmp_path / "a.npz"
    for text, names in (
        ('{"class_names": ["ant", "bee"]}', ("ant", "bee")),
        ('{"class_names": [1]}', ()),
        ("[" * 100_000, ()),
        ("no JSON", ()),
    ):
        np.savez(path, **ARRAYS)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("provenance.json", text)
        assert numpy_file.class_names(path) == names
    np.savez(path, **ARRAYS)
    assert numpy_file.class_names(path) == ()


def test_read_npz_refuses_objects_and_texts(tmp_path):
    trace = tmp_path / "trace"
    np.savez(tmp_path / "a.npz", w=np.array([Evil(trace)]), allow_pickle=True)
    with pytest.raises(WeightsError, match=r"a\.npz.*'w' is of type object"):
        numpy_file.read_npz(tmp_path / "a.npz")
    assert not trace.exists()
    np.savez(tmp_path / "a.npz", w=np.array(["text"]))
    with pytest.raises(WeightsError, match="'w' is of type <U4"):
        numpy_file.read_npz(tmp_path / "a.npz")


def member(shape, size, descr="<f4"):
    stream = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(size)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("w.npy", member((3,), 11), r"'w' of shape \(3,\) .* has 11 bytes"),
        ("w.npy", member((3,), 13), "has 13 bytes"),
        ("w.npy", member((2**40,), 4), "too large"),
        ("w.npy", member((-1,), 4), "claims a shape"),
        ("w.npy", member((1,) * 9, 4), "claims a shape"),
        ("w.npy", b"\x93NUMPY\x09\x00" + bytes(9), "format version"),
        ("w.npy", b"nothing", "cannot be parsed"),
        ("w.npy", b"", "cannot be parsed"),
        ("w.txt", b"text", "'w.txt' is no array"),
        ("w.npy", member((1,), 4).replace(b"{", b"("), "cannot be parsed"),
    ],
)
def test_read_npz_refuses(name, data, message, tmp_path):
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)
    with pytest.raises(WeightsError, match=rf"bad\.npz.*{message}"):
        numpy_file.read_npz(path)


def test_read_npz_bounds_what_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(numpy_file, "MAX_BYTES", 10_000)
    np.savez_compressed(tmp_path / "bomb.npz", w=np.zeros(3000, np.float32))
    assert (tmp_path / "bomb.npz").stat().st_size < 1000
    with pytest.raises(WeightsError, match="claim more than 10,000 bytes"):
        numpy_file.read_npz(tmp_path / "bomb.npz")


def test_read_npz_does_not_trust_a_member_s_claimed_size(tmp_path):
    path = tmp_path / "liar.npz"
    np.savez_compressed(path, w=np.zeros(3000, np.float32))
    data = path.read_bytes()
    true, claimed = struct.pack("<I", 12_128), struct.pack("<I", 128)
    assert true in data
    path.write_bytes(data.replace(true, claimed))
    with pytest.raises(WeightsError, match=r"liar\.npz"):
        numpy_file.read_npz(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_are_refused(save, tmp_path):
    path = tmp_path / "cut.npz"
    save(path, w=np.arange(10.0))
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.npz"):
            numpy_file.read_npz(path)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            numpy_file.read_npz(path)
        except WeightsError as error:
            assert "cut.npz" in str(error)
