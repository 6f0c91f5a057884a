"""Files that the safetensors library wrote, and damaged ones."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors import numpy as safetensors

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import contents, safetensors_file

ARRAYS = {
    "b.double": np.arange(6.0).reshape(2, 3),
    "a.float": np.arange(6, dtype=np.float32).reshape(3, 2),
    "half": np.array([1.5, -2], np.float16),
    "bfloat16": np.array([[1.5, -3e38]], ml_dtypes.bfloat16),
    "long": np.array(-(2**40)),
    "byte": np.array([0, 255], np.uint8),
    "bool": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
}


def test_read_equals_what_was_written(tmp_path):
    path = tmp_path / "weights.bin"
    safetensors.save_file(ARRAYS, path, metadata={"format": "pt"})
    file = contents.read_any(path)
    assert file.format == "safetensors"
    assert set(file.arrays) == set(ARRAYS)
    for name, theirs in ARRAYS.items():
        ours = file.arrays[name]
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours, theirs.astype(ours.dtype))
        assert ours.dtype == (np.float32 if name == "bfloat16" else theirs.dtype)


def raw(header, data=b""):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype, shape, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (raw({}), "holds no tensor"),
        (raw({"w": entry("F32", [2], 8)}, bytes(7)), "cannot be parsed"),
        (raw({"w": entry("F32", [3], 8)}, bytes(8)), "cannot be parsed"),
        (raw({"w": entry("F32", [2**62, 8], 8)}, bytes(8)), "cannot be parsed"),
        (raw({"w": entry("F8_E4M3", [2], 2)}, bytes(2)), "'w' is of type F8_E4M3"),
        (raw({"w": entry("F32", [1] * 9, 4)}, bytes(4)), "claims a shape"),
        (raw({"w": 5}), "cannot be parsed"),
    ],
)
def test_read_refuses(data, message, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=rf"bad\.safetensors.*{message}"):
        safetensors_file.read_tensors(path)


def test_every_truncation_is_refused(tmp_path):
    whole = safetensors.save(ARRAYS)
    path = tmp_path / "cut.safetensors"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.safetensors"):
            contents.read_here(path)


def test_flipped_bytes_never_escape(tmp_path):
    whole = safetensors.save({"w": np.ones((2, 3), np.float32)})
    path = tmp_path / "flipped.safetensors"
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                dict(safetensors_file.read_tensors(path).arrays)
            except WeightsError as error:
                assert "flipped.safetensors" in str(error)
